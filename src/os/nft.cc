#include "os/nft.h"

#include <nftables/libnftables.h>

#include "os/proc.h"

namespace sampan::os {

namespace {

constexpr int kCapNetAdmin = 12;

struct ContextFreer {
  void operator()(nft_ctx* context) const { ::nft_ctx_free(context); }
};

// One context for a call: it carries nothing over but a cache of what the kernel held then, which would cost memory
// between the calls and would be stale at the next one.
class LibNft final : public Nft {
 public:
  Result<void> Apply(const std::string& commands) override {
    auto run = Execute(commands, 0);
    if (!run) return Fail(run.error());
    return {};
  }
  Result<std::string> ListJson(const std::string& command) override { return Execute(command, NFT_CTX_OUTPUT_JSON); }

 private:
  static Result<std::string> Execute(const std::string& commands, unsigned flags) {
    std::unique_ptr<nft_ctx, ContextFreer> context(::nft_ctx_new(NFT_CTX_DEFAULT));
    if (!context) return Fail(Error::InternalError("nftables is not available"));
    ::nft_ctx_output_set_flags(context.get(), flags);
    ::nft_ctx_buffer_output(context.get());
    ::nft_ctx_buffer_error(context.get());
    if (::nft_run_cmd_from_buffer(context.get(), commands.c_str()) != 0) {
      std::string message = ::nft_ctx_get_error_buffer(context.get());
      while (!message.empty() && message.back() == '\n') message.pop_back();
      Reason reason = message.find("No such file or directory") != message.npos ? Reason::kNotFound
                      : message.find("Operation not permitted") != message.npos ? Reason::kForbidden
                                                                                : Reason::kInternalError;
      return Fail(Error(reason, "nft: " + message));
    }
    return std::string(::nft_ctx_get_output_buffer(context.get()));
  }
};

}  // namespace

Result<std::unique_ptr<Nft>> NewNft() {
  if (!HasCapability(kCapNetAdmin)) return Fail(Error::Forbidden("changing packet filters needs CAP_NET_ADMIN"));
  return std::make_unique<LibNft>();
}

}  // namespace sampan::os
