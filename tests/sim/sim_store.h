// The real embedded store on a disk that fills up and under a process that dies, for one thread and virtual time.
//
// Each call is carried out by the engine before the simulation goes on, so that the engine's own threads decide nothing;
// what is slow waits before and after that on the run's clock. Watches are told by this class, in the order of the engine's
// events. Dying is exact: the files as they are in that moment are what the next store finds.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "async/clock.h"
#include "async/executor.h"
#include "base/guarded.h"
#include "sim/faults.h"
#include "sim/history.h"
#include "store/engine/embedded/fault_env.h"
#include "store/store.h"

namespace sampan::sim {

enum class Trace : bool { kNo, kYes };

class SimStore final : public store::Store {
 public:
  struct Deps {
    Executor& executor;
    Clock& clock;
    Faults& faults;
    History& history;
    std::function<std::string()> next_directory;  // a new name for a copy of the files
    std::function<void()> died;                   // called when a crash point was reached
    Trace trace = Trace::kNo;                     // prints every write
  };
  // Opens `directory` and checks that it holds what was durable.
  static Result<std::unique_ptr<SimStore>> Open(Deps deps, std::string directory);
  ~SimStore() override;

  // The process ends here. Idempotent; the files that were left are in directory().
  void Die();
  const std::string& directory() const { return directory_; }

  void FillDisk();
  void FreeDisk();

  Task<Result<store::Revision>> Put(std::string key, std::string value, store::Precondition precondition) override;
  Task<Result<store::Revision>> Delete(std::string key, store::Precondition precondition) override;
  Task<Result<store::RangeResult>> Range(std::string key, store::RangeOptions options) override;
  Result<std::unique_ptr<store::Watch>> StartWatch(std::string key, std::string end, store::Revision from,
                                                   store::WatchCallback callback) override;
  Task<Result<void>> Compact(store::Revision revision) override;
  store::Revision current_revision() const override { return delivered_; }
  store::Revision compact_revision() const override { return engine_->compact_revision(); }
  std::optional<Error> Health() const override;

 private:
  class SimWatch;
  SimStore(Deps deps, std::string directory);
  Result<void> OpenEngine();
  Task<Result<store::Revision>> Write(std::function<Task<Result<store::Revision>>()> write);
  Result<std::vector<store::Event>> Log(store::Revision from);
  void Crash();
  void Deliver();

  Deps deps_;
  std::string directory_;
  store::embedded::FaultEnv disk_;
  bool full_ = false;
  bool dead_ = false;
  std::unique_ptr<store::Store> engine_;
  Guarded<std::vector<store::Event>> arrived_;  // by the engine's thread
  std::unique_ptr<store::Watch> everything_;
  std::vector<store::Event> events_;  // since this store was opened
  store::Revision opened_at_ = 0;
  store::Revision delivered_ = 0;
  std::list<SimWatch*> watches_;
};

}  // namespace sampan::sim
