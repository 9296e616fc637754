#include "sim/user.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/types/apps.h"
#include "async/clock.h"
#include "base/check.h"
#include "client/typed.h"

namespace sampan::sim {
namespace {

using api::apps::Deployment;
using api::core::ConfigMap;
using api::core::Namespace;
using api::core::Pod;
using api::core::Service;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kAbsent[] = "absent";
// No user fills the nodes, or pods stay pending with every right.
constexpr int kMostBare = 6;

json::Value Parsed(const std::string& text) {
  auto value = json::Parse(text);
  CHECK(value.has_value());
  return *std::move(value);
}

std::string Described(const client::ObjectPtr& object, const api::KindInfo& kind) {
  if (&kind == &api::KindOf<ConfigMap>()) {
    const std::string* value = object->As<ConfigMap>().data.Find("value");
    return value == nullptr ? "" : *value;
  }
  if (&kind == &api::KindOf<Deployment>()) {
    const auto& spec = object->As<Deployment>().spec;
    return fmt::format("{} of {}", spec.replicas.value_or(1), spec.template_.spec.containers.at(0).image);
  }
  return "present";
}

std::string ContainersJson(int image, int milli_cpu) {
  return fmt::format(
      R"("terminationGracePeriodSeconds":5,"containers":[{{"name":"c","image":"img:{}","resources":{{"requests":{{"cpu":"{}m"}}}}}}])",
      image, milli_cpu);
}

}  // namespace

User::User(client::Client& client, Clock& clock, Faults& faults, std::string namespace_)
    : client_(client), clock_(clock), faults_(faults), namespace_(std::move(namespace_)) {}

Task<void> User::Live(CancelToken stop) {
  co_await MakeNamespace();
  while (!stop.Requested()) {
    co_await Step();
    co_await Pause(milliseconds(50), seconds(faults_.Chance(200) ? 20 : 3));
  }
}

Task<void> User::Pause(Duration least, Duration most) {
  co_await clock_.Sleep(faults_.Between(least, most));
}

Task<void> User::Step() {
  switch (faults_.Below(20)) {
    case 0:
      if (faults_.Chance(300)) co_await ReplaceNamespace();
      break;
    case 1:
    case 2:
    case 3:
      co_await ServiceStep();
      break;
    case 4:
    case 5:
    case 6:
      co_await PodStep();
      break;
    case 7:
    case 8:
    case 9:
    case 10:
    case 11:
    case 12:
      co_await ConfigMapStep();
      break;
    default:
      co_await DeploymentStep();
  }
}

User::Possible& User::PossibleOf(const Thing& thing) {
  Possible& possible = things_[thing];
  if (possible.empty()) possible.insert(kAbsent);
  return possible;
}

template <class T>
void User::Learn(const Thing& thing, const Result<T>& answer, std::string wanted) {
  Possible& possible = PossibleOf(thing);
  if (answer) possible.clear();
  possible.insert(std::move(wanted));
  if constexpr (std::is_same_v<T, client::ObjectPtr>) {
    // A deletion without an answer took effect: it changed, and goes nevertheless.
    if (answer && (*answer)->deleting()) possible.insert(kAbsent);
  }
}

// Asks until it gets an answer, which is one of those that are possible.
Task<void> User::Look(Thing thing) {
  Result<client::ObjectPtr> seen = Fail(Error::InternalError("not tried"));
  while (true) {
    seen = co_await client_.Get(Ref(thing));
    if (seen || seen.error().Is(Reason::kNotFound)) break;
    co_await Pause(milliseconds(100), seconds(2));
  }
  Possible& possible = PossibleOf(thing);
  std::string state = seen ? Described(*seen, *thing.kind) : kAbsent;
  // What is being deleted may go at any time.
  const bool going = seen && (*seen)->deleting() && possible.contains(kAbsent);
  if (!possible.contains(state) && !going) {
    violations_.push_back(fmt::format("{}/{} in {} is \"{}\", acknowledged was \"{}\"", thing.kind->resource, thing.name,
                                      namespace_, state, fmt::join(possible, "\" or \"")));
  }
  if (!going) possible = {state};
}

Task<void> User::Remove(Thing thing) {
  client::DeleteOptions options;
  constexpr std::array<const char*, 3> kPolicies = {"", "Background", "Foreground"};
  options.propagation_policy = kPolicies[faults_.Below(kPolicies.size())];
  auto gone = co_await client_.Delete(Ref(thing), options);
  Learn(thing, gone, kAbsent);
  // In the foreground it is there until its dependents are gone.
  while (gone) {
    auto seen = co_await client_.Get(Ref(thing));
    if (!seen && seen.error().Is(Reason::kNotFound)) co_return;
    if (seen && !(*seen)->deleting()) break;
    co_await Pause(milliseconds(100), seconds(2));
  }
  co_await Look(thing);
}

Task<void> User::ConfigMapStep() {
  const Thing thing{&api::KindOf<ConfigMap>(), fmt::format("config-{}", faults_.Below(3))};
  const bool absent = PossibleOf(thing) == Possible{kAbsent};
  if (!absent && faults_.Chance(150)) {
    co_await Remove(thing);
    co_return;
  }
  std::string value = std::to_string(++counter_);
  json::Value body = Parsed(fmt::format(
      R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{}","namespace":"{}"}},"data":{{"value":"{}"}}}})",
      thing.name, namespace_, value));
  Result<client::ObjectPtr> answer = Fail(Error::InternalError("not tried"));
  if (absent) {
    answer = co_await client_.Create(Ref(thing), std::move(body));
  } else if (faults_.Chance(500)) {
    answer = co_await client_.Update(Ref(thing), std::move(body));
  } else {
    answer = co_await client_.Patch(Ref(thing), Parsed(fmt::format(R"({{"data":{{"value":"{}"}}}})", value)),
                                    {.type = client::PatchType::kMerge, .field_manager = ""});
  }
  Learn(thing, answer, value);
  if (!answer || faults_.Chance(300)) co_await Look(thing);
}

Task<void> User::DeploymentStep() {
  const Thing thing{&api::KindOf<Deployment>(), fmt::format("app-{}", faults_.Below(2))};
  const bool absent = PossibleOf(thing) == Possible{kAbsent};
  if (!absent && faults_.Chance(100)) {
    co_await Remove(thing);
    co_return;
  }
  const uint64_t replicas = faults_.Below(4);
  const int image = static_cast<int>(faults_.Below(4));
  std::string wanted = fmt::format("{} of img:{}", replicas, image);
  Result<client::ObjectPtr> answer = Fail(Error::InternalError("not tried"));
  if (absent) {
    const char* strategy = faults_.Chance(300) ? R"("strategy":{"type":"Recreate"},)" : "";
    std::string body = fmt::format(
        R"({{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"{0}","namespace":"{1}"}},"spec":{{{2}"replicas":{3},)"
        R"("selector":{{"matchLabels":{{"app":"{0}"}}}},"template":{{"metadata":{{"labels":{{"app":"{0}"}}}},"spec":{{{4}}}}}}}}})",
        thing.name, namespace_, strategy, replicas, ContainersJson(image, 100));
    answer = co_await client_.Create(Ref(thing), Parsed(body));
  } else {
    std::string patch = fmt::format(
        R"({{"spec":{{"replicas":{},"template":{{"spec":{{"containers":[{{"name":"c","image":"img:{}"}}]}}}}}}}})", replicas,
        image);
    answer = co_await client_.Patch(Ref(thing), Parsed(patch), {.type = client::PatchType::kStrategic, .field_manager = ""});
  }
  Learn(thing, answer, wanted);
  if (!answer || faults_.Chance(300)) co_await Look(thing);
}

Task<void> User::ServiceStep() {
  const uint64_t number = faults_.Below(2);
  const Thing thing{&api::KindOf<Service>(), fmt::format("app-{}", number)};
  if (PossibleOf(thing) != Possible{kAbsent}) {
    if (faults_.Chance(200)) co_await Remove(thing);
    co_return;
  }
  std::string body = fmt::format(R"({{"apiVersion":"v1","kind":"Service","metadata":{{"name":"{0}","namespace":"{1}"}},)"
                                 R"("spec":{{"selector":{{"app":"{0}"}},"ports":[{{"port":80}}]}}}})",
                                 thing.name, namespace_);
  auto answer = co_await client_.Create(Ref(thing), Parsed(body));
  Learn(thing, answer, "present");
  if (!answer) co_await Look(thing);
}

// A pod of nobody's, or the end of a pod of anybody's.
Task<void> User::PodStep() {
  if (faults_.Chance(300)) {
    if (bare_ == kMostBare) co_return;
    ++bare_;
    std::string body = fmt::format(
        R"({{"apiVersion":"v1","kind":"Pod","metadata":{{"generateName":"bare-","namespace":"{}"}},"spec":{{{}}}}})",
        namespace_, ContainersJson(0, 500));
    (void)co_await client_.Create({&api::KindOf<Pod>(), namespace_, "", ""}, Parsed(body));
    co_return;
  }
  auto pods = co_await client::List<Pod>(client_, namespace_);
  if (!pods || pods->empty()) co_return;
  client::DeleteOptions options;
  if (faults_.Chance(300)) options.grace_period_seconds = 0;
  std::string name = (*pods)[faults_.Below(pods->size())].name();
  if (name.starts_with("bare-")) bare_ = std::max(bare_ - 1, 0);
  (void)co_await client::Delete<Pod>(client_, namespace_, name, options);
}

Task<void> User::MakeNamespace() {
  while (true) {
    json::Value body =
        Parsed(fmt::format(R"({{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{}"}}}})", namespace_));
    auto made = co_await client_.Create({&api::KindOf<Namespace>(), "", namespace_, ""}, std::move(body));
    if (made || made.error().Is(Reason::kAlreadyExists)) co_return;
    co_await Pause(milliseconds(100), seconds(2));
  }
}

// Ends it with all that is in it, waits for the end, and begins anew.
Task<void> User::ReplaceNamespace() {
  auto deleted = co_await client::Delete<Namespace>(client_, "", namespace_);
  if (!deleted) {
    // Without an answer it may be ending all the same.
    Result<client::TypedPtr<Namespace>> seen = Fail(Error::InternalError("not tried"));
    do {
      co_await Pause(milliseconds(100), seconds(2));
      seen = co_await client::Get<Namespace>(client_, "", namespace_);
    } while (!seen && !seen.error().Is(Reason::kNotFound));
    if (seen && !seen->object()->deleting()) co_return;
  }
  while (true) {
    auto seen = co_await client::Get<Namespace>(client_, "", namespace_);
    if (!seen && seen.error().Is(Reason::kNotFound)) break;
    co_await Pause(milliseconds(500), seconds(3));
  }
  for (auto& [thing, possible] : things_) possible = {kAbsent};
  bare_ = 0;
  co_await MakeNamespace();
}

Task<void> User::ExpectPromises() {
  for (const auto& [thing, possible] : std::map(things_)) co_await Look(thing);
}

}  // namespace sampan::sim
