// Who may use the kubelet API. The cluster decides: tokens are reviewed, and each request is authorized as one about the
// node's subresources, as operators of Kubernetes write their roles for it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/clock.h"
#include "base/guarded.h"
#include "client/client.h"
#include "net/http.h"

namespace sampan::node {

// What a request needs: the verb on one of the node's subresources, the first that is allowed. Pure.
struct AccessNeed {
  std::string verb;
  std::vector<std::string> subresources;
};
AccessNeed AccessNeedOf(std::string_view method, std::string_view path);

// How many questions at once the API is asked for the sake of callers that nobody knows yet: whoever reaches the node may be
// such a caller, and the questions are asked in the node's own name. Thread-safe.
class Questions {
 public:
  static constexpr size_t kOfOneCaller = 8;
  static constexpr size_t kOfAll = 32;

  // One of them, until it is dropped.
  class Asked {
   public:
    Asked(Questions& questions, std::string caller) : questions_(questions), caller_(std::move(caller)) {}
    ~Asked() { questions_.Drop(caller_); }
    Asked(const Asked&) = delete;
    Asked& operator=(const Asked&) = delete;

   private:
    Questions& questions_;
    const std::string caller_;
  };
  // TooManyRequests when the caller, or all together, ask that many.
  Result<std::unique_ptr<Asked>> Ask(const std::string& caller);

 private:
  struct Open {
    size_t all = 0;
    std::map<std::string, size_t> callers;
  };
  void Drop(const std::string& caller);

  Guarded<Open> open_;
};

// Thread-safe. Answers are remembered: a permission for five minutes, a refusal for half a minute, an identity for two.
class Access {
 public:
  Access(client::Client& client, Clock& clock, std::string node_name)
      : client_(client), clock_(clock), node_name_(std::move(node_name)) {}

  // TooManyRequests when the caller asks too much at once, Unauthorized for nobody, Forbidden for one who may not;
  // ServiceUnavailable when the API cannot be asked. The API server (CN kube-apiserver-kubelet-client) and administrators (O
  // system:masters) are let in without asking.
  Task<Result<void>> Check(const net::Request* request);

 private:
  struct User {
    std::string name, uid;
    std::vector<std::string> groups;
  };
  struct KnownUser {
    User user;
    WallTime until;
  };
  struct KnownAnswer {
    bool allowed = false;
    WallTime until;
  };

  Task<Result<User>> Identify(const net::Request* request);
  Task<Result<User>> ReviewToken(std::string token);
  Task<Result<bool>> MayUse(User user, std::string verb, std::string subresource);

  client::Client& client_;
  Clock& clock_;
  const std::string node_name_;
  Questions questions_;
  Guarded<std::map<std::string, KnownUser>> users_;      // by token
  Guarded<std::map<std::string, KnownAnswer>> answers_;  // by user, verb and subresource
};

}  // namespace sampan::node
