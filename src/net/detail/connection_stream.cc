#include "async/spawn.h"
#include "net/detail/connection.h"

namespace sampan::net::detail {
namespace {

class ConnectionStream final : public Stream {
 public:
  ConnectionStream(std::shared_ptr<Connection> connection, std::string unread)
      : connection_(std::move(connection)), unread_(std::move(unread)) {}

  ~ConnectionStream() override {
    // The job also carries the last reference to the connection's own thread.
    IoLoop& loop = connection_->loop();
    loop.Post([connection = std::move(connection_)] { connection->Close(); });
  }

  Task<Result<size_t>> Read(std::span<char> buffer) override {
    if (!unread_.empty()) {
      size_t length = std::min(buffer.size(), unread_.size());
      std::memcpy(buffer.data(), unread_.data(), length);
      unread_.erase(0, length);
      co_return length;
    }
    Executor& caller = co_await ThisExecutor();
    if (&caller == &connection_->loop()) {
      auto direct = co_await connection_->Read(buffer);
      co_return direct;
    }
    auto read = co_await RunOn(connection_->loop(), connection_->Read(buffer));
    co_return read;
  }

  Task<Result<void>> Write(std::string_view data) override {
    Executor& caller = co_await ThisExecutor();
    if (&caller == &connection_->loop()) {
      auto direct = co_await connection_->Write(data);
      co_return direct;
    }
    auto written = co_await RunOn(connection_->loop(), connection_->Write(data));
    co_return written;
  }

  Task<void> CloseWrite() override { return RunOn(connection_->loop(), connection_->CloseWrite()); }
  void Abort() override { connection_->Abort(); }

 private:
  std::shared_ptr<Connection> connection_;
  std::string unread_;
};

}  // namespace

std::unique_ptr<Stream> NewConnectionStream(std::shared_ptr<Connection> connection, std::string unread) {
  return std::make_unique<ConnectionStream>(std::move(connection), std::move(unread));
}

}  // namespace sampan::net::detail
