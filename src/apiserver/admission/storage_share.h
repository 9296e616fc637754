// How much each namespace may store. All objects are kept in memory: whoever may write in one namespace must not fill it, or
// the server would not even start again.
#pragma once

#include <cstddef>
#include <memory>

#include "apiserver/admission/admission.h"

namespace sampan::apiserver {

struct StorageLimits {
  size_t all = size_t{2} << 30;     // bytes of all objects
  size_t least = size_t{16} << 20;  // what every namespace may store, however much the others do
};

// Refuses what makes a namespace grow beyond half of what the others leave; objects of the cluster are one namespace, and
// administrators may exceed it. Counted anew from the caches every few seconds, and write by write in between.
std::unique_ptr<Admission> NewStorageShare(StorageLimits limits);

}  // namespace sampan::apiserver
