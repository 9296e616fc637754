// What the subresources of a pod that carry a part of its spec may change.
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr std::string_view kMirror = "kubernetes.io/config.mirror";  // the annotation of a static pod's mirror

bool IsMirror(const View& pod) {
  View metadata = pod["metadata"];
  View annotations = metadata["annotations"];
  return annotations.Key(kMirror).Present();
}

bool IsResizable(std::string_view resource) {
  return resource == "cpu" || resource == "memory";
}

void NothingRemoved(const View& now, const View& before, std::string_view what, Causes& causes) {
  bool removed = false;
  before.ForEachKey([&](std::string_view name, const View&) { removed |= !now.Key(name).Present(); });
  if (removed) causes.Forbidden(now.path(), fmt::format("resource {} cannot be removed", what));
}

// Whether something besides cpu and memory differs.
bool OthersDiffer(const View& now, const View& before) {
  bool differ = false;
  auto compare = [&](const View& a, const View& b) {
    a.ForEachKey(
        [&](std::string_view name, const View& value) { differ |= !IsResizable(name) && !Same(value, b.Key(name)); });
  };
  compare(now, before);
  compare(before, now);
  return differ;
}

enum class Sort : unsigned char { kMain, kInit };

void ResizeContainer(const View& now, const View& before, Sort sort, const View& spec, Causes& causes) {
  View resources = now["resources"];
  View old_resources = before["resources"];
  if (sort == Sort::kInit && now["restartPolicy"].Str() != "Always") {
    if (!Same(resources, old_resources)) {
      causes.Forbidden(spec.path(), "resources for non-sidecar init containers are immutable");
    }
    return;
  }
  View requests = resources["requests"];
  View limits = resources["limits"];
  View old_requests = old_resources["requests"];
  View old_limits = old_resources["limits"];
  NothingRemoved(requests, old_requests, "requests", causes);
  NothingRemoved(limits, old_limits, "limits", causes);
  if (OthersDiffer(requests, old_requests) || OthersDiffer(limits, old_limits) ||
      !Same(now["resizePolicy"], before["resizePolicy"])) {
    causes.Forbidden(spec.path(), "only cpu and memory resources are mutable");
  }
}

// The same containers in the same order.
bool SameContainers(const View& now, const View& before, std::string_view list, Causes& causes) {
  if (now.Size() != before.Size()) {
    causes.Forbidden(now.path(), fmt::format("{} may not be added or removed on resize", list));
    return false;
  }
  std::vector<std::string_view> names;
  before.ForEach([&](const View& container) { names.push_back(container["name"].Str()); });
  bool same = true;
  size_t i = 0;
  now.ForEach([&](const View& container) {
    View name = container["name"];
    if (name.Str() != names[i++]) {
      causes.Forbidden(name.path(), fmt::format("{} may not be renamed or reordered on resize", list));
      same = false;
    }
  });
  return same;
}

}  // namespace

void PodEphemeralContainers(const View& object, const View& old, Causes& causes) {
  if (IsMirror(old)) return causes.Forbidden(Path(), "static pods do not support ephemeral containers");
  View spec = object["spec"];
  View old_spec = old["spec"];
  View containers = spec["ephemeralContainers"];
  View old_containers = old_spec["ephemeralContainers"];
  std::map<std::string_view, json::Value> by_name;
  containers.ForEach([&](const View& container) { by_name[container["name"].Str()] = container.Value(); });
  old_containers.ForEach([&](const View& before) {
    std::string_view name = before["name"].Str();
    auto now = by_name.find(name);
    if (now == by_name.end()) {
      causes.Forbidden(containers.path(), fmt::format("existing ephemeral containers \"{}\" may not be removed\n", name));
    } else if (!json::Equal(now->second, before.Value())) {
      causes.Forbidden(containers.path(), fmt::format("existing ephemeral containers \"{}\" may not be changed\n", name));
    }
  });
}

void PodResize(const View& object, const View& old, Causes& causes) {
  if (IsMirror(old)) return causes.Forbidden(Path(), "static pods cannot be resized");
  View spec = object["spec"];
  View old_spec = old["spec"];
  for (auto [list, sort] : {std::pair("containers", Sort::kMain), std::pair("initContainers", Sort::kInit)}) {
    View now = spec[list];
    View before = old_spec[list];
    if (!SameContainers(now, before, list, causes)) continue;
    const json::Array* old_items = before.Raw() == nullptr ? nullptr : before.Raw()->if_array();
    size_t i = 0;
    now.ForEach([&](const View& container) {
      View was(&(*old_items)[i], Path(before.path(), i));
      ++i;
      ResizeContainer(container, was, sort, spec, causes);
    });
  }
}

}  // namespace sampan::api::rules
