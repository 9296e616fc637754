// Port-forward between a WebSocket client that speaks channels and a SPDY server (portforward.k8s.io).
#pragma once

#include <cstdint>
#include <vector>

#include "net/detail/channel_socket.h"
#include "net/spdy.h"

namespace sampan::net::detail {

// The ports of a request's query (port=80&ports=81,82). BadRequest for none, more than 100, or what is no port.
Result<std::vector<uint16_t>> PortsFromQuery(std::string_view query);

// One connection to each port: its bytes are channel 2i, the text of its failure is channel 2i+1. Both channels begin with
// the port as two bytes, the low one first. Done when every connection has ended or either side has gone. The WebSocket is
// closed then, the session is the caller's to close. Both outlive the call.
Task<void> TranslatePortForward(ChannelSocket* client, SpdySession* upstream, std::vector<uint16_t> ports, CancelToken stop);

}  // namespace sampan::net::detail
