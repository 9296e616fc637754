// The kernel's packet filter, through libnftables.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sampan::os {

// Calls block and must not overlap: one caller at a time, any thread (a strand with BlockingPool). Works on the network
// namespace of the calling thread at the time of the call.
class Nft {
 public:
  virtual ~Nft() = default;
  // Commands in nft's language, applied as one transaction: all or nothing. NotFound when they name something absent; errors
  // carry nft's own message.
  virtual Result<void> Apply(const std::string& commands) = 0;
  // Output of a listing command, "list table ip sampan", as nft's JSON.
  virtual Result<std::string> ListJson(const std::string& command) = 0;
};

// Forbidden without CAP_NET_ADMIN.
Result<std::unique_ptr<Nft>> NewNft();

}  // namespace sampan::os
