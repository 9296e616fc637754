// OpenSSL contexts of servers and clients, and what a handshake tells about the peer.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/client.h"
#include "net/detail/openssl.h"
#include "net/server.h"

namespace sampan::net::detail {

using SslPtr = OpensslPtr<SSL, SSL_free>;
using SslContextPtr = std::shared_ptr<SSL_CTX>;

Result<SslContextPtr> NewServerContext(const TlsServerOptions& options);
Result<SslContextPtr> NewClientContext(const TlsClientOptions& options);
// Makes a client's SSL verify the name or address `host`, send it as SNI and offer `protocols`.
Result<SslPtr> NewClientSsl(SSL_CTX& context, const TlsClientOptions& options, std::string_view host, Protocols protocols);

// Null without a verified certificate, or when it has expired since (sessions are resumed without a new check).
std::shared_ptr<const PeerIdentity> PeerIdentityOf(SSL& ssl);
bool NegotiatedHttp2(SSL& ssl);

}  // namespace sampan::net::detail
