// What the verbs that run until a signal have in common.
#pragma once

#include <cstdio>

#include "base/error.h"
#include "base/log.h"
#include "cli/command_line.h"
#include "daemon/config.h"
#include "daemon/runtime.h"
#include "daemon/supervisor.h"

namespace sampan::daemon {

constexpr int kExitFailure = 1;

// One line to standard error; the exit code.
int Complain(const Error& error);

// Sets the level of the log: "debug", "info", "warn" or "error".
void SetLogLevel(const std::string& name);

// Writes this process's number where scripts look for it.
Result<void> WritePidFile(const std::string& path);

// Trims the heaps of this process.
Component HeapsComponent(Runtime& runtime);

// Starts the components, waits for SIGTERM or SIGINT, stops them. A process that has not done so `stop_within` after the
// signal, be it that it still starts, ends at once: nothing that was acknowledged is lost by that.
Result<void> ServeUntilSignal(Runtime& runtime, Supervisor& supervisor, Duration stop_within = std::chrono::seconds(30));

// Checks the configuration and does the work; the exit code of the program.
template <class Config>
int RunVerb(const Config& config, Result<void> (*work)(Config)) {
  if (auto valid = Validate(config); !valid) {
    Complain(valid.error());
    return cli::kExitUsage;
  }
  SetLogLevel(config.log_level);
  auto done = work(config);
  return done ? 0 : Complain(done.error());
}

}  // namespace sampan::daemon
