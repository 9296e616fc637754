// Between the protocol's messages and node/cri/types.h.
#pragma once

#include "node/cri/api.pb.h"
#include "node/cri/types.h"

namespace sampan::cri {

void ToProto(const SandboxConfig& from, runtime::v1::PodSandboxConfig* to);
void ToProto(const ContainerResources& from, runtime::v1::LinuxContainerResources* to);
void ToProto(const ContainerConfig& from, runtime::v1::ContainerConfig* to);
void ToProto(const Auth& from, runtime::v1::AuthConfig* to);

Sandbox FromProto(const runtime::v1::PodSandbox& from);
Sandbox FromProto(const runtime::v1::PodSandboxStatus& from);
Container FromProto(const runtime::v1::Container& from);
Container FromProto(const runtime::v1::ContainerStatus& from);
Image FromProto(const runtime::v1::Image& from);
ContainerStats FromProto(const runtime::v1::ContainerStats& from);

}  // namespace sampan::cri
