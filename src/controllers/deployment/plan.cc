#include "controllers/deployment/plan.h"

#include <charconv>

#include "base/saturate.h"
#include "controllers/deployment/state.h"

namespace sampan::controllers::deployment {
namespace {

using api::StringMap;
using api::apps::Deployment;

// Annotations of the deployment that say something about itself and not about its pods.
constexpr std::string_view kNotCopied[] = {"kubectl.kubernetes.io/last-applied-configuration",
                                           "deprecated.deployment.rollback.to",
                                           kRevision,
                                           kRevisionHistory,
                                           kDesiredReplicas,
                                           kMaxReplicas};

bool OlderThan(const ReplicaSetPtr& a, const ReplicaSetPtr& b) {
  auto age = [](const ReplicaSetPtr& set) { return set->metadata.creation_timestamp.value_or(WallTime::max()); };
  return age(a) != age(b) ? age(a) < age(b) : a.name() < b.name();
}

bool EqualButHash(const StringMap& a, const StringMap& b) {
  auto skip = [](auto& it, auto end) {
    if (it != end && it->first == kHashLabel) ++it;
  };
  auto i = a.begin();
  auto j = b.begin();
  while (true) {
    skip(i, a.end());
    skip(j, b.end());
    if (i == a.end() || j == b.end()) return i == a.end() && j == b.end();
    if (*i++ != *j++) return false;
  }
}

int64_t RevisionOf(const ReplicaSetPtr& set) {
  return NumberIn(set->metadata.annotations, kRevision).value_or(0);
}

int64_t NextRevision(const State& state) {
  int64_t highest = 0;
  for (const ReplicaSetPtr& set : state.old) highest = std::max(highest, RevisionOf(set));
  return SaturatedSum(highest, 1);
}

StringMap CopiedAnnotations(const Deployment& deployment) {
  StringMap copied;
  for (const auto& [key, value] : deployment.metadata.annotations) {
    if (std::ranges::find(kNotCopied, key) == std::end(kNotCopied)) copied[key] = value;
  }
  return copied;
}

// The annotations of the current set that are not yet as they should be.
StringMap MissingAnnotations(const State& state) {
  const StringMap& have = state.current->metadata.annotations;
  StringMap wanted = CopiedAnnotations(*state.deployment);
  int64_t next = NextRevision(state);
  int64_t now = RevisionOf(state.current);
  if (now < next) {
    wanted[kRevision] = std::to_string(next);
    if (now > 0) {
      const std::string* history = have.Find(kRevisionHistory);
      wanted[kRevisionHistory] = history == nullptr ? std::to_string(now) : fmt::format("{},{}", *history, now);
    }
  }
  StringMap missing;
  for (const auto& [key, value] : wanted) {
    const std::string* held = have.Find(key);
    if (held == nullptr || *held != value) missing[key] = value;
  }
  return missing;
}

// The size of the current set in the next step.
int32_t NextSize(const State& state, int32_t size) {
  if (state.recreate || size > state.replicas) return state.replicas;
  int32_t room = state.max_total() - TotalSize(state.all);
  if (room <= 0) return size;
  return size + std::min(room, state.replicas - size);
}

NewSet PlanNewSet(const State& state) {
  const Deployment& deployment = *state.deployment;
  NewSet set;
  set.hash = TemplateHash(deployment.spec.template_, deployment.status.collision_count.value_or(0));
  set.name = fmt::format("{}-{}", state.deployment.name(), set.hash);
  set.replicas = NextSize(state, 0);
  set.annotations = CopiedAnnotations(deployment);
  for (const auto& [key, value] : SizeAnnotations(state)) set.annotations[key] = value;
  set.annotations[kRevision] = std::to_string(NextRevision(state));
  return set;
}

SetChange Resize(const State& state, const ReplicaSetPtr& set, int32_t replicas) {
  return SetChange{set, replicas, std::nullopt, SizeAnnotations(state)};
}

// The current set as the deployment wants it, and grown as far as the bounds allow. Empty when it is so already.
std::vector<SetChange> PlanCurrent(const State& state) {
  SetChange change{state.current, {}, {}, MissingAnnotations(state)};
  int32_t min_ready = state.deployment->spec.min_ready_seconds.value_or(0);
  if (state.current->spec.min_ready_seconds.value_or(0) != min_ready) change.min_ready_seconds = min_ready;
  int32_t size = NextSize(state, SizeOf(state.current));
  if (size != SizeOf(state.current)) {
    change.replicas = size;
    for (const auto& [key, value] : SizeAnnotations(state)) change.annotations[key] = value;
  }
  if (!change.replicas && !change.min_ready_seconds && change.annotations.empty()) return {};
  return {std::move(change)};
}

// Shrinks the old sets as far as availability allows: first by the pods that serve nobody anyway.
std::vector<SetChange> PlanOldShrinking(const State& state) {
  int32_t current_unavailable = SizeOf(state.current) - AvailableOf(state.current);
  int32_t budget = Saturated32(int64_t{TotalSize(state.all)} - state.min_available() - current_unavailable);
  if (budget <= 0) return {};
  std::vector<int32_t> sizes;
  for (const ReplicaSetPtr& set : state.old) {
    int32_t broken = std::min(budget, std::max(SizeOf(set) - AvailableOf(set), 0));
    sizes.push_back(SizeOf(set) - broken);
    budget -= broken;
  }
  int32_t spare = TotalAvailable(state.all) - state.min_available();
  for (int32_t& size : sizes) {
    int32_t taken = std::clamp(spare, 0, size);
    size -= taken;
    spare -= taken;
  }
  std::vector<SetChange> changes;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] != SizeOf(state.old[i])) changes.push_back(Resize(state, state.old[i], sizes[i]));
  }
  return changes;
}

