// Where the frames of coroutines come from: a request takes a dozen of them, of sizes that repeat, and gives them back soon.
#pragma once

#include <cstddef>
#include <new>

namespace sampan::detail {

// Thread-safe; a frame may be freed on another thread than it came from. Each thread keeps a few freed frames of each size.
void* AllocateFrame(size_t bytes, std::align_val_t alignment);
void FreeFrame(void* frame, size_t bytes, std::align_val_t alignment) noexcept;

// A base of promises whose coroutines' frames come from there.
struct PooledFrame {
  static void* operator new(size_t bytes, std::align_val_t alignment) { return AllocateFrame(bytes, alignment); }
  static void operator delete(void* frame, size_t bytes, std::align_val_t alignment) noexcept {
    FreeFrame(frame, bytes, alignment);
  }
};

}  // namespace sampan::detail
