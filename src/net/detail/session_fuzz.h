// What the fuzzers of whole connections share: bytes go to a server's session over a socket pair, and it ends.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <string_view>

#include "async/io_loop.h"
#include "async/spawn.h"
#include "base/check.h"
#include "net/detail/session.h"

namespace sampan::net::detail {

// Reads some bodies whole, some in pieces, some not at all.
inline Task<void> FuzzHandler(Request& request, ResponseWriter& writer) {
  if (request.path == "/upgrade") {
    auto stream = co_await writer.Upgrade({});
    if (stream) co_return;
  }
  Response response;
  if (request.method == "POST") {
    auto body = co_await request.body->ReadAll(1000);
    response.status = body ? 200 : HttpStatusOf(body.error().reason());
    if (body) response.body.push_back(Chunk::Copy(*std::move(body)));
  } else if (request.method == "PUT") {
    co_await writer.Start(200, {});
    while (true) {
      auto piece = co_await request.body->ReadSome();
      if (!piece) co_return;
      if (piece->empty()) break;
      std::vector<Chunk> chunks{Chunk::Copy(*std::move(piece))};
      auto written = co_await writer.Write(std::move(chunks));
      if (!written) co_return;
    }
    co_await writer.Finish();
    co_return;
  }
  co_await writer.Respond(std::move(response));
}

class SessionFuzzer {
 public:
  using Serve = Task<void> (*)(SessionParts parts);

  explicit SessionFuzzer(Serve serve) : serve_(serve), shared_(std::make_shared<ServerShared>()) {
    shared_->options.body_pace.window = std::chrono::milliseconds(200);
    shared_->options.header_timeout = shared_->options.idle_timeout = std::chrono::milliseconds(200);
    shared_->options.write_timeout = std::chrono::milliseconds(200);
    shared_->handler = FuzzHandler;
    shared_->places = std::make_shared<ConnectionPlaces>(100, 1 << 20);
  }

  // Returns when the session has ended; whatever the bytes are, it does, and holds nothing then.
  void Run(std::string_view bytes) {
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    std::promise<void> ended;
    sampan::detail::Launch(loops_.at(0), Session(this, ends[0], &ended));
    size_t cut = bytes.size() / 2;  // what comes in two reads must mean the same
    for (std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
      [[maybe_unused]] ssize_t sent = send(ends[1], part.data(), part.size(), MSG_NOSIGNAL);
    }
    shutdown(ends[1], SHUT_WR);
    std::array<char, 65536> answer;
    while (recv(ends[1], answer.data(), answer.size(), 0) > 0) {
    }
    ended.get_future().wait();
    close(ends[1]);
  }

 private:
  static sampan::detail::Detached Session(SessionFuzzer* self, int fd, std::promise<void>* ended) {
    co_await self->ServeOne(fd);
    ended->set_value();
  }

  Task<void> ServeOne(int fd) {
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    SessionParts parts{shared_, connections_, Connection::Create(loops_.at(0), fd), "10.0.0.1:1000"};
    parts.place = shared_->places->Take(parts.remote_address, fd);
    parts.client = "10.0.0.1";
    CHECK(parts.place != nullptr);
    co_await serve_(std::move(parts));
    CHECK(connections_->bodies.used() == 0);
  }

  const Serve serve_;
  std::shared_ptr<ServerShared> shared_;
  std::shared_ptr<LoopConnections> connections_ = std::make_shared<LoopConnections>(size_t{1} << 20);
  IoLoops loops_{1};
};

}  // namespace sampan::net::detail
