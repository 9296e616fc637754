// The embedded engine with what tests bring in from outside. Production opens it by OpenEmbedded (store.h).
#pragma once

#include <memory>

#include "base/failpoint.h"
#include "store/store.h"

namespace rocksdb {
class Env;
}

namespace sampan::store::embedded {

// Points reached: store.before_write, store.after_write (on disk, neither visible nor acknowledged), store.before_ack
// (delivered to watches), store.before_compact, store.after_compact.
struct Hooks {
  rocksdb::Env* env = nullptr;  // the file system; null: the machine's
  Failpoints* failpoints = nullptr;
};

Result<std::unique_ptr<Store>> Open(const EmbeddedOptions& options, const Hooks& hooks);

}  // namespace sampan::store::embedded
