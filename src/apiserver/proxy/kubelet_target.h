// The request that a pod's logs and streams are asked for with, at its node's kubelet. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/object.h"
#include "apiserver/request_info.h"

namespace sampan::apiserver {

// The container that a request means: the one it names, the annotated default, or the only one. BadRequest otherwise.
Result<std::string> ChooseContainer(const api::Object& pod, std::string_view wanted);

// Path and query on the kubelet for pods/<subresource>. BadRequest for impossible wishes.
Result<std::string> KubeletTarget(const api::Object& pod, std::string_view subresource, const Query& query);

}  // namespace sampan::apiserver
