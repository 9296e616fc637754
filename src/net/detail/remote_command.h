// Remote command between a WebSocket client and a SPDY server (v4.channel.k8s.io).
#pragma once

#include "net/detail/channel_socket.h"
#include "net/relay.h"
#include "net/spdy.h"

namespace sampan::net::detail {

// What each channel of the WebSocket carries.
enum class Channel : unsigned char { kStdin = 0, kStdout = 1, kStderr = 2, kError = 3, kResize = 4, kClose = 255 };

// How the error channel tells the end: version 4 and later send a Status as JSON, the first version the text of a failure.
enum class ErrorChannel : unsigned char { kStatus, kText };

// Opens the streams upstream and copies until the command has ended or either side has gone. The WebSocket is closed
// then, the session is the caller's to close. Both outlive the call.
Task<void> TranslateRemoteCommand(ChannelSocket* client, SpdySession* upstream, RemoteStreams streams, ErrorChannel errors,
                                  CancelToken stop);

}  // namespace sampan::net::detail
