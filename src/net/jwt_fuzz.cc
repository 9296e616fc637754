// Tokens from outside: none is ever accepted that the key did not sign.
#include <cstdlib>

#include "net/pki.h"

using namespace sampan::net;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto verifier =
      *JwtVerifier::Create({*GenerateKeyPem(KeyType::kEcdsaP256), *GenerateKeyPem(KeyType::kRsa2048)});
  std::string_view token(reinterpret_cast<const char*>(data), size);
  if (verifier->Verify(token)) abort();
  return 0;
}
