// OpenSSL contexts of servers and clients, and what a handshake tells about the peer.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/client.h"
#include "net/server.h"

namespace sampan::net::detail {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using OpensslPtr = std::unique_ptr<T, OpensslFree<Free>>;

using SslPtr = OpensslPtr<SSL, SSL_free>;
using SslContextPtr = std::shared_ptr<SSL_CTX>;

// The thread's oldest OpenSSL error as text, and the queue emptied.
std::string TakeTlsError();

Result<SslContextPtr> NewServerContext(const TlsServerOptions& options);
Result<SslContextPtr> NewClientContext(const TlsClientOptions& options);
// Makes a client's SSL verify the name or address `host` and send it as SNI.
Result<SslPtr> NewClientSsl(SSL_CTX& context, const TlsClientOptions& options, std::string_view host);

// Null without a verified certificate, or when it has expired since (sessions are resumed without a new check).
std::shared_ptr<const PeerIdentity> PeerIdentityOf(SSL& ssl);
bool NegotiatedHttp2(SSL& ssl);

}  // namespace sampan::net::detail
