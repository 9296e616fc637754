#include <zlib.h>

#include "apiserver/http/encode.h"

namespace sampan::apiserver {

namespace {

// Below this a client waits longer for the compression than for the bytes.
constexpr size_t kSmallestCompressed = 128 * 1024;
constexpr int kGzipWindow = 15 + 16;

// How much is compressed before other work of the thread gets a turn: about two milliseconds' worth.
constexpr size_t kTurn = 256 * 1024;

class Gzip {
 public:
  Gzip() : piece_(kPiece, 0) {
    good_ = deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    Room();
  }
  ~Gzip() { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void Add(std::string_view piece) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    while (good_ && stream_.avail_in > 0) {
      good_ = deflate(&stream_, Z_NO_FLUSH) == Z_OK;
      if (stream_.avail_out == 0) Flush();
    }
  }
  // Nothing when the compression failed.
  std::optional<std::vector<net::Chunk>> Finish() {
    int state = Z_OK;
    while (good_ && state != Z_STREAM_END) {
      state = deflate(&stream_, Z_FINISH);
      good_ = state == Z_OK || state == Z_STREAM_END;
      Flush();
    }
    if (!good_) return std::nullopt;
    return std::move(out_);
  }

 private:
  static constexpr size_t kPiece = 64 * 1024;

  void Room() {
    stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
    stream_.avail_out = static_cast<uInt>(piece_.size());
  }
  // What is compressed goes out in pieces of its own size: nobody keeps room for what it might have been.
  void Flush() {
    out_.push_back(net::Chunk::Copy(piece_.substr(0, piece_.size() - stream_.avail_out)));
    Room();
  }

  z_stream stream_{};
  std::string piece_;
  std::vector<net::Chunk> out_;
  bool good_ = false;
};

}  // namespace

Task<void> Compress(const Exchange* exchange, net::Response* response) {
  if (response->status != 200 || response->headers.Has("content-encoding")) co_return;
  size_t size = 0;
  for (const net::Chunk& chunk : response->body) size += chunk.data.size();
  if (size < kSmallestCompressed || !AcceptsGzip(exchange->request.headers.Get("accept-encoding"))) co_return;
  Gzip gzip;
  size_t turn = 0;
  for (const net::Chunk& chunk : response->body) {
    gzip.Add(chunk.data);
    turn += chunk.data.size();
    if (turn < kTurn) continue;
    turn = 0;
    co_await Yield();
  }
  std::optional<std::vector<net::Chunk>> compressed = gzip.Finish();
  if (!compressed) co_return;
  response->headers.Add("content-encoding", "gzip");
  response->headers.Add("vary", "Accept-Encoding");
  response->body = *std::move(compressed);
}

}  // namespace sampan::apiserver
