#include "scheduler/framework.h"

#include <algorithm>
#include <array>

#include "scheduler/plugins/host_ports.h"
#include "scheduler/plugins/image_locality.h"
#include "scheduler/plugins/node_affinity.h"
#include "scheduler/plugins/node_name.h"
#include "scheduler/plugins/node_resources.h"
#include "scheduler/plugins/node_unschedulable.h"
#include "scheduler/plugins/pod_affinity.h"
#include "scheduler/plugins/taint_toleration.h"
#include "scheduler/plugins/topology_spread.h"

namespace sampan::scheduler {
namespace {

bool RoomHelps(const Attempt&, const NodeInfo&) {
  return true;
}

}  // namespace

std::span<const Filter> Filters() {
  static constexpr std::array kFilters{
      Filter{"NodeUnschedulable", plugins::FitsUnschedulable, plugins::ExplainUnschedulable},
      Filter{"NodeName", plugins::FitsNodeName, plugins::ExplainNodeName},
      Filter{"TaintToleration", plugins::FitsTaints, plugins::ExplainTaints},
      Filter{"NodeAffinity", plugins::FitsNodeAffinity, plugins::ExplainNodeAffinity},
      Filter{"NodePorts", plugins::FitsHostPorts, plugins::ExplainHostPorts, RoomHelps},
      Filter{"NodeResourcesFit", plugins::FitsResources, plugins::ExplainResources, plugins::RoomHelpsResources},
      Filter{"PodTopologySpread", plugins::FitsSpread, plugins::ExplainSpread, plugins::RoomHelpsSpread},
      Filter{"InterPodAffinity", plugins::FitsPodAffinity, plugins::ExplainPodAffinity, plugins::RoomHelpsPodAffinity},
  };
  return kFilters;
}

std::span<const Score> Scores() {
  static constexpr std::array kScores{
      Score{"NodeResourcesFit", 1, plugins::RatesResources, plugins::RateLeastAllocated},
      Score{"NodeResourcesBalancedAllocation", 1, plugins::RatesResources, plugins::RateBalancedAllocation},
      Score{"TaintToleration", 3, plugins::RatesTaints, plugins::RateTaints},
      Score{"NodeAffinity", 2, plugins::RatesNodeAffinity, plugins::RateNodeAffinity},
      Score{"PodTopologySpread", 2, plugins::RatesSpread, plugins::RateSpread},
      Score{"InterPodAffinity", 2, plugins::RatesPodAffinity, plugins::RatePodAffinity},
      Score{"ImageLocality", 1, plugins::RatesImages, plugins::RateImages},
  };
  return kScores;
}

void Normalise(std::span<int64_t> ratings, Direction direction) {
  int64_t most = ratings.empty() ? 0 : *std::ranges::max_element(ratings);
  for (int64_t& rating : ratings) {
    if (most > 0) rating = rating * kMostRating / most;
    if (direction == Direction::kLessIsBetter) rating = kMostRating - rating;
  }
}

}  // namespace sampan::scheduler
