#include "sim/world.h"

#include <stdlib.h>

#include <filesystem>

#include "async/spawn.h"
#include "base/check.h"
#include "base/log.h"
#include "client/typed.h"
#include "net/pki.h"
#include "sim/judge.h"
#include "sim/observer.h"
#include "sim/server_process.h"
#include "sim/sim_node.h"
#include "sim/user.h"

namespace sampan::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int kNodes = 3;
constexpr int kUsers = 2;
constexpr Duration kTroubleLasts = seconds(150);
// Pods leave a node that is away after five minutes, and deployments wait up to ten for progress.
constexpr Duration kPeaceWithin = minutes(20);
constexpr size_t kTurnsInNoTime = 3'000'000;

const std::vector<const api::KindInfo*>& ObservedKinds() {
  static const std::vector<const api::KindInfo*> kinds = {
      &api::KindOf<api::core::Pod>(),        &api::KindOf<api::core::ConfigMap>(),
      &api::KindOf<api::core::Namespace>(),  &api::KindOf<api::core::Node>(),
      &api::KindOf<api::core::Service>(),    &api::KindOf<api::apps::Deployment>(),
      &api::KindOf<api::apps::ReplicaSet>(), &api::KindOf<api::discovery::EndpointSlice>()};
  return kinds;
}

class World {
 public:
  World(Stage& stage, uint64_t seed, Trace trace);
  ~World();
  Outcome Run();
  // Whether nothing of it is under way any more.
  bool Ended() const {
    return gate_.holders() + users_gate_.holders() + observers_gate_.holders() == 0 && server_ == nullptr;
  }

 private:
  // What happens to the server, from one turn of the loop to the next.
  enum class Server : unsigned char { kDown, kStarting, kUp };

  void StartServer();
  enum class End : unsigned char { kKilled, kStopped };
  void EndServer(End how);
  Task<void> StartServerTask();
  void AdvanceServer();
  void Trouble();
  void HitNode(SimNode& node);
  void Later(Duration delay, std::function<void()> action);

  // Runs what can run now; then moves the clock to the next timer, at most by `most`.
  void Turn(Duration most);
  void Pass(Duration time);
  template <class F>
  bool PassUntil(F condition, Duration limit);
  bool Finish(Task<void> task, Duration limit);
  static Task<void> Flag(Task<void> task, bool* done);

  void MakePeace();
  void Judge();
  Task<void> Look(Picture* picture, bool* complete);
  std::vector<std::string> Faults_();
  void Complain(std::string what);

  Stage& stage_;
  const Trace trace_;
  const std::string directory_;
  int next_copy_ = 0;
  std::string files_;
  ManualClock clock_;
  ManualExecutor executor_;
  BlockingPool blocking_{0};
  std::unique_ptr<Rng> rng_;
  Faults faults_;
  History history_;
  Door door_;
  Server state_ = Server::kDown;
  bool died_ = false;
  bool peace_ = false;
  bool hung_ = false;  // the run is over
  int lives_ = 0;
  MonoTime start_at_;
  std::unique_ptr<ServerProcess> server_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::unique_ptr<client::Client> admin_;
  std::vector<std::unique_ptr<User>> users_;
  std::vector<std::unique_ptr<Observer>> observers_;
  CancelSource users_stop_, observers_stop_;
  Gate users_gate_, observers_gate_, gate_;
  Outcome outcome_;
};

World::World(Stage& stage, uint64_t seed, Trace trace)
    : stage_(stage),
      trace_(trace),
      directory_(stage.NewDirectory()),
      files_(directory_ + "/db-0"),
      rng_(NewSeededRng(seed * 2 + 1)),
      faults_(seed * 2),
      door_(clock_, faults_) {
  admin_ = door_.ClientFor({.name = "admin", .groups = {std::string(apiserver::auth::kMastersGroup)}});
  for (int i = 0; i < kNodes; ++i) {
    nodes_.push_back(
        std::make_unique<SimNode>(SimNode::Deps{executor_, clock_, *rng_, stage_.loops(), blocking_, door_, faults_}, i,
                                  fmt::format("{}/node-{}", directory_, i)));
  }
  for (int i = 0; i < kUsers; ++i) {
    users_.push_back(std::make_unique<User>(*admin_, clock_, faults_, fmt::format("team-{}", i)));
  }
  for (const api::KindInfo* kind : ObservedKinds()) {
    observers_.push_back(std::make_unique<Observer>(*admin_, clock_, history_, *kind));
  }
}

World::~World() {
  std::filesystem::remove_all(directory_);
}

void World::Complain(std::string what) {
  if (outcome_.violations.size() < 20) outcome_.violations.push_back(std::move(what));
}

void World::StartServer() {
  auto store = SimStore::Open({.executor = executor_,
                               .clock = clock_,
                               .faults = faults_,
                               .history = history_,
                               .next_directory = [this] { return fmt::format("{}/db-{}", directory_, ++next_copy_); },
                               .died = [this] { died_ = true; },
                               .trace = trace_},
                              files_);
  if (!store) {
    Complain(fmt::format("the store does not open: {}", store.error()));
    start_at_ = clock_.Monotonic() + minutes(1);
    return;
  }
  ++lives_;
  died_ = false;
  state_ = Server::kStarting;
  server_ = std::make_unique<ServerProcess>(
      ServerProcess::Deps{executor_, clock_, *rng_, stage_.loops(), door_, stage_.signing_key_pem()}, *std::move(store));
  Spawn(executor_, gate_, StartServerTask());
}

