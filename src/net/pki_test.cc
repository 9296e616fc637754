#include "net/pki.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/base64.h"
#include "codec/json.h"

namespace sampan::net {
namespace {

const WallTime kNow(std::chrono::sys_days(std::chrono::year(2026) / 1 / 1).time_since_epoch());
constexpr Duration kYear = std::chrono::days(365);

TEST(Pki, IssuesWhatTheSpecSays) {
  auto ca = NewCertificateAuthority("sampan-ca", kNow, 10 * kYear);
  ASSERT_TRUE(ca) << ca.error().message();
  CertificateSpec spec{.common_name = "system:node:a",
                       .organizations = {"system:nodes", "ops"},
                       .dns_names = {"localhost", "node-a.local"},
                       .ip_addresses = {"127.0.0.1", "::1"},
                       .use = CertificateUse::kServerAndClient,
                       .not_before = kNow};
  for (KeyType type : {KeyType::kEcdsaP256, KeyType::kRsa2048}) {
    spec.key_type = type;
    auto pair = IssueCertificate(*ca, spec);
    ASSERT_TRUE(pair) << pair.error().message();
    auto info = ParseCertificate(pair->certificate_pem);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->common_name, spec.common_name);
    EXPECT_EQ(info->organizations, spec.organizations);
    EXPECT_EQ(info->dns_names, spec.dns_names);
    EXPECT_EQ(info->ip_addresses, spec.ip_addresses);
    EXPECT_EQ(info->issuer_common_name, "sampan-ca");
    EXPECT_EQ(info->not_before, kNow);
    EXPECT_EQ(info->not_after, kNow + kYear);
    EXPECT_FALSE(info->is_ca);
    EXPECT_EQ(info->fingerprint_sha256.size(), 64U);
    EXPECT_TRUE(CheckKeyPair(*pair, ca->certificate_pem, kNow));
  }
  EXPECT_TRUE(ParseCertificate(ca->certificate_pem)->is_ca);
}

TEST(Pki, CheckKeyPairTellsWhatIsWrong) {
  auto ca = *NewCertificateAuthority("ca", kNow, kYear);
  auto other = *NewCertificateAuthority("ca", kNow, kYear);
  CertificateSpec spec{.common_name = "a", .not_before = kNow};
  auto pair = *IssueCertificate(ca, spec);
  auto second = *IssueCertificate(ca, spec);
  struct Case {
    const char* name;
    KeyPair pair;
    std::string ca;
    WallTime now;
    const char* message;
  };
  const Case kCases[] = {
      {"another key", {pair.certificate_pem, second.key_pem}, ca.certificate_pem, kNow, "the key is not the certificate's"},
      {"another authority", pair, other.certificate_pem, kNow, "the certificate is not signed by this authority"},
      {"too early", pair, ca.certificate_pem, kNow - std::chrono::hours(1), "not valid before 2026-01-01T00:00:00Z"},
      {"too late", pair, ca.certificate_pem, kNow + kYear, "expired at 2027-01-01T00:00:00Z"},
      {"no certificate", {"", pair.key_pem}, ca.certificate_pem, kNow, "certificate"},
  };
  for (const Case& c : kCases) {
    auto checked = CheckKeyPair(c.pair, c.ca, c.now);
    ASSERT_FALSE(checked) << c.name;
    EXPECT_NE(checked.error().message().find(c.message), std::string::npos) << c.name << ": " << checked.error().message();
  }
}

TEST(Pki, BadAddressIsRefused) {
  auto ca = *NewCertificateAuthority("ca", kNow, kYear);
  auto pair = IssueCertificate(ca, {.common_name = "a", .ip_addresses = {"1.2.3"}, .not_before = kNow});
  ASSERT_FALSE(pair);
  EXPECT_TRUE(pair.error().Is(Reason::kInvalid));
}

TEST(Jwt, SignsAndVerifies) {
  for (KeyType type : {KeyType::kEcdsaP256, KeyType::kRsa2048}) {
    std::string key = *GenerateKeyPem(type);
    auto signer = *JwtSigner::Create(key);
    std::string token = *signer->Sign(R"({"sub":"system:serviceaccount:default:a"})");
    auto verifier = *JwtVerifier::Create({*PublicKeyPem(key)});
    EXPECT_EQ(verifier->Verify(token).value_or(""), R"({"sub":"system:serviceaccount:default:a"})");
    auto other = *JwtVerifier::Create({*GenerateKeyPem(type)});
    EXPECT_TRUE(other->Verify(token).error().Is(Reason::kUnauthorized));
    auto jwks = json::Parse(verifier->JwksJson());
    ASSERT_TRUE(jwks);
    EXPECT_EQ(jwks->at("keys").as_array().at(0).at("kid").as_string(), signer->key_id());
  }
}

TEST(Jwt, ForgeriesAreRefused) {
  std::string key = *GenerateKeyPem(KeyType::kEcdsaP256);
  auto verifier = *JwtVerifier::Create({key});
  std::string token = *(*JwtSigner::Create(key))->Sign(R"({"sub":"a"})");
  size_t dot = token.find('.');
  std::string rest = token.substr(dot);
  std::string signature = token.substr(token.rfind('.'));
  std::string changed = token;
  changed[dot + 3] = changed[dot + 3] == 'A' ? 'B' : 'A';
  const std::pair<const char*, std::string> kCases[] = {
      {"empty", ""},
      {"no parts", "abc"},
      {"two parts", "a.b"},
      {"not base64", "!.!.!"},
      {"alg none", base64::EncodeUrl(R"({"alg":"none"})") + rest.substr(0, rest.rfind('.') + 1)},
      {"alg of another key type", base64::EncodeUrl(R"({"alg":"RS256"})") + rest},
      {"HMAC with the public key", base64::EncodeUrl(R"({"alg":"HS256"})") + rest},
      {"claims changed", changed},
      {"signature cut", token.substr(0, token.size() - 2)},
      {"another's claims", token.substr(0, dot) + "." + base64::EncodeUrl(R"({"sub":"root"})") + signature},
  };
  for (const auto& [name, forged] : kCases) {
    auto verified = verifier->Verify(forged);
    ASSERT_FALSE(verified) << name;
    EXPECT_TRUE(verified.error().Is(Reason::kUnauthorized)) << name;
  }
}

TEST(Files, AreReplacedWholeWithTheirMode) {
  std::string folder = testing::TempDir() + "sampan-files-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::string path = folder + "/ca.key";
  EXPECT_TRUE(ReadWholeFile(path).error().Is(Reason::kNotFound));
  ASSERT_TRUE(WriteFileAtomically(path, "one", FileMode::kPrivate));
  ASSERT_TRUE(WriteFileAtomically(path, "two", FileMode::kPrivate));
  EXPECT_EQ(ReadWholeFile(path).value_or(""), "two");
  struct stat status;
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_FALSE(WriteFileAtomically(folder + "/no/such/folder", "x", FileMode::kPublic));
  unlink(path.c_str());
  EXPECT_EQ(rmdir(folder.c_str()), 0) << "nothing is left beside";
}

}  // namespace
}  // namespace sampan::net
