// TLS over one connection's bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "net/detail/tls.h"

namespace sampan::net::detail {

// The only place that hands bytes to OpenSSL. Its queue of errors is the thread's, shared by all connections, and what a
// call means is read from it: it is emptied before each call, so that no connection is taken for broken because another one
// (or a token, or a certificate) was.
class TlsStream {
 public:
  // `ssl` is in its accept or connect state and has its BIO; `context` outlives it.
  TlsStream(SslPtr ssl, SslContextPtr context) : context_(std::move(context)), ssl_(std::move(ssl)) {}

  enum class Outcome : unsigned char { kDone, kWantRead, kEnd, kFailed };
  Outcome Handshake();
  Outcome Read(std::span<char> buffer, size_t& length);
  Outcome Write(std::string_view data);
  // Tells the peer that nothing follows; does nothing before the handshake is done.
  void Shutdown();

  // Why a call ended with kFailed.
  const std::string& error() const { return error_; }
  SSL& ssl() const { return *ssl_; }

 private:
  template <class F>
  Outcome Call(F&& call);

  SslContextPtr context_;
  SslPtr ssl_;
  std::string error_;
};

}  // namespace sampan::net::detail
