#include "daemon/certificates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "os/file.h"

namespace sampan::daemon {
namespace {

class CertificatesTest : public testing::Test {
 protected:
  CertificatesTest() {
    std::string pattern = testing::TempDir() + "/certificates-XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~CertificatesTest() override { (void)os::RemoveAll(directory_); }

  Certificates Ensure(WallTime now, const std::string& address = "10.0.0.1") {
    auto all = EnsureCertificates(
        Paths(directory_, directory_),
        {.api_addresses = {address}, .cluster_domain = "cluster.local", .node_name = "a", .node_ip = address}, now);
    EXPECT_TRUE(all) << (all ? "" : all.error().message());
    return *all;
  }

  std::string directory_;
  WallTime now_ = *ParseTime("2026-05-01T00:00:00Z");
};

TEST_F(CertificatesTest, AreMadeOnceAndKept) {
  Certificates first = Ensure(now_);
  Certificates second = Ensure(now_ + std::chrono::days(1));
  EXPECT_EQ(first.ca_pem, second.ca_pem);
  EXPECT_EQ(first.api_server.key_pem, second.api_server.key_pem);
  EXPECT_EQ(first.service_account_key_pem, second.service_account_key_pem);
}

TEST_F(CertificatesTest, KeysAreReadableByTheOwnerOnly) {
  Ensure(now_);
  Paths paths(directory_, directory_);
  for (const char* name : {"ca", "apiserver", "admin", "kubelet", "service-account", "apiserver-kubelet-client"}) {
    struct stat status{};
    ASSERT_EQ(stat(paths.key(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(CertificatesTest, AreRenewedBeforeTheyEndAndWhenTheirNamesChange) {
  Certificates first = Ensure(now_);
  Certificates later = Ensure(now_ + std::chrono::days(340));
  EXPECT_EQ(first.ca_pem, later.ca_pem);
  EXPECT_NE(first.admin.certificate_pem, later.admin.certificate_pem);
  Certificates moved = Ensure(now_ + std::chrono::days(341), "10.0.0.2");
  EXPECT_NE(later.api_server.certificate_pem, moved.api_server.certificate_pem);
  EXPECT_EQ(later.admin.certificate_pem, moved.admin.certificate_pem);
}

TEST_F(CertificatesTest, ALostAuthorityKeyIsNotReplacedSilently) {
  Ensure(now_);
  ASSERT_TRUE(os::RemoveFile(Paths(directory_, directory_).key("ca")));
  auto again =
      EnsureCertificates(Paths(directory_, directory_), {.cluster_domain = "cluster.local", .node_name = "a"}, now_);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message().find("restore both from a backup"), std::string::npos) << again.error().message();
}

}  // namespace
}  // namespace sampan::daemon