std::vector<SetChange> PlanOldRemoval(const State& state) {
  std::vector<SetChange> changes;
  for (const ReplicaSetPtr& set : state.old) {
    if (SizeOf(set) > 0) changes.push_back(Resize(state, set, 0));
  }
  return changes;
}

// The sets that the history limit leaves no room for: the lowest revisions that are empty and settled.
std::vector<ReplicaSetPtr> PlanCleanup(const State& state) {
  constexpr int32_t kDefaultLimit = 10;
  int32_t limit = state.deployment->spec.revision_history_limit.value_or(kDefaultLimit);
  if (limit == std::numeric_limits<int32_t>::max()) return {};
  std::vector<ReplicaSetPtr> kept;
  for (const ReplicaSetPtr& set : state.old) {
    if (!set.object()->deleting()) kept.push_back(set);
  }
  auto excess = static_cast<int64_t>(kept.size()) - limit;
  std::ranges::stable_sort(kept, {}, &RevisionOf);
  std::vector<ReplicaSetPtr> removed;
  for (int64_t i = 0; i < excess; ++i) {
    const ReplicaSetPtr& set = kept[static_cast<size_t>(i)];
    bool settled = set->metadata.generation.value_or(0) <= set->status.observed_generation.value_or(0);
    if (SizeOf(set) == 0 && set->status.replicas == 0 && settled) removed.push_back(set);
  }
  return removed;
}

void PlanRollout(const State& state, Plan& plan) {
  if (state.recreate) {
    plan.changes = PlanOldRemoval(state);
    if (!plan.changes.empty() || state.old_pods_running) return;
  }
  if (!state.current) {
    plan.create = PlanNewSet(state);
    plan.revision = plan.create->annotations.Get(kRevision);
    return;
  }
  plan.changes = PlanCurrent(state);
  plan.revision = std::to_string(std::max(RevisionOf(state.current), NextRevision(state)));
  bool resized = !plan.changes.empty() && plan.changes.front().replicas.has_value();
  if (!state.recreate && !resized) {
    for (SetChange& change : PlanOldShrinking(state)) plan.changes.push_back(std::move(change));
  }
}

}  // namespace

Bounds ResolveBounds(const Deployment& deployment) {
  using Rounding = api::IntOrString::Rounding;
  const auto& strategy = deployment.spec.strategy.OrEmpty();
  if (strategy.type == "Recreate") return {};
  const auto& rolling = strategy.rolling_update.OrEmpty();
  int32_t replicas = deployment.spec.replicas.value_or(1);
  Bounds bounds;
  bounds.max_surge = rolling.max_surge.value_or("25%").Scaled(replicas, Rounding::kUp).value_or(0);
  bounds.max_unavailable = rolling.max_unavailable.value_or("25%").Scaled(replicas, Rounding::kDown).value_or(0);
  if (bounds.max_surge == 0 && bounds.max_unavailable == 0) bounds.max_unavailable = 1;
  bounds.max_unavailable = std::min(bounds.max_unavailable, replicas);
  return bounds;
}

