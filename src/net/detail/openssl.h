// Owners for OpenSSL's objects, and its errors as text.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

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

using BioPtr = OpensslPtr<BIO, BIO_free>;
using X509Ptr = OpensslPtr<X509, X509_free>;
using KeyPtr = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;

BioPtr OpenText(std::string_view text);  // reads `text`, which outlives it
std::string TakeText(BIO& memory);       // what was written to a memory BIO

// The thread's oldest OpenSSL error as text, and the queue emptied.
std::string TakeTlsError();

Result<KeyPtr> ParsePrivateKey(std::string_view pem);
Result<KeyPtr> ParsePublicKey(std::string_view pem);  // a public key, a private key or a certificate
Result<X509Ptr> ParseX509(std::string_view pem);      // the first certificate

std::string Hex(std::string_view bytes);
std::string Sha256(std::string_view bytes);  // 32 bytes
std::string NameEntryText(const X509_NAME_ENTRY& entry);

}  // namespace sampan::net::detail
