// What a controller that keeps EndpointSlices does with them, whatever they are made from: finds those it keeps, executes
// plans, and tells the echo of its own writes from the changes of others.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "async/clock.h"
#include "client/client.h"
#include "client/expectations.h"
#include "client/informer.h"
#include "controllers/endpointslice/plan.h"

namespace sampan::controllers::endpointslice {

// Used on its controller's strand. Keys are the services' "namespace/name".
class SliceKeeper {
 public:
  // `manager`: the label kManagedBy of the slices that are kept.
  SliceKeeper(client::Client& client, Clock& clock, std::string_view manager)
      : client_(client), clock_(clock), manager_(manager) {}

  // Adds the index by service.
  void Attach(client::Informer<EndpointSlice> slices);
  // What to listen with; `queue` is called with the key of a service whose slices were changed by somebody else.
  client::ObjectHandlers Handlers(std::function<void(std::string key)> queue);

  std::vector<SlicePtr> SlicesOf(const std::string& key) const;
  // False while slices have not been seen as they were written: then nothing may be decided, and the key is queued when
  // they are.
  bool Ready(const std::string& key);
  void Forget(const std::string& key);
  Task<Result<void>> Execute(std::string key, Plan plan);

 private:
  std::string ServiceKey(const api::Object& slice) const;

  client::Client& client_;
  Clock& clock_;
  const std::string manager_;
  client::Informer<EndpointSlice> slices_;
  client::Expectations expectations_;
  std::unordered_map<std::string, api::Revision> written_;  // our last write of each slice
  std::unordered_set<std::string> put_off_;                 // services that wait for their written slices to be seen
};

}  // namespace sampan::controllers::endpointslice
