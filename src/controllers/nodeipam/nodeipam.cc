#include "controllers/nodeipam/nodeipam.h"

#include <unordered_map>
#include <unordered_set>

#include "api/types/core.h"
#include "base/log.h"
#include "client/typed.h"
#include "controllers/nodeipam/plan.h"

namespace sampan::controllers {
namespace {

using api::core::Node;
using NodePtr = client::TypedPtr<Node>;

std::vector<std::string> RangesOf(const Node& node) {
  if (!node.spec.pod_cidrs.empty()) return node.spec.pod_cidrs;
  return node.spec.pod_cidr.empty() ? std::vector<std::string>() : std::vector<std::string>{node.spec.pod_cidr};
}

class NodeIpamController final : public KeyedController {
 public:
  NodeIpamController(World world, nodeipam::RangePool pool)
      : KeyedController(world, {.name = "node-ipam-controller", .event_component = "cidrAllocator", .workers = 1}),
        pool_(std::move(pool)) {}

 private:
  void Subscribe() override {
    nodes_ = Source<Node>();
    // Every range that is in use is known before the first is handed out: handlers run before Sync, in the cache's order.
    Listen(nodes_.untyped(), {.added = [this](const ObjectPtr& node) { Seen(*node); },
                              .updated = [this](const ObjectPtr&, const ObjectPtr& after) { Seen(*after); },
                              .deleted =
                                  [this](const ObjectPtr& last) {
                                    Hold(last->name(), {});
                                    told_.erase(last->name());
                                    // What was short of ranges may have one now.
                                    for (const std::string& name : std::exchange(without_, {})) Queue(name);
                                  }});
  }

  // From now on the node has these ranges, and no others.
  void Hold(const std::string& node, std::vector<std::string> ranges) {
    std::vector<std::string>& held = held_[node];
    for (const std::string& range : ranges) pool_.Occupy(range);
    for (const std::string& range : held) pool_.Release(range);
    held = std::move(ranges);
    if (held.empty()) held_.erase(node);
  }

  void Seen(const api::Object& node) {
    std::vector<std::string> ranges = RangesOf(node.As<Node>());
    Hold(node.name(), ranges);
    if (!ranges.empty() || without_.contains(node.name())) return;
    if (!started_) told_.insert(node.name());
    Queue(node.name());
  }

  Task<void> Background(CancelToken) override {
    started_ = true;
    co_return;
  }

  Task<Result<void>> Sync(std::string name) override {
    NodePtr node = nodes_.Get("", name);
    if (!node || node.object()->deleting() || !RangesOf(*node).empty()) co_return Result<void>();
    std::optional<std::string> range = pool_.Take();
    if (!range) {
      if (without_.empty()) LOG_WARN("node-ipam-controller", "all {} ranges of pod addresses are taken", pool_.size());
      without_.insert(name);
      if (told_.insert(name).second) {
        Emit(*node.object(), client::EventType::kNormal, "CIDRNotAvailable",
             fmt::format("Node {} status is now: CIDRNotAvailable", name));
      }
      co_return Result<void>();
    }
    json::Object metadata{{"uid", node.uid()}};
    json::Object spec{{"podCIDR", *range}, {"podCIDRs", json::Array{json::Value(*range)}}};
    json::Value patch = json::Object{{"metadata", std::move(metadata)}, {"spec", std::move(spec)}};
    auto patched = co_await client::MergePatch<Node>(world_.client, "", name, std::move(patch));
    // From the pool's hands into the node's, unless it is gone already.
    if (patched && nodes_.Get("", name)) Hold(name, {*range});
    pool_.Release(*range);
    if (patched) co_return Result<void>();
    // A range cannot be changed once it is set: somebody else has set one.
    bool settled = patched.error().Is(Reason::kInvalid) || patched.error().Is(Reason::kNotFound);
    if (settled) co_return Result<void>();
    co_return Fail(std::move(patched).error());
  }

  nodeipam::RangePool pool_;
  client::Informer<Node> nodes_;
  std::unordered_map<std::string, std::vector<std::string>> held_;  // by node
  std::unordered_set<std::string> without_;                         // nodes that found no range left
  // Those among them that know: told since the start, or before it. A restart does not tell thousands of nodes again.
  std::unordered_set<std::string> told_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Controller> NewNodeIpamController(World world, const NodeIpamOptions& options) {
  if (options.cluster_cidr.empty()) return nullptr;
  Result<nodeipam::RangePool> pool = nodeipam::RangePool::Create(options.cluster_cidr, options.node_mask);
  if (!pool) {
    LOG_WARN("node-ipam-controller", "{}; nodes get no ranges", pool.error());
    return nullptr;
  }
  return std::make_unique<NodeIpamController>(world, *std::move(pool));
}

}  // namespace sampan::controllers
