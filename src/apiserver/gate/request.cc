#include "apiserver/gate/request.h"

namespace sampan::apiserver {

auth::Attributes AttributesOf(const ApiRequest& request) {
  const RequestInfo& info = request.info;
  return {.user = &request.user,
          .verb = info.verb,
          .group = info.group,
          .version = info.version,
          .resource = info.resource,
          .subresource = info.subresource,
          .namespace_ = info.namespace_,
          .name = info.name,
          .fields = &info.fields,
          .labels = &info.labels,
          .path = info.path,
          .resource_request = info.is_resource};
}

}  // namespace sampan::apiserver
