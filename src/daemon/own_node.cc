#include "daemon/own_node.h"

#include "api/types/core.h"
#include "async/spawn.h"
#include "base/log.h"
#include "client/typed.h"

namespace sampan::daemon {
namespace {

using api::core::Node;

constexpr char kRoleLabel[] = "node-role.kubernetes.io/control-plane";
constexpr Duration kFirstRetry = std::chrono::milliseconds(100);
constexpr Duration kLastRetry = std::chrono::seconds(10);

}  // namespace

struct OwnNode::State {
  State(Deps given, std::string name, std::map<std::string, std::string> labels)
      : deps(given), name(std::move(name)), labels(std::move(labels)), strand(NewStrand(deps.pool)) {}

  Task<void> Run(CancelToken stop);
  Task<Result<void>> Label(client::ObjectPtr node);
  void Saw(const client::ObjectPtr& node);

  Deps deps;
  const std::string name;
  const std::map<std::string, std::string> labels;
  std::unique_ptr<Executor> strand;
  // Of the strand.
  client::ObjectPtr latest;
  std::string labelled_uid;
  std::optional<Oneshot<bool>::Sender> waker;
};

OwnNode::OwnNode(Deps deps, std::string name, std::map<std::string, std::string> labels) {
  labels.emplace(kRoleLabel, "");
  state_ = std::make_unique<State>(deps, std::move(name), std::move(labels));
}
OwnNode::~OwnNode() = default;

Task<void> OwnNode::Run(CancelToken stop) {
  return RunOn(*state_->strand, state_->Run(std::move(stop)));
}

void OwnNode::State::Saw(const client::ObjectPtr& node) {
  latest = node;
  if (waker) waker->Set(true);
}

Task<void> OwnNode::State::Run(CancelToken stop) {
  auto& informer = deps.informers.ForKind(api::KindOf<Node>(), {.field_selector = "metadata.name=" + name});
  auto changes = informer.Subscribe(*strand, {.added = [this](const auto& node) { Saw(node); },
                                              .updated = [this](const auto&, const auto& node) { Saw(node); },
                                              .deleted = {}});
  Duration retry = kFirstRetry;
  while (!stop.Requested()) {
    if (latest == nullptr || latest->uid() == labelled_uid) {
      Oneshot<bool> woken;
      waker = woken.sender();
      auto stopping = stop.OnCancel([sender = woken.sender()]() mutable { sender.Set(false); });
      co_await woken.Wait();
      waker.reset();
      continue;
    }
    client::ObjectPtr node = latest;
    Result<void> labelled = co_await Label(node);
    if (labelled) {
      labelled_uid = node->uid();
      retry = kFirstRetry;
      continue;
    }
    LOG_WARN("node", "cannot label the node {}: {}", name, labelled.error());
    co_await deps.clock.Sleep(retry, stop);
    retry = std::min(retry * 2, kLastRetry);
  }
}

Task<Result<void>> OwnNode::State::Label(client::ObjectPtr node) {
  json::Object missing;
  for (const auto& [key, value] : labels) {
    const std::string* present = api::FindIn(node->head().labels, key);
    if (present == nullptr || *present != value) missing[key] = value;
  }
  if (missing.empty()) co_return Result<void>();
  json::Value patch = json::Object{{"metadata", json::Object{{"uid", node->uid()}, {"labels", std::move(missing)}}}};
  auto patched = co_await client::MergePatch<Node>(deps.client, "", name, std::move(patch));
  if (!patched && !patched.error().Is(Reason::kNotFound)) co_return Fail(patched.error());
  co_return Result<void>();
}

}  // namespace sampan::daemon
