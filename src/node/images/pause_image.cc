#include "node/images/pause_image.h"

// clang-format off
__asm__(
    ".section .rodata\n"
    ".global sampan_pause_image_begin\n"
    "sampan_pause_image_begin:\n"
    ".incbin \"" PAUSE_IMAGE_TAR "\"\n"
    ".global sampan_pause_image_end\n"
    "sampan_pause_image_end:\n"
    ".byte 0\n"
    ".previous\n");
// clang-format on

extern "C" const char sampan_pause_image_begin[];
extern "C" const char sampan_pause_image_end[];

namespace sampan::node {

std::string_view PauseImageTar() {
  return {sampan_pause_image_begin, static_cast<size_t>(sampan_pause_image_end - sampan_pause_image_begin)};
}

}  // namespace sampan::node
