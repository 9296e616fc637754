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
  explicit Gzip(size_t size) {
    good_ = deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    if (good_) out_.resize(deflateBound(&stream_, size));
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.size());
  }
  ~Gzip() { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void Add(std::string_view piece, int flush) {
    if (!good_) return;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    int state = deflate(&stream_, flush);
    // An empty piece makes no progress, which zlib calls an error.
    good_ = state == Z_OK || state == Z_STREAM_END || (state == Z_BUF_ERROR && piece.empty());
  }
  // Nothing when the compression failed.
  std::optional<std::string> Finish() {
    Add({}, Z_FINISH);
    if (!good_) return std::nullopt;
    out_.resize(stream_.total_out);
    return std::move(out_);
  }

 private:
  z_stream stream_{};
  std::string out_;
  bool good_ = false;
};

}  // namespace

Task<void> Compress(const Exchange* exchange, net::Response* response) {
  if (response->status != 200 || response->headers.Has("content-encoding")) co_return;
  size_t size = 0;
  for (const net::Chunk& chunk : response->body) size += chunk.data.size();
  if (size < kSmallestCompressed || !AcceptsGzip(exchange->request.headers.Get("accept-encoding"))) co_return;
  Gzip gzip(size);
  size_t turn = 0;
  for (const net::Chunk& chunk : response->body) {
    gzip.Add(chunk.data, Z_NO_FLUSH);
    turn += chunk.data.size();
    if (turn < kTurn) continue;
    turn = 0;
    co_await Yield();
  }
  std::optional<std::string> compressed = gzip.Finish();
  if (!compressed) co_return;
  response->headers.Add("content-encoding", "gzip");
  response->headers.Add("vary", "Accept-Encoding");
  response->body.clear();
  response->body.push_back(net::Chunk::Copy(*std::move(compressed)));
}

}  // namespace sampan::apiserver
