#include "node/cri/convert.h"

#include <gtest/gtest.h>

namespace sampan::cri {
namespace {

namespace pb = runtime::v1;

TEST(FromProto, WhatARuntimeSaysIsTextOfBoundedLength) {
  pb::ContainerStatus from;
  from.set_message("bad \xff bytes");
  from.set_reason(std::string(100'000, 'r'));
  (*from.mutable_labels())["k"] = "\xc3";
  from.set_finished_at(INT64_MAX);
  from.set_started_at(INT64_MIN);
  from.set_state(static_cast<pb::ContainerState>(77));
  // As it arrives: a library that checks strings would refuse the whole answer.
  pb::ContainerStatus arrived;
  ASSERT_TRUE(arrived.ParseFromString(from.SerializeAsString()));
  Container to = FromProto(arrived);
  EXPECT_EQ(to.message, "bad \uFFFD bytes");
  EXPECT_EQ(to.reason.size(), 4096u);
  EXPECT_EQ(to.labels.at("k"), "\uFFFD");
  EXPECT_EQ(to.state, ContainerState::kUnknown);
  EXPECT_EQ(to.started_at, WallTime());
  EXPECT_GT(to.finished_at + std::chrono::hours(24 * 365 * 100), to.finished_at);
}

TEST(FromProto, MissingMembersAreEmpty) {
  EXPECT_EQ(FromProto(pb::Container()).state, ContainerState::kCreated);
  EXPECT_EQ(FromProto(pb::PodSandboxStatus()).ips.size(), 0u);
  EXPECT_FALSE(FromProto(pb::Image()).uid);
  EXPECT_EQ(FromProto(pb::ContainerStats()).cpu_nanoseconds, 0u);
}

}  // namespace
}  // namespace sampan::cri
