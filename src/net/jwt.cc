#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "net/detail/openssl.h"
#include "net/pki.h"

namespace sampan::net {
namespace {

using namespace detail;

constexpr size_t kCoordinateBytes = 32;  // P-256
constexpr size_t kMaxTokenBytes = 64 * 1024;

std::span<const unsigned char> Bytes(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

struct JwtKey {
  KeyPtr key;
  std::string algorithm;  // "RS256" or "ES256"
  std::string id;         // of the public key's DER, as Kubernetes derives it
};

Result<JwtKey> IdentifyKey(KeyPtr key) {
  JwtKey identified;
  if (EVP_PKEY_is_a(key.get(), "RSA") != 0) {
    identified.algorithm = "RS256";
  } else if (EVP_PKEY_is_a(key.get(), "EC") != 0 && EVP_PKEY_get_bits(key.get()) == 256) {
    identified.algorithm = "ES256";
  } else {
    return Fail(Error::BadRequest("tokens are signed with RSA or P-256 keys only"));
  }
  unsigned char* der = nullptr;
  int length = i2d_PUBKEY(key.get(), &der);
  if (length <= 0) return Fail(Error::BadRequest("public key: {}", TakeTlsError()));
  identified.id = base64::EncodeUrl(Sha256({reinterpret_cast<char*>(der), static_cast<size_t>(length)}));
  OPENSSL_free(der);
  identified.key = std::move(key);
  return identified;
}

// JWS wants the two numbers of an ECDSA signature side by side, OpenSSL has them in DER.
std::string DerToRaw(std::string_view der) {
  const unsigned char* data = Bytes(der).data();
  OpensslPtr<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size())));
  if (signature == nullptr) return {};
  std::string raw(2 * kCoordinateBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kCoordinateBytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kCoordinateBytes, kCoordinateBytes);
  return raw;
}

std::string RawToDer(std::string_view raw) {
  if (raw.size() != 2 * kCoordinateBytes) return {};
  OpensslPtr<ECDSA_SIG, ECDSA_SIG_free> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(Bytes(raw).data(), kCoordinateBytes, nullptr),
                 BN_bin2bn(Bytes(raw).data() + kCoordinateBytes, kCoordinateBytes, nullptr));
  unsigned char* der = nullptr;
  int length = i2d_ECDSA_SIG(signature.get(), &der);
  if (length <= 0) return {};
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return text;
}

class JwtSignerImpl final : public JwtSigner {
 public:
  explicit JwtSignerImpl(JwtKey key) : key_(std::move(key)) {}
  const std::string& key_id() const override { return key_.id; }

  Result<std::string> Sign(std::string_view claims_json) const override {
    std::string header = fmt::format(R"({{"alg":"{}","kid":"{}"}})", key_.algorithm, key_.id);
    std::string token = base64::EncodeUrl(header) + "." + base64::EncodeUrl(claims_json);
    OpensslPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    size_t length = 0;
    auto input = Bytes(token);
    bool sized = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.key.get()) == 1 &&
                 EVP_DigestSign(context.get(), nullptr, &length, input.data(), input.size()) == 1;
    std::string signature(length, '\0');
    if (!sized || EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, input.data(),
                                 input.size()) != 1) {
      return Fail(Error::InternalError("cannot sign a token: {}", TakeTlsError()));
    }
    signature.resize(length);
    token += '.';
    token += base64::EncodeUrl(key_.algorithm == "ES256" ? DerToRaw(signature) : signature);
    return token;
  }

 private:
  JwtKey key_;
};

class JwtVerifierImpl final : public JwtVerifier {
 public:
  explicit JwtVerifierImpl(std::vector<JwtKey> keys) : keys_(std::move(keys)) {}

