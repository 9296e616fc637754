#include "async/frame_pool.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sampan::detail {
namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SAMPAN_FRAMES_FROM_THE_HEAP  // so that the sanitizers see what happens to each frame
#endif

#ifndef SAMPAN_FRAMES_FROM_THE_HEAP

constexpr size_t kStep = 64;
constexpr size_t kClasses = 64;  // frames of more than 4 KiB are rare
constexpr size_t kMaxKept = 128 * 1024;

// kClasses: it is none of the pool's.
constexpr size_t ClassOf(size_t bytes, std::align_val_t alignment) {
  if (static_cast<size_t>(alignment) > __STDCPP_DEFAULT_NEW_ALIGNMENT__) return kClasses;
  return std::min((bytes - 1) / kStep, kClasses);
}

// The freed frames of one thread.
class Pool {
 public:
  ~Pool() {
    for (Free*& list : lists_) {
      while (list != nullptr) ::operator delete(std::exchange(list, list->next));
    }
    kept_ = kMaxKept;  // what is freed after it goes to the heap
  }

  void* Take(size_t index) {
    Free* frame = lists_[index];
    if (frame == nullptr) return nullptr;
    lists_[index] = frame->next;
    kept_ -= (index + 1) * kStep;
    return frame;
  }
  bool Keep(void* frame, size_t index) {
    const size_t bytes = (index + 1) * kStep;
    if (kept_ + bytes > kMaxKept) return false;
    kept_ += bytes;
    lists_[index] = ::new (frame) Free{lists_[index]};
    return true;
  }

 private:
  struct Free {
    Free* next;
  };
  std::array<Free*, kClasses> lists_{};
  size_t kept_ = 0;
};

thread_local Pool pool;

#endif

}  // namespace

#ifdef SAMPAN_FRAMES_FROM_THE_HEAP

void* AllocateFrame(size_t bytes, std::align_val_t alignment) {
  return ::operator new(bytes, alignment);
}
void FreeFrame(void* frame, size_t, std::align_val_t alignment) noexcept {
  ::operator delete(frame, alignment);
}

#else

void* AllocateFrame(size_t bytes, std::align_val_t alignment) {
  const size_t index = ClassOf(bytes, alignment);
  if (index == kClasses) return ::operator new(bytes, alignment);
  void* frame = pool.Take(index);
  return frame != nullptr ? frame : ::operator new((index + 1) * kStep);
}
void FreeFrame(void* frame, size_t bytes, std::align_val_t alignment) noexcept {
  const size_t index = ClassOf(bytes, alignment);
  if (index == kClasses) return ::operator delete(frame, alignment);
  if (!pool.Keep(frame, index)) ::operator delete(frame);
}

#endif

}  // namespace sampan::detail
