// The downward API: fields of the pod and resources of its containers as text. Pure.
#pragma once

#include <string>

#include "api/types/core.h"
#include "base/error.h"

namespace sampan::node {

struct FieldContext {
  const api::core::Pod& pod;
  std::string pod_ip;
  std::string host_ip;
  std::string node_name;
  const api::Map<api::Quantity>* allocatable = nullptr;  // of the node: a container without a limit may use that much
};

// metadata.name, metadata.labels['app'], spec.nodeName, status.podIP ... BadRequest for a path that is none of them.
Result<std::string> FieldValue(const FieldContext& context, std::string_view path);

// limits.cpu, requests.memory ... divided and rounded up. BadRequest for an unknown resource or container.
Result<std::string> ResourceValue(const FieldContext& context, const api::core::ResourceFieldSelector& selector,
                                  const api::core::Container* self);

}  // namespace sampan::node
