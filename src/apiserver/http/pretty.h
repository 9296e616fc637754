// JSON made readable: two spaces a level, one member a line.
#pragma once

#include <string>
#include <string_view>

namespace sampan::apiserver {

// Of well-formed JSON text; linear, without building a document.
std::string Pretty(std::string_view json);

}  // namespace sampan::apiserver