  Result<std::string> Verify(std::string_view token) const override {
    Error malformed = Error::Unauthorized("malformed token");
    size_t first = token.find('.');
    size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.size() > kMaxTokenBytes) return Fail(malformed);
    std::optional<std::string> header_text = base64::DecodeUrl(token.substr(0, first));
    std::optional<std::string> claims = base64::DecodeUrl(token.substr(first + 1, second - first - 1));
    std::optional<std::string> signature = base64::DecodeUrl(token.substr(second + 1));
    if (!header_text || !claims || !signature) return Fail(malformed);
    auto header = json::Parse(*header_text, {.max_depth = 10, .max_bytes = 4096});
    if (!header) return Fail(malformed);
    std::string_view algorithm = json::FindString(json::Find(*header, "alg"));
    std::string_view key_id = json::FindString(json::Find(*header, "kid"));
    for (const JwtKey& key : keys_) {
      // The key decides the algorithm, never the token.
      if (key.algorithm != algorithm || (!key_id.empty() && key_id != key.id)) continue;
      if (Matches(key, token.substr(0, second), *signature)) return *std::move(claims);
    }
    return Fail(Error::Unauthorized("the token is not signed by a known key"));
  }

  std::string JwksJson() const override {
    json::Array keys;
    for (const JwtKey& key : keys_) {
      json::Object entry{{"use", "sig"}, {"kid", key.id}, {"alg", key.algorithm}};
      if (key.algorithm == "RS256") {
        entry["kty"] = "RSA";
        entry["n"] = Number(*key.key, OSSL_PKEY_PARAM_RSA_N, 0);
        entry["e"] = Number(*key.key, OSSL_PKEY_PARAM_RSA_E, 0);
      } else {
        entry["kty"] = "EC";
        entry["crv"] = "P-256";
        entry["x"] = Number(*key.key, OSSL_PKEY_PARAM_EC_PUB_X, kCoordinateBytes);
        entry["y"] = Number(*key.key, OSSL_PKEY_PARAM_EC_PUB_Y, kCoordinateBytes);
      }
      keys.push_back(std::move(entry));
    }
    return json::Serialize(json::Object{{"keys", std::move(keys)}});
  }

 private:
  static bool Matches(const JwtKey& key, std::string_view signed_text, const std::string& signature) {
    std::string der = key.algorithm == "ES256" ? RawToDer(signature) : signature;
    if (der.empty()) return false;
    OpensslPtr<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    bool matches =
        EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.key.get()) == 1 &&
        EVP_DigestVerify(context.get(), Bytes(der).data(), der.size(), Bytes(signed_text).data(), signed_text.size()) == 1;
    if (!matches) TakeTlsError();
    return matches;
  }

  // A big number of the key in base64url, padded to `width` bytes.
  static std::string Number(EVP_PKEY& key, const char* name, size_t width) {
    BIGNUM* raw = nullptr;
    EVP_PKEY_get_bn_param(&key, name, &raw);
    OpensslPtr<BIGNUM, BN_free> number(raw);
    if (number == nullptr) return {};
    size_t length = std::max(width, static_cast<size_t>(BN_num_bytes(number.get())));
    std::string bytes(length, '\0');
    BN_bn2binpad(number.get(), reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(length));
    return base64::EncodeUrl(bytes);
  }

  std::vector<JwtKey> keys_;
};

}  // namespace

Result<std::shared_ptr<const JwtSigner>> JwtSigner::Create(std::string_view private_key_pem) {
  TRY(KeyPtr key, ParsePrivateKey(private_key_pem));
  TRY(JwtKey identified, IdentifyKey(std::move(key)));
  return std::make_shared<const JwtSignerImpl>(std::move(identified));
}

Result<std::shared_ptr<const JwtVerifier>> JwtVerifier::Create(std::vector<std::string> key_pems) {
  std::vector<JwtKey> keys;
  for (const std::string& pem : key_pems) {
    TRY(KeyPtr key, ParsePublicKey(pem));
    TRY(JwtKey identified, IdentifyKey(std::move(key)));
    keys.push_back(std::move(identified));
  }
  return std::make_shared<const JwtVerifierImpl>(std::move(keys));
}

}  // namespace sampan::net
