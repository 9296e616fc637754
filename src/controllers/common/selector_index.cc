#include "controllers/common/selector_index.h"

namespace sampan::controllers {
namespace {

constexpr std::string_view kSelectorIndex = "selector";

std::string KeyOf(std::string_view namespace_, std::string_view label, std::string_view value) {
  return fmt::format("{}/{}={}", namespace_, label, value);
}
// No label has an empty key.
std::string AlwaysKey(std::string_view namespace_) {
  return KeyOf(namespace_, "", "");
}

}  // namespace

void AddSelectorIndex(client::ObjectInformer& informer, DemandedLabels demanded) {
  auto keys_of = [demanded = std::move(demanded)](const api::Object& object, std::vector<std::string>& keys) {
    const api::StringMap* labels = demanded(object);
    if (labels == nullptr) return;
    // The last one: of a ReplicaSet of a Deployment it is pod-template-hash more often than a label that many share.
    keys.push_back(labels->empty() ? AlwaysKey(object.namespace_())
                                   : KeyOf(object.namespace_(), labels->back().first, labels->back().second));
  };
  informer.cache().AddIndex(std::string(kSelectorIndex), std::move(keys_of));
}

std::vector<api::ObjectPtr> SelectorCandidates(const client::ObjectCache& cache, std::string_view namespace_,
                                               const api::StringMap& labels) {
  std::vector<api::ObjectPtr> found = cache.ByIndex(kSelectorIndex, AlwaysKey(namespace_));
  for (const auto& [label, value] : labels) {
    for (api::ObjectPtr& object : cache.ByIndex(kSelectorIndex, KeyOf(namespace_, label, value))) {
      found.push_back(std::move(object));
    }
  }
  return found;
}

}  // namespace sampan::controllers
