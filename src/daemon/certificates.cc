#include "daemon/certificates.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "os/file.h"

namespace sampan::daemon {
namespace {

constexpr Duration kAuthorityLife = std::chrono::days(3650);
constexpr Duration kCertificateLife = std::chrono::days(365);
// Certificates are valid from a little before now: clocks of other machines may be behind.
constexpr Duration kBackdate = std::chrono::minutes(5);

bool Contains(const std::vector<std::string>& all, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& name) { return std::ranges::find(all, name) != all.end(); });
}

bool StillFits(const net::KeyPair& pair, const std::string& ca_pem, const net::CertificateSpec& spec, WallTime now) {
  auto info = net::ParseCertificate(pair.certificate_pem);
  return info && net::CheckKeyPair(pair, ca_pem, now) && info->not_after - now > kRenewBefore &&
         info->common_name == spec.common_name && info->organizations == spec.organizations &&
         Contains(info->dns_names, spec.dns_names) && Contains(info->ip_addresses, spec.ip_addresses);
}

Result<net::KeyPair> ReadPair(const Paths& paths, std::string_view name) {
  TRY(std::string certificate, net::ReadWholeFile(paths.certificate(name)));
  TRY(std::string key, net::ReadWholeFile(paths.key(name)));
  return net::KeyPair{std::move(certificate), std::move(key)};
}

Result<void> WritePair(const Paths& paths, std::string_view name, const net::KeyPair& pair) {
  // The key first: a certificate without its key would be taken for a broken pair and made again, never served.
  TRY_VOID(net::WriteFileAtomically(paths.key(name), pair.key_pem, net::FileMode::kPrivate));
  return net::WriteFileAtomically(paths.certificate(name), pair.certificate_pem, net::FileMode::kPublic);
}

Result<net::KeyPair> EnsureAuthority(const Paths& paths, WallTime now) {
  auto present = ReadPair(paths, "ca");
  if (present || !present.error().Is(Reason::kNotFound)) return present;
  if (os::Exists(paths.certificate("ca"))) {
    return Fail(Error::InternalError("{} is missing beside its certificate; restore both from a backup", paths.key("ca")));
  }
  LOG_INFO("certificates", "making the cluster's certificate authority");
  TRY(net::KeyPair made, net::NewCertificateAuthority("sampan-ca", now - kBackdate, kAuthorityLife));
  TRY_VOID(WritePair(paths, "ca", made));
  return made;
}

Result<net::KeyPair> EnsurePair(const Paths& paths, const net::KeyPair& ca, std::string_view name, net::CertificateSpec spec,
                                WallTime now) {
  auto present = ReadPair(paths, name);
  if (present && StillFits(*present, ca.certificate_pem, spec, now)) return present;
  if (!present && !present.error().Is(Reason::kNotFound)) return present;
  spec.not_before = now - kBackdate;
  spec.valid_for = kCertificateLife;
  TRY(net::KeyPair made, net::IssueCertificate(ca, spec));
  TRY_VOID(WritePair(paths, name, made));
  return made;
}

Result<std::string> EnsureServiceAccountKey(const Paths& paths) {
  auto present = net::ReadWholeFile(paths.key("service-account"));
  if (present || !present.error().Is(Reason::kNotFound)) return present;
  TRY(std::string made, net::GenerateKeyPem(net::KeyType::kRsa2048));
  TRY_VOID(net::WriteFileAtomically(paths.key("service-account"), made, net::FileMode::kPrivate));
  return made;
}

net::CertificateSpec ApiServerSpec(const CertificateNames& names) {
  net::CertificateSpec spec{.common_name = "kube-apiserver", .use = net::CertificateUse::kServer};
  spec.dns_names = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                    "kubernetes.default.svc." + names.cluster_domain};
  spec.dns_names.insert(spec.dns_names.end(), names.api_dns_names.begin(), names.api_dns_names.end());
  spec.ip_addresses = names.api_addresses;
  return spec;
}

}  // namespace

Result<Certificates> EnsureCertificates(const Paths& paths, const CertificateNames& names, WallTime now) {
  TRY_VOID(os::MakeDirs(paths.tls(), 0700));
  TRY(net::KeyPair ca, EnsureAuthority(paths, now));
  Certificates all;
  all.ca_pem = ca.certificate_pem;
  TRY(all.api_server, EnsurePair(paths, ca, "apiserver", ApiServerSpec(names), now));
  TRY(all.kubelet_client, EnsurePair(paths, ca, "apiserver-kubelet-client",
                                     {.common_name = "kube-apiserver-kubelet-client",
                                      .organizations = {"system:masters"},
                                      .use = net::CertificateUse::kClient},
                                     now));
  TRY(all.admin,
      EnsurePair(
          paths, ca, "admin",
          {.common_name = "kubernetes-admin", .organizations = {"system:masters"}, .use = net::CertificateUse::kClient},
          now));
  TRY(all.kubelet, EnsurePair(paths, ca, "kubelet",
                              {.common_name = "system:node:" + names.node_name,
                               .organizations = {"system:nodes"},
                               .dns_names = {names.node_name, "localhost"},
                               .ip_addresses = {names.node_ip, "127.0.0.1"},
                               .use = net::CertificateUse::kServerAndClient},
                              now));
  TRY(all.service_account_key_pem, EnsureServiceAccountKey(paths));
  return all;
}

bool RenewalDue(const Certificates& all, WallTime now) {
  return std::ranges::any_of(std::array{&all.api_server, &all.kubelet_client, &all.admin, &all.kubelet},
                             [now](const net::KeyPair* pair) {
                               auto info = net::ParseCertificate(pair->certificate_pem);
                               return !info || info->not_before > now || info->not_after - now <= kRenewBefore;
                             });
}

}  // namespace sampan::daemon
