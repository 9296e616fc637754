#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

constexpr size_t kMaxWord = 128;  // of action, reason and reporter
constexpr size_t kMaxNote = 1024;

// Events about cluster-scoped objects live in the default namespace.
bool IsHomeOfClusterEvents(std::string_view space) {
  return space == "default" || space == "kube-system";
}

void AtMost(const View& field, size_t length, Causes& causes) {
  if (field.Str().size() <= length) return;
  causes.Invalid(field.path(), "", fmt::format("can have at most {} characters", length));
}

void Word(const View& field, Causes& causes) {
  if (field.Empty()) causes.Required(field.path());
  AtMost(field, kMaxWord, causes);
}

// What an event with a time of its own must tell.
void Reporter(const View& object, Causes& causes) {
  Path path("reportingController");
  std::string_view controller = object["reportingComponent"].Str();
  if (controller.empty()) {
    causes.Required(path);
  } else if (auto fault = names::QualifiedName(controller)) {
    causes.Invalid(path, controller, *fault);
  }
  for (std::string_view field : {"reportingInstance", "action", "reason"}) Word(object[field], causes);
  AtMost(object["message"], kMaxNote, causes);
}

void Series(const View& series, Causes& causes) {
  if (!series.Present()) return;
  View count = series["count"];
  View last = series["lastObservedTime"];
  if (count.Int() < 2) causes.Invalid(count.path(), "", "should be at least 2");
  if (last.Empty()) causes.Required(last.path());
}

}  // namespace

void Event(const View& object, Causes& causes) {
  View meta = object["metadata"];
  std::string_view space = meta["namespace"].Str();
  View about = object["involvedObject"];
  View about_space = about["namespace"];
  bool timed = !object["eventTime"].Empty();
  bool fits = about_space.Empty() ? IsHomeOfClusterEvents(space) : timed || about_space.Str() == space;
  if (!fits) causes.Invalid(about_space.path(), about_space.Str(), "does not match event.namespace");
  if (timed) Reporter(object, causes);
}

void NewEvent(const View& object, Causes& causes) {
  Event(object, causes);
  Series(object["series"], causes);
  View time = object["eventTime"];
  if (time.Empty()) causes.Required(time.path());
  View type = object["type"];
  if (type.Str() != "Normal" && type.Str() != "Warning") {
    causes.Invalid(type.path(), "", fmt::format("has invalid value: {}", type.Str()));
  }
  for (std::string_view field : {"firstTimestamp", "lastTimestamp", "count", "source"}) {
    View old_style = object[field];
    if (!old_style.Empty()) causes.Invalid(old_style.path(), "", "needs to be unset");
  }
}

void NewEventUpdate(const View& object, const View& old, Causes& causes) {
  View series = object["series"];
  if (!Same(series, old["series"])) Series(series, causes);
  for (std::string_view field : {"involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count",
                                 "type", "eventTime", "action", "related", "reportingComponent", "reportingInstance"}) {
    Immutable(object[field], old[field], causes);
  }
}

}  // namespace sampan::api::rules