bool SameTemplate(const api::core::PodTemplateSpec& a, const api::core::PodTemplateSpec& b) {
  return EqualButHash(a.metadata.labels, b.metadata.labels) && a.metadata.annotations == b.metadata.annotations &&
         a.metadata.finalizers == b.metadata.finalizers && a.spec == b.spec;
}

std::string TemplateHash(const api::core::PodTemplateSpec& pod_template, int32_t collisions) {
  std::string text = api::ToJsonText(pod_template);
  if (collisions > 0) text += std::to_string(collisions);
  uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  // Ten letters of an alphabet without vowels, so that no word comes out.
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (int i = 0; i < 10; ++i, hash /= kAlphabet.size()) out += kAlphabet[hash % kAlphabet.size()];
  return out;
}

std::optional<int64_t> NumberIn(const StringMap& annotations, std::string_view key) {
  const std::string* text = annotations.Find(key);
  int64_t number = 0;
  if (text == nullptr) return std::nullopt;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

int32_t TotalSize(std::span<const ReplicaSetPtr> sets) {
  int64_t total = 0;
  for (const ReplicaSetPtr& set : sets) total += SizeOf(set);
  return Saturated32(total);
}

int32_t TotalAvailable(std::span<const ReplicaSetPtr> sets) {
  int64_t total = 0;
  for (const ReplicaSetPtr& set : sets) total += AvailableOf(set);
  return Saturated32(total);
}

StringMap SizeAnnotations(const State& state) {
  StringMap out;
  out[kDesiredReplicas] = std::to_string(state.replicas);
  out[kMaxReplicas] = std::to_string(state.max_total());
  return out;
}

State MakeState(const Input& input) {
  const Deployment& deployment = *input.deployment;
  State state;
  state.deployment = input.deployment;
  state.replicas = deployment.spec.replicas.value_or(1);
  state.bounds = ResolveBounds(deployment);
  state.recreate = deployment.spec.strategy.OrEmpty().type == "Recreate";
  state.paused = deployment.spec.paused.value_or(false);
  std::optional<int32_t> deadline = deployment.spec.progress_deadline_seconds;
  if (deadline && *deadline != std::numeric_limits<int32_t>::max()) {
    state.progress_deadline = std::chrono::seconds(*deadline);
  }
  state.all = input.sets;
  std::ranges::sort(state.all, OlderThan);
  for (const ReplicaSetPtr& set : state.all) {
    // Of several sets with the template the oldest counts, so that the choice never changes.
    if (!state.current && set->spec.template_ && SameTemplate(*set->spec.template_, deployment.spec.template_)) {
      state.current = set;
    } else {
      state.old.push_back(set);
    }
  }
  state.old_pods_running = input.old_pods_running;
  state.now = input.now;
  return state;
}

Plan PlanDeployment(const Input& input) {
  State state = MakeState(input);
  Plan plan;
  if (input.deployment.object()->deleting()) {
    plan.status = PlanStatus(state, Progress::kPaused);
    return plan;
  }
  if (state.paused || IsResized(state)) {
    plan.changes = PlanProportionalScaling(state);
    plan.status = PlanStatus(state, Progress::kPaused);
    if (state.paused) plan.remove = PlanCleanup(state);
    return plan;
  }
  PlanRollout(state, plan);
  plan.status = PlanStatus(state, Progress::kRollout);
  if (plan.create) {
    SetCondition(plan.status, MakeCondition(state.now, "Progressing", "True", "NewReplicaSetCreated",
                                            fmt::format("Created new replica set \"{}\"", plan.create->name)));
  }
  if (IsComplete(state, plan.status)) plan.remove = PlanCleanup(state);
  plan.check_after = NextDeadlineCheck(state, plan.status);
  if (plan.revision == input.deployment->metadata.annotations.Get(kRevision)) plan.revision.clear();
  return plan;
}

api::apps::DeploymentStatus StatusOfFailedCreate(const api::apps::DeploymentStatus& status, const NewSet& set,
                                                 const Error& error, WallTime now) {
  api::apps::DeploymentStatus out = status;
  SetCondition(out, MakeCondition(now, "Progressing", "False", "ReplicaSetCreateError",
                                  fmt::format("Failed to create new replica set \"{}\": {}", set.name, error.message())));
  return out;
}

}  // namespace sampan::controllers::deployment
