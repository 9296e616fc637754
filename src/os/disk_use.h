// What a directory takes on its disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sampan::os {

struct DiskUse {
  uint64_t bytes = 0;
  size_t entries = 0;  // files, directories and everything else, without the directory itself
  enum class Extent : unsigned char { kWhole, kPart } extent = Extent::kWhole;
  bool operator==(const DiskUse&) const = default;
};

// Counts what lies below `path`, on its file system only and following no link, until it has seen `most_entries` or somebody
// moves what it looks at: then a part. Neither the stack nor memory nor descriptors grow with the tree. Nothing below a path
// that cannot be opened. Blocks.
DiskUse DiskUseOf(const std::string& path, size_t most_entries);

}  // namespace sampan::os
