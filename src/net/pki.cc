#include "net/pki.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/detail/openssl.h"

namespace sampan::net {
namespace {

using namespace detail;

using NamesPtr = OpensslPtr<GENERAL_NAMES, GENERAL_NAMES_free>;

Result<KeyPtr> GenerateKey(KeyType type) {
  KeyPtr key(type == KeyType::kRsa2048 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  if (key == nullptr) return Fail(Error::InternalError("cannot generate a key: {}", TakeTlsError()));
  return key;
}

std::string KeyToPem(EVP_PKEY& key) {
  BioPtr memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(memory.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
  return TakeText(*memory);
}

std::string CertificateToPem(X509& certificate) {
  BioPtr memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), &certificate);
  return TakeText(*memory);
}

time_t Seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool AddNameEntry(X509_NAME& name, int nid, const std::string& text) {
  return X509_NAME_add_entry_by_NID(&name, nid, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

bool AddExtension(X509& certificate, X509& issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &issuer, &certificate, nullptr, nullptr, 0);
  OpensslPtr<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension != nullptr && X509_add_ext(&certificate, extension.get(), -1) == 1;
}

// The fields every certificate has. `subject` is the common name and the organizations.
Result<X509Ptr> NewCertificate(EVP_PKEY& key, const std::string& common_name, const std::vector<std::string>& organizations,
                               WallTime not_before, Duration valid_for) {
  X509Ptr certificate(X509_new());
  unsigned char serial[16];
  if (certificate == nullptr || RAND_bytes(serial, sizeof(serial)) != 1) {
    return Fail(Error::InternalError("certificate: {}", TakeTlsError()));
  }
  serial[0] &= 0x7f;  // a serial number is positive
  OpensslPtr<BIGNUM, BN_free> number(BN_bin2bn(serial, sizeof(serial), nullptr));
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), Seconds(not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), Seconds(not_before + valid_for));
  X509_NAME* name = X509_get_subject_name(certificate.get());
  bool named = true;
  for (const std::string& organization : organizations)
    named = named && AddNameEntry(*name, NID_organizationName, organization);
  if (!common_name.empty()) named = named && AddNameEntry(*name, NID_commonName, common_name);
  if (!named || X509_set_pubkey(certificate.get(), &key) != 1) {
    return Fail(Error::Invalid("certificate subject \"{}\": {}", common_name, TakeTlsError()));
  }
  return certificate;
}

Result<NamesPtr> AlternativeNames(const CertificateSpec& spec) {
  NamesPtr names(GENERAL_NAMES_new());
  for (const std::string& dns : spec.dns_names) {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    ASN1_STRING_set(text, dns.data(), static_cast<int>(dns.size()));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  for (const std::string& address : spec.ip_addresses) {
    ASN1_OCTET_STRING* octets = a2i_IPADDRESS(address.c_str());
    if (octets == nullptr) return Fail(Error::Invalid("\"{}\" is not an IP address", address));
    GENERAL_NAME* name = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(name, GEN_IPADD, octets);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  return names;
}

Result<void> Sign(X509& certificate, EVP_PKEY& key) {
  if (X509_sign(&certificate, &key, EVP_sha256()) == 0) {
    return Fail(Error::InternalError("cannot sign a certificate: {}", TakeTlsError()));
  }
  return {};
}

const char* ExtendedUse(CertificateUse use) {
  switch (use) {
    case CertificateUse::kServer:
      return "serverAuth";
    case CertificateUse::kClient:
      return "clientAuth";
    case CertificateUse::kServerAndClient:
      return "serverAuth,clientAuth";
  }
  return "";
}

WallTime ToWallTime(const ASN1_TIME* time) {
  tm broken_down{};
  ASN1_TIME_to_tm(time, &broken_down);
  return WallTime(std::chrono::seconds(timegm(&broken_down)));
}

std::string CommonName(X509_NAME* name) {
  int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  return at < 0 ? std::string() : NameEntryText(*X509_NAME_get_entry(name, at));
}

void ReadAlternativeNames(X509& certificate, CertificateInfo& info) {
  NamesPtr names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    void* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    const auto* text = static_cast<const ASN1_STRING*>(value);
    const unsigned char* data = ASN1_STRING_get0_data(text);
    auto length = static_cast<size_t>(ASN1_STRING_length(text));
    if (type == GEN_DNS) info.dns_names.emplace_back(reinterpret_cast<const char*>(data), length);
    if (type == GEN_IPADD && (length == 4 || length == 16)) {
      char address[INET6_ADDRSTRLEN];
      if (inet_ntop(length == 4 ? AF_INET : AF_INET6, data, address, sizeof(address)) != nullptr) {
        info.ip_addresses.emplace_back(address);
      }
    }
  }
}

}  // namespace

Result<std::string> GenerateKeyPem(KeyType type) {
  TRY(KeyPtr key, GenerateKey(type));
  return KeyToPem(*key);
}

Result<std::string> PublicKeyPem(std::string_view private_pem) {
  TRY(KeyPtr key, ParsePrivateKey(private_pem));
  BioPtr memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(memory.get(), key.get());
  return TakeText(*memory);
}

Result<KeyPair> NewCertificateAuthority(std::string common_name, WallTime not_before, Duration valid_for) {
  TRY(KeyPtr key, GenerateKey(KeyType::kEcdsaP256));
  TRY(X509Ptr certificate, NewCertificate(*key, common_name, {}, not_before, valid_for));
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  bool extended = AddExtension(*certificate, *certificate, NID_basic_constraints, "critical,CA:TRUE") &&
                  AddExtension(*certificate, *certificate, NID_key_usage, "critical,digitalSignature,keyCertSign,cRLSign") &&
                  AddExtension(*certificate, *certificate, NID_subject_key_identifier, "hash");
  if (!extended) return Fail(Error::InternalError("certificate authority: {}", TakeTlsError()));
  TRY_VOID(Sign(*certificate, *key));
  return KeyPair{CertificateToPem(*certificate), KeyToPem(*key)};
}

Result<KeyPair> IssueCertificate(const KeyPair& ca, const CertificateSpec& spec) {
  TRY(X509Ptr authority, ParseX509(ca.certificate_pem));
  TRY(KeyPtr authority_key, ParsePrivateKey(ca.key_pem));
  TRY(KeyPtr key, GenerateKey(spec.key_type));
  TRY(X509Ptr certificate, NewCertificate(*key, spec.common_name, spec.organizations, spec.not_before, spec.valid_for));
  TRY(NamesPtr names, AlternativeNames(spec));
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(authority.get()));
  bool extended = AddExtension(*certificate, *authority, NID_basic_constraints, "critical,CA:FALSE") &&
                  AddExtension(*certificate, *authority, NID_key_usage, "critical,digitalSignature,keyEncipherment") &&
                  AddExtension(*certificate, *authority, NID_ext_key_usage, ExtendedUse(spec.use)) &&
                  AddExtension(*certificate, *authority, NID_authority_key_identifier, "keyid");
  if (sk_GENERAL_NAME_num(names.get()) > 0) {
    extended =
        extended && X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
  }
  if (!extended) return Fail(Error::InternalError("certificate: {}", TakeTlsError()));
  TRY_VOID(Sign(*certificate, *authority_key));
  return KeyPair{CertificateToPem(*certificate), KeyToPem(*key)};
}

