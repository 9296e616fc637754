// Web pages behind a path of this server: their links from the root get that path in front, so that they stay behind it.
#pragma once

#include <string>
#include <string_view>

namespace sampan::apiserver {

// "/x" becomes "<prefix>/x"; relative links and those to other hosts stay.
std::string PrefixLink(std::string_view link, std::string_view prefix);

// Rewrites the links of an HTML page piece by piece. Holds back no more than one tag.
class LinkRewriter {
 public:
  explicit LinkRewriter(std::string prefix) : prefix_(std::move(prefix)) {}
  // What can be sent after this piece of the page.
  std::string Feed(std::string_view piece);
  // The rest, at the end of the page.
  std::string Finish() { return std::move(held_); }

 private:
  std::string prefix_;
  std::string held_;
  std::string raw_until_;  // within a script or a style: what ends it, "</script"
};

}  // namespace sampan::apiserver
