#include "scheduler/framework.h"

#include <algorithm>
#include <array>

#include "scheduler/plugins/host_ports.h"
#include "scheduler/plugins/node_affinity.h"
#include "scheduler/plugins/node_name.h"
#include "scheduler/plugins/node_resources.h"
#include "scheduler/plugins/node_unschedulable.h"
#include "scheduler/plugins/taint_toleration.h"

namespace sampan::scheduler {

std::span<const Filter> Filters() {
  static constexpr std::array kFilters{
      Filter{"NodeUnschedulable", plugins::FitsUnschedulable, plugins::ExplainUnschedulable},
      Filter{"NodeName", plugins::FitsNodeName, plugins::ExplainNodeName},
      Filter{"NodeResourcesFit", plugins::FitsResources, plugins::ExplainResources},
      Filter{"TaintToleration", plugins::FitsTaints, plugins::ExplainTaints},
      Filter{"NodeAffinity", plugins::FitsNodeAffinity, plugins::ExplainNodeAffinity},
      Filter{"NodePorts", plugins::FitsHostPorts, plugins::ExplainHostPorts},
  };
  return kFilters;
}

std::span<const Score> Scores() {
  static constexpr std::array kScores{
      Score{"NodeResourcesFit", 1, plugins::RatesResources, plugins::RateLeastAllocated},
      Score{"NodeResourcesBalancedAllocation", 1, plugins::RatesResources, plugins::RateBalancedAllocation},
      Score{"TaintToleration", 3, plugins::RatesTaints, plugins::RateTaints},
      Score{"NodeAffinity", 2, plugins::RatesNodeAffinity, plugins::RateNodeAffinity},
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
