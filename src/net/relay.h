// Carries exec, attach and port-forward from the API's client to whoever serves it (node agent, container runtime).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/cancel.h"
#include "net/client.h"
#include "net/http.h"
#include "net/websocket.h"

namespace sampan::net {

// Copies both ways until both directions have ended, one broke, or `stop` is requested. A side that closes its writing
// half leaves the other direction open. Both streams outlive the call.
Task<void> Relay(Stream& a, Stream& b, CancelToken stop);

// The subprotocols of remote command and port-forward.
inline constexpr std::string_view kChannelV1 = "channel.k8s.io";
inline constexpr std::string_view kChannelV4 = "v4.channel.k8s.io";
inline constexpr std::string_view kChannelV5 = "v5.channel.k8s.io";
inline constexpr std::string_view kBase64ChannelV1 = "base64.channel.k8s.io";
inline constexpr std::string_view kBase64ChannelV4 = "v4.base64.channel.k8s.io";
inline constexpr std::string_view kPortForwardV1 = "portforward.k8s.io";
inline constexpr std::string_view kTunneledPortForward = "SPDY/3.1+portforward.k8s.io";

struct RemoteStreams {
  bool stdin_open = false;
  bool stdout_open = false;
  bool stderr_open = false;
  bool tty = false;
  static RemoteStreams FromQuery(std::string_view query);  // stdin=true&stdout=1&tty=true
};

enum class StreamingKind : unsigned char { kRemoteCommand, kPortForward };

struct StreamingProxyOptions {
  StreamingKind kind = StreamingKind::kRemoteCommand;
  RemoteStreams streams;   // remote command only
  ClientRequest upstream;  // method, target and headers of the upgrade request, without the upgrade headers
  // How the client is told that upstream was not reached or refused; plain text when empty.
  std::function<Response(const Error&)> error_response;
};

// Answers an upgrade request by proxying it, in whichever way the client speaks:
//   SPDY/3.1                              the same upgrade upstream, bytes relayed untouched
//   WebSocket with channels               translated to SPDY streams upstream; version 5, 4 or 1 of the protocol (also by no
//                                         name) for exec and attach, 4 for port-forward (ports=80&ports=81 in the query)
//   WebSocket SPDY/3.1+portforward...     the tunnelled bytes relayed to a SPDY upgrade upstream
// The client sees upstream's refusal by error_response; 400 when it asks for none of these. Ends when the
// streams have ended; all references outlive the call.
Task<void> ProxyStreaming(Request& request, ResponseWriter& writer, Client& upstream, StreamingProxyOptions options);

}  // namespace sampan::net
