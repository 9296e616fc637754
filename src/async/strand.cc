#include <deque>
#include <mutex>

#include "async/executor.h"
#include "base/contain.h"

namespace sampan {
namespace {

// Jobs one batch may run before the thread is given back to others.
constexpr size_t kBatch = 64;

// Shared with the posted batches, so that a batch that is still queued outlives the strand's owner.
struct StrandState : std::enable_shared_from_this<StrandState> {
  explicit StrandState(Executor& base) : base(base) {}

  void Post(Executor::Job job) {
    {
      std::lock_guard lock(mutex);
      jobs.push_back(std::move(job));
      if (scheduled) return;
      scheduled = true;
    }
    Schedule();
  }

  void Schedule() {
    base.Post([self = shared_from_this()] { self->RunBatch(); });
  }

  void RunBatch() {
    for (size_t i = 0; i < kBatch; ++i) {
      Executor::Job job;
      {
        std::lock_guard lock(mutex);
        if (jobs.empty()) {
          scheduled = false;
          return;
        }
        job = std::move(jobs.front());
        jobs.pop_front();
      }
      Contain("job", job);
    }
    Schedule();
  }

  Executor& base;
  std::mutex mutex;
  std::deque<Executor::Job> jobs;
  bool scheduled = false;
};

class Strand final : public Executor {
 public:
  explicit Strand(Executor& base) : state_(std::make_shared<StrandState>(base)) {}
  void Post(Job job) override { state_->Post(std::move(job)); }

 private:
  std::shared_ptr<StrandState> state_;
};

}  // namespace

std::unique_ptr<Executor> NewStrand(Executor& base) {
  return std::make_unique<Strand>(base);
}

}  // namespace sampan
