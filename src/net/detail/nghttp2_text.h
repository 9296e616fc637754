// What our uses of nghttp2 have in common: its texts, and callbacks that throw nothing through its frames.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string_view>
#include <utility>

#include "base/contain.h"

namespace sampan::net::detail {

inline std::string_view FrameText(const uint8_t* data, size_t length) {
  return {reinterpret_cast<const char*>(data), length};
}

// Points into both, which nghttp2 copies when the field is submitted.
inline nghttp2_nv HeaderField(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

template <class F>
int SafeCallback(F&& work) noexcept {
  return Contain("connection", std::forward<F>(work)) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

}  // namespace sampan::net::detail
