#include "node/cri/operation_stats.h"

#include <gtest/gtest.h>

namespace sampan::cri {
namespace {

using std::chrono::milliseconds;

TEST(OperationStats, CountsByOperationAndBucket) {
  OperationStats stats;
  stats.Observe("exec_sync", milliseconds(4), OperationStats::Outcome::kSuccess);
  stats.Observe("exec_sync", milliseconds(12), OperationStats::Outcome::kSuccess);
  stats.Observe("exec_sync", std::chrono::hours(1), OperationStats::Outcome::kError);
  std::string text = stats.MetricsText();
  for (std::string_view line : {
           "kubelet_runtime_operations_duration_seconds_bucket{operation_type=\"exec_sync\",le=\"0.005\"} 1\n",
           "kubelet_runtime_operations_duration_seconds_bucket{operation_type=\"exec_sync\",le=\"0.0125\"} 2\n",
           "kubelet_runtime_operations_duration_seconds_bucket{operation_type=\"exec_sync\",le=\"745.058\"} 2\n",
           "kubelet_runtime_operations_duration_seconds_bucket{operation_type=\"exec_sync\",le=\"+Inf\"} 3\n",
           "kubelet_runtime_operations_duration_seconds_sum{operation_type=\"exec_sync\"} 3600.016\n",
           "kubelet_runtime_operations_duration_seconds_count{operation_type=\"exec_sync\"} 3\n",
           "kubelet_runtime_operations_total{operation_type=\"exec_sync\"} 3\n",
           "kubelet_runtime_operations_errors_total{operation_type=\"exec_sync\"} 1\n",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  }
}

TEST(OperationName, AsTheKubeletNamesThem) {
  EXPECT_EQ(OperationName("RunPodSandboxRequest"), "run_podsandbox");
  EXPECT_EQ(OperationName("PodSandboxStatusRequest"), "podsandbox_status");
  EXPECT_EQ(OperationName("CreateContainerRequest"), "create_container");
  EXPECT_EQ(OperationName("UpdateContainerResourcesRequest"), "update_container");
  EXPECT_EQ(OperationName("ListContainerStatsRequest"), "list_container_stats");
  EXPECT_EQ(OperationName("VersionRequest"), "version");
}

}  // namespace
}  // namespace sampan::cri
