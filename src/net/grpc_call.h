// One gRPC call without TLS and without a generated stub: for peers that are asked once, by address.
#pragma once

#include <string>

#include "async/cancel.h"
#include "base/time.h"
#include "net/http.h"

namespace sampan {
class IoLoops;
}

namespace sampan::net {

struct GrpcCall {
  std::string host;  // a numeric address
  uint16_t port = 0;
  std::string method;   // "/grpc.health.v1.Health/Check"
  std::string message;  // the request in protobuf's wire format
  std::string user_agent;
  Duration timeout = std::chrono::seconds(10);  // of the whole call
  CancelToken stop;                             // gives it up
};

struct GrpcAnswer {
  int status = 0;  // as gRPC numbers them: 0 is OK, 12 is Unimplemented
  std::string status_message;
  std::string message;  // the response in protobuf's wire format; empty unless OK
};

// Connects, calls, closes. ServiceUnavailable when there is no gRPC server to talk to, Timeout when it does not answer in
// time; whatever the server says is an answer.
Task<Result<GrpcAnswer>> CallGrpc(IoLoops& loops, GrpcCall call);

}  // namespace sampan::net
