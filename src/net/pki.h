// Keys, certificates and signed tokens. Everything passes as PEM or compact JWS text; nothing here touches the network,
// and only the file functions touch the disk. Thread-safe. RSA key generation takes ~100 ms: call it from a thread that
// may block.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace sampan::net {

enum class KeyType : unsigned char { kEcdsaP256, kRsa2048 };

Result<std::string> GenerateKeyPem(KeyType type);                // PKCS#8
Result<std::string> PublicKeyPem(std::string_view private_pem);  // SubjectPublicKeyInfo

struct KeyPair {
  std::string certificate_pem;  // leaf first when it is a chain
  std::string key_pem;
};

enum class CertificateUse : unsigned char { kServer, kClient, kServerAndClient };

struct CertificateSpec {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  CertificateUse use = CertificateUse::kServer;
  KeyType key_type = KeyType::kEcdsaP256;
  WallTime not_before;
  Duration valid_for = std::chrono::days(365);
};

// A self-signed CA whose key signs certificates.
Result<KeyPair> NewCertificateAuthority(std::string common_name, WallTime not_before, Duration valid_for);
// A new key and its certificate, signed by `ca`. Invalid for an address that is none.
Result<KeyPair> IssueCertificate(const KeyPair& ca, const CertificateSpec& spec);

struct CertificateInfo {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  std::string issuer_common_name;
  std::string serial_hex;
  std::string fingerprint_sha256;  // hex, of the DER
  WallTime not_before;
  WallTime not_after;
  bool is_ca = false;
};
// The first certificate of a PEM text. BadRequest when there is none or it is malformed.
Result<CertificateInfo> ParseCertificate(std::string_view pem);
// Whether `pair` belongs together, is signed by `ca_pem` and is valid at `now`; the error says what is not.
Result<void> CheckKeyPair(const KeyPair& pair, std::string_view ca_pem, WallTime now);

// Signs JSON claims as a compact JWS: RS256 for RSA keys, ES256 for P-256.
class JwtSigner {
 public:
  static Result<std::shared_ptr<const JwtSigner>> Create(std::string_view private_key_pem);
  virtual ~JwtSigner() = default;
  virtual Result<std::string> Sign(std::string_view claims_json) const = 0;
  virtual const std::string& key_id() const = 0;
};

// Checks a compact JWS against one or more public (or private) keys.
class JwtVerifier {
 public:
  static Result<std::shared_ptr<const JwtVerifier>> Create(std::vector<std::string> key_pems);
  virtual ~JwtVerifier() = default;
  // The claims' JSON text. Unauthorized unless one of the keys signed it with the algorithm of that key; "none" and HMAC
  // are never accepted. Does not look at exp, nbf, iss or aud: the caller does, with its clock.
  virtual Result<std::string> Verify(std::string_view token) const = 0;
  // {"keys":[...]} as /openid/v1/jwks serves it.
  virtual std::string JwksJson() const = 0;
};

// Written beside, flushed to disk and renamed over `path`: a reader sees the old or the new file, never a part.
enum class FileMode : unsigned char { kPrivate, kPublic };  // 0600, 0644
Result<void> WriteFileAtomically(const std::string& path, std::string_view text, FileMode mode);
Result<std::string> ReadWholeFile(const std::string& path);  // NotFound when it is not there

}  // namespace sampan::net
