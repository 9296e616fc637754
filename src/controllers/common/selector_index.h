// Which selectors may match some labels, without trying all: an index of selecting objects (services, replica sets) by one
// of the labels that each demands.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "api/meta/map.h"
#include "client/informer.h"

namespace sampan::controllers {

// Returns the labels that the object's selector demands: empty when it demands none by name (it is then always a
// candidate), null when it selects nothing at all.
using DemandedLabels = std::function<const api::StringMap*(const api::Object& object)>;
void AddSelectorIndex(client::ObjectInformer& informer, DemandedLabels demanded);

// The objects of the namespace whose selectors may match `labels`; the caller checks the whole selector. Each once.
std::vector<api::ObjectPtr> SelectorCandidates(const client::ObjectCache& cache, std::string_view namespace_,
                                               const api::StringMap& labels);

}  // namespace sampan::controllers
