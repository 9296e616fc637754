// Remote command between a WebSocket client (v4/v5.channel.k8s.io) and a SPDY server (v4.channel.k8s.io).
#pragma once

#include "net/relay.h"
#include "net/spdy.h"
#include "net/websocket.h"

namespace sampan::net::detail {

// The first byte of each WebSocket message.
enum class Channel : unsigned char { kStdin = 0, kStdout = 1, kStderr = 2, kError = 3, kResize = 4, kClose = 255 };

// Opens the streams upstream and copies until the command has ended or either side has gone. The WebSocket is closed
// then, the session is the caller's to close. Both outlive the call.
Task<void> TranslateRemoteCommand(WebSocket* client, SpdySession* upstream, RemoteStreams streams, CancelToken stop);

}  // namespace sampan::net::detail
