// Which ranges of pod addresses are free. Pure; IPv4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sampan::controllers::nodeipam {

// The ranges of one size that a cluster's range is cut into, in order.
class RangePool {
 public:
  // `cluster_cidr`: "10.244.0.0/16"; `mask`: of each node's range. A cluster's range smaller than that is one range.
  // BadRequest when either makes no sense.
  static Result<RangePool> Create(std::string_view cluster_cidr, int mask);

  // What overlaps is taken, until it has been released as often: nodes may say that they have what others have. A range
  // that lies elsewhere changes nothing.
  void Occupy(std::string_view cidr);
  void Release(std::string_view cidr);
  // The next free range after the last one that was taken, so that a range comes back into use as late as possible.
  // Nothing when all are taken.
  std::optional<std::string> Take();

  size_t size() const { return holders_.size(); }

 private:
  RangePool(uint32_t base, int cluster_mask, int mask);
  template <class F>
  void EachOverlapping(std::string_view cidr, F visit);

  uint32_t base_;
  int cluster_mask_;
  int mask_;
  size_t next_ = 0;
  std::vector<uint32_t> holders_;
};

}  // namespace sampan::controllers::nodeipam