Task<void> World::StartServerTask() {
  auto started = co_await server_->Start();
  if (started) {
    state_ = Server::kUp;
  } else {
    died_ = true;
  }
}

// What is left of a dead process is taken down; it reaches neither disk nor clients any more.
void World::EndServer(End how) {
  if (how == End::kKilled) {
    server_->store().Die();
    door_.Cut();
  }
  std::string old = files_;
  if (!Finish(server_->Stop(), minutes(2))) {
    Complain("the server does not stop");
    hung_ = true;
    return;
  }
  files_ = server_->store().directory();
  server_.reset();
  std::filesystem::remove_all(old);
  state_ = Server::kDown;
  start_at_ = clock_.Monotonic() + (peace_ ? seconds(1) : faults_.Between(milliseconds(100), seconds(20)));
}

void World::AdvanceServer() {
  if (died_ && server_ != nullptr) {
    died_ = false;
    EndServer(End::kKilled);
  }
  if (state_ == Server::kDown && server_ == nullptr && clock_.Monotonic() >= start_at_) StartServer();
}

void World::Turn(Duration most) {
  size_t turns = 0;
  while (!died_ && executor_.RunOne()) {
    if (++turns == kTurnsInNoTime) {
      Complain("something runs for ever without time passing");
      hung_ = true;
    }
    if (hung_) return;
  }
  if (died_) return;
  clock_.Advance(std::min(most, clock_.UntilNext().value_or(most)));
}

void World::Pass(Duration time) {
  const MonoTime end = clock_.Monotonic() + time;
  PassUntil([&] { return clock_.Monotonic() >= end; }, time);
}

template <class F>
bool World::PassUntil(F condition, Duration limit) {
  const MonoTime end = clock_.Monotonic() + limit;
  while (true) {
    AdvanceServer();
    if (condition()) return true;
    if (hung_) return false;
    if (clock_.Monotonic() >= end) return false;
    Duration most = end - clock_.Monotonic();
    if (state_ == Server::kDown && start_at_ > clock_.Monotonic()) most = std::min(most, start_at_ - clock_.Monotonic());
    Turn(most);
  }
}

Task<void> World::Flag(Task<void> task, bool* done) {
  co_await std::move(task);
  *done = true;
}

// Runs everything until the task has ended, whatever happens to the server meanwhile.
bool World::Finish(Task<void> task, Duration limit) {
  bool done = false;
  Spawn(executor_, gate_, Flag(std::move(task), &done));
  const MonoTime end = clock_.Monotonic() + limit;
  while (!done && !hung_ && clock_.Monotonic() < end) {
    Turn(end - clock_.Monotonic());
    died_ = false;
  }
  return done;
}

void World::Later(Duration delay, std::function<void()> action) {
  (void)clock_.After(delay, [this, action = std::move(action)] { executor_.Post([action] { action(); }); });
}

void World::HitNode(SimNode& node) {
  switch (faults_.Below(4)) {
    case 0:
      node.SetBroken(true);
      Later(faults_.Between(seconds(2), seconds(400)), [&node] { node.SetBroken(false); });
      break;
    case 1:
      if (!node.agent_runs()) break;
      Spawn(executor_, gate_, node.StopAgent());
      Later(faults_.Between(seconds(1), seconds(120)), [&node] {
        if (!node.agent_runs()) node.StartAgent();
      });
      break;
    default: {
      std::vector<std::string> pods = node.PodUids();
      if (pods.empty()) break;
      const std::string& uid = pods[faults_.Below(pods.size())];
      if (faults_.Chance(500)) {
        node.runtime().LoseSandbox(uid);
      } else {
        (void)node.runtime().Exit(uid, "c", static_cast<int32_t>(faults_.Below(2)));
      }
    }
  }
}

void World::Trouble() {
  switch (faults_.Below(9)) {
    case 0:
      if (server_ != nullptr) died_ = true;  // SIGKILL
      break;
    case 1:
      if (server_ == nullptr) break;
      server_->store().FillDisk();
      Pass(faults_.Between(milliseconds(100), seconds(20)));
      if (server_ != nullptr) server_->store().FreeDisk();
      break;
    case 2:
      if (state_ == Server::kUp) EndServer(End::kStopped);
      break;
    case 3:
      door_.BreakWatches();
      break;
    default:
      HitNode(*nodes_[faults_.Below(nodes_.size())]);
  }
}

