// Controllers in a simulated cluster: one thread, one seed, time that moves when told, and nodes that run pods by the book.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/types/core.h"
#include "async/pool.h"
#include "async/spawn.h"
#include "client/fake.h"
#include "client/typed.h"
#include "controllers/common/controller.h"
#include "controllers/common/objects.h"

namespace sampan::controllers::testing {

class Sim {
 public:
  explicit Sim(uint64_t seed = 1) : rng_(NewSeededRng(seed)), api_(clock_, *rng_), informers_(api_, pool_, clock_, *rng_) {}
  ~Sim() {
    stop_.Cancel();
    pool_.RunAll();
    Spawn(pool_, ended_, informers_.Stop());
    pool_.RunAll();
  }

  World world() { return World{api_, informers_, pool_, clock_, *rng_}; }
  client::FakeClient& api() { return api_; }
  ManualClock& clock() { return clock_; }
  Rng& rng() { return *rng_; }

  void Start(std::unique_ptr<Controller> controller) {
    Spawn(pool_, gate_, controller->Run(stop_.token()));
    controllers_.push_back(std::move(controller));
    Settle();
  }

  void Settle() { pool_.RunAll(); }
  void Advance(Duration total) {
    Settle();
    while (total > Duration(0)) {
      Duration step = std::min(total, clock_.UntilNext().value_or(total));
      clock_.Advance(step);
      pool_.RunAll();
      total -= step;
    }
  }

  template <class T>
  client::TypedPtr<T> Get(const std::string& name, const std::string& namespace_ = "default") const {
    bool namespaced = api::KindOf<T>().namespaced();
    return client::TypedPtr<T>(api_.Peek(client::RefOf<T>(namespaced ? namespace_ : "", name)));
  }
  template <class T>
  std::vector<client::TypedPtr<T>> All() const {
    return client::Typed<T>(api_.All(api::KindOf<T>()));
  }
  template <class T>
  void Delete(const std::string& name, client::DeleteOptions options = {}, const std::string& namespace_ = "default") {
    bool namespaced = api::KindOf<T>().namespaced();
    Spawn(pool_, gate_, Ignore(api_.Delete(client::RefOf<T>(namespaced ? namespace_ : "", name), std::move(options))));
    Settle();
  }
  // A JSON merge patch, as kubectl would send.
  template <class T>
  void Patch(const std::string& name, std::string_view patch, const std::string& namespace_ = "default") {
    auto value = json::Parse(patch);
    CHECK(value.has_value());
    bool namespaced = api::KindOf<T>().namespaced();
    client::Ref ref = client::RefOf<T>(namespaced ? namespace_ : "", name);
    Spawn(pool_, gate_, Ignore(api_.Patch(ref, *std::move(value), {.type = client::PatchType::kMerge})));
    Settle();
  }

  std::vector<PodPtr> ActivePods() const {
    std::vector<PodPtr> pods = All<api::core::Pod>();
    std::erase_if(pods, [](const PodPtr& pod) { return !IsActive(pod); });
    return pods;
  }
  int ReadyPods() const {
    int ready = 0;
    for (const PodPtr& pod : ActivePods()) ready += IsReady(*pod) ? 1 : 0;
    return ready;
  }

  // Makes one pod ready (or not) on a node, as its agent would report it.
  enum class Ready : bool { kNo, kYes };
  void ReportPod(const PodPtr& pod, Ready ready = Ready::kYes, const std::string& node = "node-0") {
    json::Value value = pod.object()->Parse();
    json::Object& spec = value.as_object()["spec"].as_object();
    if (!spec.contains("nodeName")) spec["nodeName"] = node;
    std::string now = FormatTime(clock_.Now());
    value.as_object()["status"] = json::Object{
        {"phase", "Running"},
        {"podIP", fmt::format("10.244.0.{}", 1 + next_ip_++ % 250)},
        {"conditions",
         json::Array{json::Object{
             {"type", "Ready"}, {"status", ready == Ready::kYes ? "True" : "False"}, {"lastTransitionTime", now}}}}};
    api_.PutValue(std::move(value));
  }
  // Ends pods that are being deleted and starts at most `limit` waiting ones; how many pods changed.
  int RunPods(int limit = 1 << 30) {
    int changed = 0;
    for (const PodPtr& pod : All<api::core::Pod>()) {
      if (pod.object()->deleting()) {
        api_.Remove(client::RefOf<api::core::Pod>(pod.namespace_(), pod.name()));
        ++changed;
      } else if (!IsReady(*pod) && limit-- > 0) {
        ReportPod(pod, Ready::kYes, fmt::format("node-{}", changed % 5));
        ++changed;
      }
    }
    Settle();
    return changed;
  }
  // Until nothing changes any more.
  void Converge() {
    Settle();
    while (RunPods() > 0) {
    }
  }

  std::vector<std::string> Events() const {
    std::vector<std::string> messages;
    for (const auto& event : All<api::core::Event>()) messages.push_back(event->reason + ": " + event->message);
    return messages;
  }

 private:
  template <class T>
  static Task<void> Ignore(Task<Result<T>> task) {
    Result<T> done = co_await std::move(task);
    CHECK(done.has_value());
  }

  ManualClock clock_;
  ManualExecutor pool_;
  std::unique_ptr<Rng> rng_;
  client::FakeClient api_;
  client::InformerFactory informers_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  CancelSource stop_;
  Gate gate_;
  Gate ended_;
  int next_ip_ = 0;
};

}  // namespace sampan::controllers::testing
