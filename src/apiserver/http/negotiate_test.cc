#include "apiserver/http/negotiate.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

std::string Describe(std::string_view accept) {
  Result<Negotiated> negotiated = NegotiateAccept(accept, AllowShapes::kYes);
  if (!negotiated) return fmt::format("{}", HttpStatusOf(negotiated.error().reason()));
  static constexpr std::string_view kShapes[] = {"", " Table", " Partial", " PartialList"};
  return fmt::format("{}{}{}", negotiated->ContentType(), kShapes[static_cast<int>(negotiated->shape)],
                     negotiated->shape_version.empty() ? "" : " " + negotiated->shape_version);
}

TEST(Negotiate, Accept) {
  struct Case {
    std::string_view accept, expected;
  };
  const Case cases[] = {
      {"", "application/json"},
      {"*/*", "application/json"},
      {"application/json, */*", "application/json"},
      {"application/yaml", "application/yaml"},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"},
      {"application/vnd.kubernetes.protobuf,application/json", "application/vnd.kubernetes.protobuf"},
      {"application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
       "application/json Table v1"},
      {"application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "application/json"},
      {"application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
       "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
       "application/json PartialList v1"},
      {"application/json;q=0.5,application/yaml", "application/yaml"},
      {"text/html", "406"},
      {"application/json;q=0", "406"},
      {"application/json;as=Table;v=v9;g=meta.k8s.io", "406"},
  };
  for (const Case& c : cases) EXPECT_EQ(Describe(c.accept), c.expected) << c.accept;
}

TEST(Negotiate, Discovery) {
  EXPECT_EQ(AggregatedDiscoveryVersion("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
                                       "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
                                       "application/json"),
            "v2");
  EXPECT_EQ(AggregatedDiscoveryVersion("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"),
            "v2beta1");
  EXPECT_EQ(AggregatedDiscoveryVersion("application/json, */*"), "");
}

TEST(Negotiate, GzipAndBodies) {
  EXPECT_TRUE(AcceptsGzip("gzip"));
  EXPECT_TRUE(AcceptsGzip("deflate, gzip;q=0.5"));
  EXPECT_FALSE(AcceptsGzip("gzip;q=0"));
  EXPECT_FALSE(AcceptsGzip(""));
  EXPECT_EQ(*NegotiateBody(""), Encoding::kJson);
  EXPECT_EQ(*NegotiateBody("application/json; charset=utf-8"), Encoding::kJson);
  EXPECT_EQ(*NegotiateBody("application/yaml"), Encoding::kYaml);
  EXPECT_EQ(NegotiateBody("text/plain").error().reason(), Reason::kUnsupportedMediaType);
}

}  // namespace
}  // namespace sampan::apiserver
