// The two passes the cache makes over stored bytes: splicing the revision in and reading an indexed field.
#include "codec/json_cursor.h"
#include "store/cache.h"

namespace sampan::store {

Result<std::string> WithResourceVersion(std::string_view object_text, Revision revision) {
  std::string_view metadata, present;
  bool empty = true;
  json::Cursor cursor(object_text);
  cursor.Object([&](std::string_view key) {
    if (key != "metadata") {
      cursor.Skip();
      return true;
    }
    if (cursor.Peek() == json::Cursor::Token::kObject) metadata = cursor.Skip();
    return false;
  });
  json::Cursor inside(metadata);
  if (!metadata.empty()) {
    inside.Object([&](std::string_view key) {
      empty = false;
      std::string_view value = inside.Skip();
      if (key == "resourceVersion") present = value;
      return present.empty();
    });
  }
  if (metadata.empty() || inside.failed()) {
    return Fail(Error::InternalError("a stored value is no object with metadata"));
  }
  std::array<char, 64> text;
  const char* place = present.empty() ? metadata.data() + 1 : present.data();
  char* end = present.empty() ? fmt::format_to(text.data(), R"("resourceVersion":"{}"{})", revision, empty ? "" : ",")
                              : fmt::format_to(text.data(), R"("{}")", revision);
  const auto head = static_cast<size_t>(place - object_text.data());
  std::string out;
  out.reserve(object_text.size() + static_cast<size_t>(end - text.data()));
  out.append(object_text.substr(0, head)).append(text.data(), end).append(object_text.substr(head + present.size()));
  return out;
}

std::string StringAt(std::string_view object_text, std::string_view path) {
  std::string_view step = path.substr(0, path.find('.'));
  std::string_view rest = step.size() == path.size() ? std::string_view() : path.substr(step.size() + 1);
  std::string found;
  json::Cursor cursor(object_text);
  if (cursor.Peek() != json::Cursor::Token::kObject) return found;
  cursor.Object([&](std::string_view key) {
    if (key != step) {
      cursor.Skip();
      return true;
    }
    json::Cursor::Token token = cursor.Peek();
    if (rest.empty() && token == json::Cursor::Token::kString) {
      std::string scratch;
      found = cursor.String(scratch);
    } else if (!rest.empty() && token == json::Cursor::Token::kObject) {
      found = StringAt(cursor.Skip(), rest);
    }
    return false;
  });
  return found;
}

}  // namespace sampan::store
