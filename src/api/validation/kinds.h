// The rules of each kind, one function a kind and occasion. Internal to api/validation.
#pragma once

#include "api/kind.h"
#include "api/validation/view.h"

namespace sampan::api::rules {

// The root views of a new object and of the stored one.
using Rule = void (*)(const View& object, Causes& causes);
using UpdateRule = void (*)(const View& object, const View& old, Causes& causes);

void Pod(const View& object, Causes& causes);
void PodUpdate(const View& object, const View& old, Causes& causes);
void PodStatus(const View& object, const View& old, Causes& causes);
void PodEphemeralContainers(const View& object, const View& old, Causes& causes);
void PodResize(const View& object, const View& old, Causes& causes);
void Service(const View& object, Causes& causes);
void ServiceUpdate(const View& object, const View& old, Causes& causes);
void ServiceStatus(const View& object, const View& old, Causes& causes);
void Endpoints(const View& object, Causes& causes);
void EndpointSlice(const View& object, Causes& causes);
void EndpointSliceUpdate(const View& object, const View& old, Causes& causes);
void ConfigMap(const View& object, Causes& causes);
void ConfigMapUpdate(const View& object, const View& old, Causes& causes);
void Secret(const View& object, Causes& causes);
void SecretUpdate(const View& object, const View& old, Causes& causes);
void Namespace(const View& object, Causes& causes);
void NamespaceStatus(const View& object, const View& old, Causes& causes);
void Node(const View& object, Causes& causes);
void NodeUpdate(const View& object, const View& old, Causes& causes);
void Event(const View& object, Causes& causes);
// Events that are written as events.k8s.io/v1, in their stored form.
void NewEvent(const View& object, Causes& causes);
void NewEventUpdate(const View& object, const View& old, Causes& causes);
void Lease(const View& object, Causes& causes);
void LeaseUpdate(const View& object, const View& old, Causes& causes);
void Binding(const View& object, Causes& causes);
void Deployment(const View& object, Causes& causes);
void DeploymentUpdate(const View& object, const View& old, Causes& causes);
void DeploymentStatus(const View& object, const View& old, Causes& causes);
void ReplicaSet(const View& object, Causes& causes);
void ReplicaSetUpdate(const View& object, const View& old, Causes& causes);
void ReplicaSetStatus(const View& object, const View& old, Causes& causes);
void Scale(const View& object, Causes& causes);
void Role(const View& object, Causes& causes);
void ClusterRole(const View& object, Causes& causes);
void RoleBinding(const View& object, Causes& causes);
void ClusterRoleBinding(const View& object, Causes& causes);
void RoleBindingUpdate(const View& object, const View& old, Causes& causes);
void TokenRequest(const View& object, Causes& causes);
void SubjectAccessReview(const View& object, Causes& causes);
void SelfSubjectAccessReview(const View& object, Causes& causes);
void LocalSubjectAccessReview(const View& object, Causes& causes);

// metadata of any kind.
void ObjectMeta(const KindInfo& kind, const View& object, Causes& causes);
void ObjectMetaUpdate(const View& object, const View& old, Causes& causes);

enum class RefPlace : unsigned char { kEnvironment, kVolume };  // where a field of the pod is referred to

// Parts of a pod, shared with templates.
void PodSpec(const View& spec, Causes& causes);
void PodTemplate(const View& pod_template, Causes& causes);
void Volumes(const View& volumes, Causes& causes);
void Containers(const View& spec, Causes& causes);
// Whether the pod has a user namespace of its own.
enum class OwnUsers : unsigned char { kNo, kYes };
void PodSecurity(const View& spec, Causes& causes);
void ContainerSecurity(const View& context, OwnUsers own_users, Causes& causes);
void Resources(const View& resources, Causes& causes);
void Probe(const View& probe, Causes& causes);
void Lifecycle(const View& lifecycle, const View& grace_period, Causes& causes);
void Environment(const View& container, Causes& causes);
void Affinity(const View& affinity, Causes& causes);
void NodeSelector(const View& selector, Causes& causes);
void Tolerations(const View& tolerations, Causes& causes);
void SpreadConstraints(const View& constraints, Causes& causes);
void FieldRef(const View& ref, RefPlace place, Causes& causes);
void ResourceFieldRef(const View& ref, RefPlace place, Causes& causes);
void Taints(const View& taints, Causes& causes);
// An address that means the same on every host, as endpoints and external addresses must.
void ReachableIp(const View& ip, Causes& causes);
// The paths of a volume below its mount: relative, without "..".
void RelativePath(const View& path, Causes& causes);

}  // namespace sampan::api::rules