Outcome World::Run() {
  for (auto& node : nodes_) node->StartAgent();
  for (auto& observer : observers_) Spawn(executor_, observers_gate_, observer->Run(observers_stop_.token()));
  for (auto& user : users_) Spawn(executor_, users_gate_, user->Live(users_stop_.token()));
  start_at_ = clock_.Monotonic();
  const MonoTime end = clock_.Monotonic() + kTroubleLasts;
  while (clock_.Monotonic() < end && !hung_) {
    Pass(faults_.Between(milliseconds(100), seconds(30)));
    Trouble();
  }
  if (!hung_) {
    MakePeace();
    Judge();
  }
  outcome_.digest = history_.digest();
  outcome_.story = fmt::format("{} lives, {} writes, {}", lives_, history_.entries().size(), faults_.Summary());
  return std::move(outcome_);
}

void World::MakePeace() {
  peace_ = true;
  faults_.Stop();
  users_stop_.Cancel();
  if (server_ != nullptr) server_->store().FreeDisk();
  for (auto& node : nodes_) {
    node->SetBroken(false);
    if (!node->agent_runs()) node->StartAgent();
  }
}

Task<void> World::Look(Picture* picture, bool* complete) {
  *complete = false;
#define LOOK_AT(MEMBER, KIND)                             \
  do {                                                    \
    auto list = co_await client::List<KIND>(*admin_, ""); \
    if (!list) co_return;                                 \
    picture->MEMBER = *std::move(list);                   \
  } while (false)
  LOOK_AT(namespaces, api::core::Namespace);
  LOOK_AT(nodes, api::core::Node);
  LOOK_AT(pods, api::core::Pod);
  LOOK_AT(services, api::core::Service);
  LOOK_AT(endpoints, api::core::Endpoints);
  LOOK_AT(config_maps, api::core::ConfigMap);
  LOOK_AT(service_accounts, api::core::ServiceAccount);
  LOOK_AT(deployments, api::apps::Deployment);
  LOOK_AT(replica_sets, api::apps::ReplicaSet);
  LOOK_AT(slices, api::discovery::EndpointSlice);
#undef LOOK_AT
  for (auto& node : nodes_) co_await node->Describe(&picture->sandboxes);
  *complete = true;
}

std::vector<std::string> World::Faults_() {
  Picture picture;
  bool complete = false;
  if (!Finish(Look(&picture, &complete), minutes(1)) || !complete) return {"the server does not answer"};
  if (picture.nodes.size() != kNodes) return {fmt::format("{} nodes are registered", picture.nodes.size())};
  return Faulty(picture);
}

void World::Judge() {
  const MonoTime end = clock_.Monotonic() + kPeaceWithin;
  std::vector<std::string> faulty = {"not asked"};
  while (!faulty.empty() && !hung_ && clock_.Monotonic() < end) {
    Pass(seconds(10));
    faulty = Faults_();
    if (users_gate_.holders() > 0) faulty.push_back("a user still waits for an answer");
  }
  for (const std::string& line : faulty) Complain(line);
  if (faulty.empty() && !hung_) {
    for (auto& user : users_) Finish(user->ExpectPromises(), minutes(1));
    // At rest: nothing but heartbeats is written. A node that lost its last heartbeats to a fault is given up and comes back
    // within its grace period and the retries after it.
    Pass(minutes(4));
    const size_t before = history_.entries().size();
    Pass(minutes(1));
    for (size_t i = before; i < history_.entries().size(); ++i) {
      const std::string& key = history_.entries()[i].key;
      if (!key.contains("/leases/") && !key.contains("/events/") && !key.starts_with("/registry/nodes/")) {
        Complain(fmt::format("{} is still written to", key));
      }
    }
    for (auto& observer : observers_) observer->ExpectComplete();
  }
  for (auto& user : users_) std::ranges::for_each(user->violations(), [this](auto& what) { Complain(what); });
  for (auto& observer : observers_) std::ranges::for_each(observer->violations(), [this](auto& what) { Complain(what); });
  for (const std::string& what : history_.violations()) Complain(what);

  observers_stop_.Cancel();
  for (auto& node : nodes_) Finish(node->StopAgent(), minutes(2));
  if (server_ != nullptr) EndServer(End::kStopped);
  if (!Finish(observers_gate_.Close(), minutes(2))) Complain("a watch does not end");
  if (!Finish(users_gate_.Close(), minutes(2))) Complain("a request does not end");
  executor_.RunAll();
}

}  // namespace

Stage::Stage() {
  auto key = net::GenerateKeyPem(net::KeyType::kEcdsaP256);
  CHECK(key.has_value());
  signing_key_pem_ = *std::move(key);
  // In memory where there is such a place: the disk's speed is no part of a simulation.
  std::string base =
      std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path().string();
  std::string pattern = base + "/sampan-sim-XXXXXX";
  CHECK(mkdtemp(pattern.data()) != nullptr);
  directory_ = pattern;
}

Stage::~Stage() {
  std::filesystem::remove_all(directory_);
}

std::string Stage::NewDirectory() {
  std::string made = fmt::format("{}/{}", directory_, next_++);
  std::filesystem::create_directory(made);
  return made;
}

Outcome RunWorld(Stage& stage, uint64_t seed, Trace trace) {
  auto world = std::make_unique<World>(stage, seed, trace);
  Outcome outcome = world->Run();
  // What hangs has been told as a violation and cannot be taken down: it stays.
  if (!world->Ended()) (void)world.release();
  return outcome;
}

}  // namespace sampan::sim
