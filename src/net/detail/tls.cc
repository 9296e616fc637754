#include "net/detail/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <span>

namespace sampan::net::detail {
namespace {

constexpr unsigned char kAlpnHttp2[] = {2, 'h', '2'};
constexpr unsigned char kAlpnBoth[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr unsigned char kAlpnHttp1[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

Result<SslContextPtr> NewContext(const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr) return Fail(Error::InternalError("TLS: {}", TakeTlsError()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // 128-bit AES first: it is the fastest where the processor has AES instructions, and every peer has it.
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

Result<void> UseKeyPair(SSL_CTX& context, std::string_view certificate_pem, std::string_view key_pem) {
  BioPtr chain = OpenText(certificate_pem);
  X509Ptr leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr));
  if (leaf == nullptr || SSL_CTX_use_certificate(&context, leaf.get()) != 1) {
    return Fail(Error::BadRequest("TLS certificate: {}", TakeTlsError()));
  }
  while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(&context, next) != 1) {
      X509_free(next);
      return Fail(Error::BadRequest("TLS certificate chain: {}", TakeTlsError()));
    }
  }
  ERR_clear_error();  // the end of the text is reported as an error
  KeyPtr key(PEM_read_bio_PrivateKey(OpenText(key_pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr || SSL_CTX_use_PrivateKey(&context, key.get()) != 1 || SSL_CTX_check_private_key(&context) != 1) {
    return Fail(Error::BadRequest("TLS key: {}", TakeTlsError()));
  }
  return {};
}

Result<void> TrustAuthorities(SSL_CTX& context, std::string_view pem, bool announce) {
  BioPtr text = OpenText(pem);
  size_t count = 0;
  while (X509* raw = PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr)) {
    X509Ptr authority(raw);
    ++count;
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority.get()) != 1) {
      return Fail(Error::BadRequest("TLS authority: {}", TakeTlsError()));
    }
    if (announce) SSL_CTX_add_client_CA(&context, authority.get());
  }
  ERR_clear_error();
  if (count == 0) return Fail(Error::BadRequest("TLS authority: no certificate in the PEM text"));
  return {};
}

int SelectAlpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in, unsigned in_length,
               void*) {
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_length, kAlpnBoth, sizeof(kAlpnBoth), in, in_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Result<SslContextPtr> NewServerContext(const TlsServerOptions& options) {
  TRY(SslContextPtr context, NewContext(TLS_server_method()));
  TRY_VOID(UseKeyPair(*context, options.certificate_pem, options.key_pem));
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Tickets carry the session, so the server keeps none. Resumed sessions keep their client certificate.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  static constexpr unsigned char kSessionContext[] = "sampan";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof(kSessionContext) - 1);
  SSL_CTX_set_alpn_select_cb(context.get(), SelectAlpn, nullptr);
  if (!options.client_ca_pem.empty()) {
    TRY_VOID(TrustAuthorities(*context, options.client_ca_pem, true));
    X509_VERIFY_PARAM_set_purpose(SSL_CTX_get0_param(context.get()), X509_PURPOSE_SSL_CLIENT);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

Result<SslContextPtr> NewClientContext(const TlsClientOptions& options) {
  TRY(SslContextPtr context, NewContext(TLS_client_method()));
  if (!options.certificate_pem.empty()) TRY_VOID(UseKeyPair(*context, options.certificate_pem, options.key_pem));
  if (options.skip_verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  } else {
    if (options.ca_pem.empty()) {
      SSL_CTX_set_default_verify_paths(context.get());
    } else {
      TRY_VOID(TrustAuthorities(*context, options.ca_pem, false));
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

Result<SslPtr> NewClientSsl(SSL_CTX& context, const TlsClientOptions& options, std::string_view host, Protocols protocols) {
  SslPtr ssl(SSL_new(&context));
  if (ssl == nullptr) return Fail(Error::InternalError("TLS: {}", TakeTlsError()));
  std::string name(options.server_name.empty() ? host : std::string_view(options.server_name));
  unsigned char address[sizeof(in6_addr)];
  bool is_address = inet_pton(AF_INET, name.c_str(), address) == 1 || inet_pton(AF_INET6, name.c_str(), address) == 1;
  bool set = is_address
                 ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str()) == 1
                 : SSL_set1_host(ssl.get(), name.c_str()) == 1 && SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1;
  if (!set) return Fail(Error::BadRequest("TLS server name \"{}\" is not valid", name));
  std::span<const unsigned char> offered(kAlpnHttp1);
  if (protocols == Protocols::kHttp2) offered = kAlpnBoth;
  SSL_set_alpn_protos(ssl.get(), offered.data(), static_cast<unsigned>(offered.size()));
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::shared_ptr<const PeerIdentity> PeerIdentityOf(SSL& ssl) {
  X509Ptr certificate(SSL_get1_peer_certificate(&ssl));
  if (certificate == nullptr || SSL_get_verify_result(&ssl) != X509_V_OK) return nullptr;
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) <= 0) return nullptr;
  auto identity = std::make_shared<PeerIdentity>();
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (nid == NID_commonName) identity->common_name = NameEntryText(*entry);
    if (nid == NID_organizationName) identity->organizations.push_back(NameEntryText(*entry));
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest, &length) != 1) return nullptr;
  identity->fingerprint_sha256 = Hex({reinterpret_cast<char*>(digest), length});
  return identity;
}

bool NegotiatedHttp2(SSL& ssl) {
  const unsigned char* protocol = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(&ssl, &protocol, &length);
  return length == 2 && protocol != nullptr && std::memcmp(protocol, kAlpnHttp2 + 1, 2) == 0;
}

}  // namespace sampan::net::detail
