#include "base/contain.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

#include <array>
#include <cstdlib>
#include <exception>
#include <memory>
#include <typeinfo>

#include "base/guarded.h"
#include "base/log.h"

// Sanitizers have a __cxa_throw of their own that must not be hidden.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SAMPAN_TRACE_THROWS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SAMPAN_TRACE_THROWS 0
#endif
#endif
#ifndef SAMPAN_TRACE_THROWS
#define SAMPAN_TRACE_THROWS 1
#endif

namespace sampan {
namespace {

struct Trace {
  std::array<void*, 32> frames{};
  int depth = 0;
};
// A catch block is too late to see where it was thrown: the stack is unwound by then.
thread_local Trace last_throw;

Guarded<std::map<std::string, uint64_t>>& Counts() {
  static Guarded<std::map<std::string, uint64_t>> counts;
  return counts;
}

std::string Describe() {
  try {
    throw;
  } catch (const std::exception& exception) {
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(typeid(exception).name(), nullptr, nullptr, &status), &std::free);
    return fmt::format("{}: {}", name != nullptr ? name.get() : typeid(exception).name(), exception.what());
  } catch (...) {
    return "an exception of an unknown type";
  }
}

std::string Frames(const Trace& trace) {
  std::unique_ptr<char*, decltype(&std::free)> symbols(backtrace_symbols(trace.frames.data(), trace.depth), &std::free);
  std::string text;
  for (int i = 1; symbols != nullptr && i < trace.depth; ++i) text.append("\n    ").append(symbols.get()[i]);
  return text;
}

}  // namespace

Error ReportEscape(std::string_view unit) noexcept {
  const Trace thrown = last_throw;  // describing it throws again
  try {
    ++(*Counts().Lock())[std::string(unit)];
    LOG_ERROR("contain", "{} lost: {}{}", unit, Describe(), Frames(thrown));
    return Error::InternalError("an internal failure ended this {}; the log has the details", unit);
  } catch (...) {  // no memory even for that
    return Error(Reason::kInternalError, std::string());
  }
}

std::map<std::string, uint64_t> EscapeCounts() {
  return *Counts().ReadLock();
}

}  // namespace sampan

#if SAMPAN_TRACE_THROWS
// Every throw of the process passes here on its way to the C++ runtime, and leaves where it came from.
extern "C" void __cxa_throw(void* object, std::type_info* type, void (*destroy)(void*)) {
  using Throw = void (*)(void*, std::type_info*, void (*)(void*));
  static const Throw next = reinterpret_cast<Throw>(dlsym(RTLD_NEXT, "__cxa_throw"));
  sampan::last_throw.depth = backtrace(sampan::last_throw.frames.data(), static_cast<int>(sampan::last_throw.frames.size()));
  next(object, type, destroy);
  __builtin_unreachable();
}
#endif
