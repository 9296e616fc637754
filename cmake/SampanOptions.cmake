# Compiler and linker settings of every preset.
#   Release  what users run: -O2, no debug information, stripped at link time
#   Dev      what tests run: quick to compile, assertions on
set(SAMPAN_SANITIZE "" CACHE STRING "Value for -fsanitize=, empty for none")
option(SAMPAN_FUZZ "Build the libFuzzer targets" OFF)

set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(CMAKE_CXX_FLAGS_DEV "-O0 -D_GLIBCXX_ASSERTIONS")
set(CMAKE_C_FLAGS_DEV "-O0")
set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-Wl,--gc-sections -Wl,-s -Wl,--as-needed")

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -ffunction-sections -fdata-sections -fno-plt)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wno-unused-parameter -Wno-unqualified-std-cast-call $<$<COMPILE_LANGUAGE:CXX>:-fcoro-aligned-allocation>)
  add_link_options(-fuse-ld=lld-19)
else()
  add_compile_options(-Wno-unused-parameter -fcoroutines)
endif()
if(SAMPAN_SANITIZE)
  add_compile_options(-fsanitize=${SAMPAN_SANITIZE} -fno-sanitize-recover=undefined -fno-omit-frame-pointer -gline-tables-only -O1 -fno-optimize-sibling-calls)
  string(REPLACE ",fuzzer-no-link" "" SAMPAN_SANITIZE_LINK "${SAMPAN_SANITIZE}")
  add_link_options(-fsanitize=${SAMPAN_SANITIZE_LINK})
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
