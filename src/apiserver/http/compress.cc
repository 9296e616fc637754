#include <zlib.h>

#include "apiserver/http/encode.h"

namespace sampan::apiserver {

namespace {

// Below this a client waits longer for the compression than for the bytes.
constexpr size_t kSmallestCompressed = 128 * 1024;
constexpr int kGzipWindow = 15 + 16;

bool Gzip(const std::vector<net::Chunk>& body, size_t size, std::string& out) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) return false;
  out.resize(deflateBound(&stream, size));
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  int state = Z_OK;
  for (size_t i = 0; i < body.size() && state == Z_OK; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body[i].data.data()));
    stream.avail_in = static_cast<uInt>(body[i].data.size());
    state = deflate(&stream, i + 1 == body.size() ? Z_FINISH : Z_NO_FLUSH);
    if (state == Z_BUF_ERROR && stream.avail_in == 0) state = Z_OK;  // an empty piece makes no progress
  }
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return state == Z_STREAM_END;
}

}  // namespace

void Compress(const Exchange& exchange, net::Response& response) {
  if (response.status != 200 || response.headers.Has("content-encoding")) return;
  size_t size = 0;
  for (const net::Chunk& chunk : response.body) size += chunk.data.size();
  if (size < kSmallestCompressed || !AcceptsGzip(exchange.request.headers.Get("accept-encoding"))) return;
  std::string compressed;
  if (!Gzip(response.body, size, compressed)) return;
  response.headers.Add("content-encoding", "gzip");
  response.headers.Add("vary", "Accept-Encoding");
  response.body.clear();
  response.body.push_back(net::Chunk::Copy(std::move(compressed)));
}

}  // namespace sampan::apiserver
