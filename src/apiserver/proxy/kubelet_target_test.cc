#include "apiserver/proxy/kubelet_target.h"

#include <gtest/gtest.h>

namespace sampan::apiserver {
namespace {

api::ObjectPtr Pod(std::string_view containers, std::string_view annotations = "{}") {
  return *api::Object::FromBytes(fmt::format(
      R"({{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"p","namespace":"n","annotations":{}}},"spec":{{"containers":{}}}}})",
      annotations, containers));
}

TEST(KubeletTarget, TranslatesPathsAndQueries) {
  struct Case {
    std::string_view subresource, query, expected;
  };
  const Case cases[] = {
      {"log", "", "/containerLogs/n/p/c"},
      {"log", "follow=true&tailLines=5&container=c", "/containerLogs/n/p/c?follow=true&tailLines=5"},
      {"exec", "command=sh&command=-c&stdin=true&stdout=1&tty=false", "/exec/n/p/c?input=1&output=1&command=sh&command=-c"},
      {"exec", "command=a%20b%26c&stderr=true", "/exec/n/p/c?error=1&command=a%20b%26c"},
      {"attach", "stdout=true", "/attach/n/p/c?output=1"},
      {"portforward", "", "/portForward/n/p"},
      {"portforward", "ports=80", "/portForward/n/p?port=80"},
      {"exec", "container=x", "container x is not valid for pod p"},
      {"portforward", "ports=80&ports=http", "strconv.ParseInt: parsing \"http\": invalid syntax"},
      {"portforward", "ports=65616", "port 65616 is not between 1 and 65535"},
      {"log", "sinceTime=today", "parsing time \"today\" as \"2006-01-02T15:04:05Z07:00\": cannot parse"},
      {"log", "sinceTime=2026-01-01T00:00:00Z&stream=Stdout",
       "/containerLogs/n/p/c?sinceTime=2026-01-01T00%3A00%3A00Z&stream=Stdout"},
      {"log", "stream=stdout",
       "PodLogOptions \"p\" is invalid: stream: Unsupported value: \"stdout\": supported values: \"All\", \"Stderr\", "
       "\"Stdout\""},
      {"log", "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z",
       "PodLogOptions \"p\" is invalid: []: Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"},
      {"log", "tailLines=-1&limitBytes=0",
       "PodLogOptions \"p\" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, limitBytes: "
       "Invalid value: 0: must be greater than 0]"},
      {"log", "tailLines=x", "strconv.ParseInt: parsing \"x\": invalid syntax"},
  };
  api::ObjectPtr pod = Pod(R"([{"name":"c"}])");
  for (const Case& c : cases) {
    Result<std::string> target = KubeletTarget(*pod, c.subresource, *Query::Parse(c.query));
    EXPECT_EQ(target ? *target : target.error().message(), c.expected) << c.subresource << "?" << c.query;
  }
}

TEST(KubeletTarget, ChoosesTheContainer) {
  constexpr std::string_view kTwo = R"([{"name":"a"},{"name":"b"}])";
  EXPECT_EQ(ChooseContainer(*Pod(kTwo), "").error().message(),
            "a container name must be specified for pod p, choose one of: [a b]");
  EXPECT_EQ(*ChooseContainer(*Pod(kTwo), "b"), "b");
  EXPECT_EQ(*ChooseContainer(*Pod(kTwo, R"({"kubectl.kubernetes.io/default-container":"b"})"), ""), "b");
}

}  // namespace
}  // namespace sampan::apiserver
