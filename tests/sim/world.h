// One run: a server that dies and comes back, nodes, users, watchers, a disk that fills up, and a clock that moves only when
// nothing is left to do. The seed decides everything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/io_loop.h"
#include "sim/sim_store.h"

namespace sampan::sim {

struct Outcome {
  std::vector<std::string> violations;  // empty: all is well
  uint64_t digest = 0;                  // of all that was written, in order
  std::string story;                    // what went wrong on purpose, in a line
};

// What all runs of a process share.
class Stage {
 public:
  Stage();
  ~Stage();
  IoLoops& loops() { return loops_; }
  const std::string& signing_key_pem() const { return signing_key_pem_; }
  std::string NewDirectory();  // removed with the stage

 private:
  IoLoops loops_{1};
  std::string signing_key_pem_;
  std::string directory_;
  std::atomic<int> next_{0};
};

// Any thread; runs share nothing.
Outcome RunWorld(Stage& stage, uint64_t seed, Trace trace = Trace::kNo);

}  // namespace sampan::sim