Result<CertificateInfo> ParseCertificate(std::string_view pem) {
  TRY(X509Ptr certificate, ParseX509(pem));
  CertificateInfo info;
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  info.common_name = CommonName(subject);
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_organizationName) {
      info.organizations.push_back(NameEntryText(*entry));
    }
  }
  info.issuer_common_name = CommonName(X509_get_issuer_name(certificate.get()));
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate.get());
  info.serial_hex =
      Hex({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)), static_cast<size_t>(ASN1_STRING_length(serial))});
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  X509_digest(certificate.get(), EVP_sha256(), digest, &length);
  info.fingerprint_sha256 = Hex({reinterpret_cast<char*>(digest), length});
  info.not_before = ToWallTime(X509_get0_notBefore(certificate.get()));
  info.not_after = ToWallTime(X509_get0_notAfter(certificate.get()));
  info.is_ca = X509_check_ca(certificate.get()) != 0;
  ReadAlternativeNames(*certificate, info);
  return info;
}

Result<void> CheckKeyPair(const KeyPair& pair, std::string_view ca_pem, WallTime now) {
  TRY(X509Ptr certificate, ParseX509(pair.certificate_pem));
  TRY(KeyPtr key, ParsePrivateKey(pair.key_pem));
  TRY(X509Ptr authority, ParseX509(ca_pem));
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    TakeTlsError();
    return Fail(Error::Invalid("the key is not the certificate's"));
  }
  KeyPtr authority_key(X509_get_pubkey(authority.get()));
  if (X509_verify(certificate.get(), authority_key.get()) != 1) {
    TakeTlsError();
    return Fail(Error::Invalid("the certificate is not signed by this authority"));
  }
  TRY(CertificateInfo info, ParseCertificate(pair.certificate_pem));
  if (now < info.not_before)
    return Fail(Error::Invalid("the certificate is not valid before {}", FormatTime(info.not_before)));
  if (now >= info.not_after) return Fail(Error::Invalid("the certificate expired at {}", FormatTime(info.not_after)));
  return {};
}

}  // namespace sampan::net
