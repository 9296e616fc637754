// Where a pod's logs and streams are found: its node's kubelet, and the request to make there. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/object.h"
#include "apiserver/request_info.h"

namespace sampan::apiserver {

struct KubeletAddress {
  std::string host;
  uint16_t port = 10250;
  std::string node;  // the name that its serving certificate carries
};
// Of a Node. ServiceUnavailable when the node has told no address.
Result<KubeletAddress> KubeletOf(const api::Object& node);

// The container that a request means: the one it names, the annotated default, or the only one. BadRequest otherwise.
Result<std::string> ChooseContainer(const api::Object& pod, std::string_view wanted);

// Path and query on the kubelet for pods/<subresource>. BadRequest for impossible wishes.
Result<std::string> KubeletTarget(const api::Object& pod, std::string_view subresource, const Query& query);

}  // namespace sampan::apiserver
