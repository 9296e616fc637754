#include "net/detail/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

namespace sampan::net::detail {

BioPtr OpenText(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string TakeText(BIO& memory) {
  char* data = nullptr;
  long length = BIO_get_mem_data(&memory, &data);
  return {data, static_cast<size_t>(length)};
}

std::string TakeTlsError() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? std::string(reason) : fmt::format("error {:#x}", code);
}

Result<KeyPtr> ParsePrivateKey(std::string_view pem) {
  KeyPtr key(PEM_read_bio_PrivateKey(OpenText(pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return Fail(Error::BadRequest("private key: {}", TakeTlsError()));
  return key;
}

Result<KeyPtr> ParsePublicKey(std::string_view pem) {
  KeyPtr key(PEM_read_bio_PUBKEY(OpenText(pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) key.reset(PEM_read_bio_PrivateKey(OpenText(pem).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) {
    X509Ptr certificate(PEM_read_bio_X509(OpenText(pem).get(), nullptr, nullptr, nullptr));
    if (certificate != nullptr) key.reset(X509_get_pubkey(certificate.get()));
  }
  if (key == nullptr) return Fail(Error::BadRequest("public key: {}", TakeTlsError()));
  ERR_clear_error();
  return key;
}

Result<X509Ptr> ParseX509(std::string_view pem) {
  X509Ptr certificate(PEM_read_bio_X509(OpenText(pem).get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return Fail(Error::BadRequest("certificate: {}", TakeTlsError()));
  return certificate;
}

std::string Hex(std::string_view bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (unsigned char byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::string Sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string NameEntryText(const X509_NAME_ENTRY& entry) {
  unsigned char* utf8 = nullptr;
  int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(&entry));
  if (length < 0) return {};
  std::string text(reinterpret_cast<char*>(utf8), static_cast<size_t>(length));
  OPENSSL_free(utf8);
  return text;
}

}  // namespace sampan::net::detail
