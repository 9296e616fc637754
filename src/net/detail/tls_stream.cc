#include "net/detail/tls_stream.h"

#include <openssl/err.h>

namespace sampan::net::detail {

template <class F>
TlsStream::Outcome TlsStream::Call(F&& call) {
  ERR_clear_error();
  int done = call();
  int error = SSL_get_error(ssl_.get(), done);
  if (error == SSL_ERROR_NONE) return Outcome::kDone;
  if (error == SSL_ERROR_WANT_READ) return Outcome::kWantRead;
  if (error == SSL_ERROR_ZERO_RETURN) return Outcome::kEnd;
  error_ = TakeTlsError();
  return Outcome::kFailed;
}

TlsStream::Outcome TlsStream::Handshake() {
  return Call([this] { return SSL_do_handshake(ssl_.get()); });
}

TlsStream::Outcome TlsStream::Read(std::span<char> buffer, size_t& length) {
  return Call([&] { return SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &length); });
}

TlsStream::Outcome TlsStream::Write(std::string_view data) {
  size_t written = 0;
  return Call([&] { return SSL_write_ex(ssl_.get(), data.data(), data.size(), &written); });
}

void TlsStream::Shutdown() {
  if (SSL_is_init_finished(ssl_.get()) == 0) return;
  // 0 says that the peer's own notice has not come yet.
  Call([this] { return SSL_shutdown(ssl_.get()) < 0 ? -1 : 1; });
}

}  // namespace sampan::net::detail
