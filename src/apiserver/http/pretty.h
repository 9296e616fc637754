// JSON made readable: two spaces a level, one member a line.
#pragma once

#include <string>
#include <string_view>

namespace sampan::apiserver {

// Of well-formed JSON text; linear, without building a document. A long text may come in parts that end between tokens.
class Prettifier {
 public:
  void Append(std::string_view json, std::string& out);

 private:
  size_t depth_ = 0;
  bool opened_ = false;  // the last token opened a container, which may turn out to be empty
};

std::string Pretty(std::string_view json);

}  // namespace sampan::apiserver
