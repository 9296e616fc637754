#include "apiserver/registry/expiry.h"

#include "base/log.h"

namespace sampan::apiserver {

namespace {
constexpr Duration kInterval = std::chrono::minutes(1);
}

Task<size_t> ExpireObjects(Registry* registry) {
  size_t removed = 0;
  WallTime now = registry->clock().Now();
  auth::UserInfo user;
  user.name = "system:apiserver";
  for (const Resource& resource : registry->resources()) {
    if (!resource.traits.expires) continue;
    store::CacheList list = resource.cache->List({});
    for (const ObjectPtr& object : list.items) {
      std::optional<WallTime> end = resource.strategy->ExpiresAt(*object);
      if (!end || *end > now) continue;
      Call call;
      call.resource = &resource;
      call.user = &user;
      call.namespace_ = object->namespace_();
      call.name = object->name();
      DeleteRequest request;
      request.options.resource_version_precondition = std::to_string(object->revision());
      auto deleted = co_await registry->Delete(&call, std::move(request));
      if (deleted) ++removed;
    }
  }
  co_return removed;
}

Task<void> RunExpiry(Registry* registry, CancelToken stop) {
  while (co_await registry->clock().Sleep(kInterval, stop)) {
    size_t removed = co_await ExpireObjects(registry);
    if (removed > 0) LOG_DEBUG("apiserver", "{} expired objects removed", removed);
  }
}

}  // namespace sampan::apiserver
