#include "apiserver/admission/storage_share.h"

#include <algorithm>
#include <map>

#include "apiserver/errors.h"
#include "apiserver/registry/registry.h"
#include "apiserver/turn.h"
#include "async/spawn.h"
#include "base/guarded.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kCountAgain = std::chrono::seconds(10);

using Counts = std::map<std::string, size_t, std::less<>>;

Task<Counts> CountStored(const Registry* registry) {
  Counts counts;
  Turn turn;
  for (const Resource& resource : registry->resources()) {
    store::CacheList list = resource.cache->List({});
    auto place = counts.end();
    for (const ObjectPtr& object : list.items) {
      if (place == counts.end() || place->first != object->namespace_()) {
        place = counts.try_emplace(object->namespace_(), 0).first;
      }
      place->second += object->bytes().size();
      if (turn.Spent(64)) co_await Yield();
    }
  }
  co_return counts;
}

class StorageShare final : public Admission {
 public:
  explicit StorageShare(StorageLimits limits) : limits_(limits) {}

  Phases Concerns(const WriteContext& context) const override {
    bool makes = context.intent == Intent::kCreate && context.subresource.empty();
    return {.validate = (makes || context.intent == Intent::kUpdate) && !context.user.InGroup(auth::kMastersGroup)};
  }

  Task<Result<void>> Validate(WriteContext* context, const json::Value* object, const json::Value* old) override {
    if (ToBeCounted(context->now)) {
      Counts counts = co_await CountStored(&context->registry);
      auto held = held_.Lock();
      held->all = 0;
      for (const auto& [name, bytes] : counts) held->all += bytes;
      held->namespaces = std::move(counts);
    }
    const size_t before = old == nullptr ? 0 : StoredSize(*context);
    const size_t after = json::Serialize(*object).size();
    if (after <= before) co_return Result<void>{};
    co_return Grow(*context, after - before);
  }

 private:
  struct Held {
    WallTime counted{};
    size_t all = 0;
    Counts namespaces;
  };

  static size_t StoredSize(const WriteContext& context) {
    const Resource* resource = context.registry.Find(*context.kind);
    ObjectPtr stored = resource == nullptr ? nullptr : resource->cache->Get(context.namespace_, context.name);
    return stored == nullptr ? 0 : stored->bytes().size();
  }

  // True for one of those who ask, who counts.
  bool ToBeCounted(WallTime now) {
    auto held = held_.Lock();
    if (now < held->counted + kCountAgain && now >= held->counted) return false;
    held->counted = now;
    return true;
  }

  Result<void> Grow(WriteContext& context, size_t bytes) {
    auto held = held_.Lock();
    size_t& own = held->namespaces[context.namespace_];
    const size_t others = held->all - own;
    const size_t most = std::max(limits_.least, (limits_.all - std::min(others, limits_.all)) / 2);
    if (own + bytes > most) {
      return Fail(ForbiddenError(*context.kind, context.name,
                                 fmt::format("exceeded quota: the objects of namespace \"{}\" take {} bytes, of at most {}",
                                             context.namespace_, own, most)));
    }
    if (context.dry_run) return {};
    own += bytes;
    held->all += bytes;
    context.Undo([this, name = context.namespace_, bytes] { Shrink(name, bytes); });
    return {};
  }

  // What was not stored after all.
  void Shrink(const std::string& name, size_t bytes) {
    auto held = held_.Lock();
    size_t& own = held->namespaces[name];
    bytes = std::min(own, bytes);
    own -= bytes;
    held->all -= bytes;
  }

  const StorageLimits limits_;
  Guarded<Held> held_;
};

}  // namespace

std::unique_ptr<Admission> NewStorageShare(StorageLimits limits) {
  return std::make_unique<StorageShare>(limits);
}

}  // namespace sampan::apiserver
