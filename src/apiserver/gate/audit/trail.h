// The audit events of one request, stage by stage.
#pragma once

#include <string>

#include "apiserver/gate/audit/options.h"
#include "apiserver/gate/outcome.h"
#include "apiserver/gate/request.h"

namespace sampan::apiserver::audit {

// Lives on the request's way through the gate; used by it alone.
class Trail {
 public:
  // `options` outlives it and has both parts.
  Trail(const Options& options, Clock& clock, const ApiRequest& request);

  // Who asks is known: what is logged is decided, and the first stage is told.
  void Received();
  // Nobody is known to ask.
  void Unauthenticated(const Error& error);
  bool logs() const { return verdict_.level != Level::kNone; }
  // The authorizer's decision, for the annotations.
  void Authorized(const auth::Decision& decision);
  // The request is decoded.
  void Decoded();
  // A long-running request's answer has begun.
  void Started();
  // What the answer will be; a long list takes its turns.
  Task<void> Outcome(const Result<apiserver::Outcome>* outcome);
  // The answer is out.
  void Complete();

 private:
  void Tell(Stage stage);
  void AppendSubject(std::string& out) const;
  void AppendStatus(std::string& out) const;
  bool Wants(Level level) const { return verdict_.level >= level; }
  std::string Shown(const json::Value& object) const;
  std::string Shown(const api::Object& object) const;
  std::string ShownItem(const api::Object& object) const;  // of a list, which names the kind
  Task<void> ShowList(const ListPage* page);

  const Options& options_;
  Clock& clock_;
  const ApiRequest& request_;
  const WallTime received_;
  Verdict verdict_;
  std::string annotations_;
  std::string failure_;          // the Status of a failure, or of a deletion
  std::string sent_, answered_;  // JSON
  struct Subject {
    std::string name, namespace_, uid, revision;
  } subject_;
};

}  // namespace sampan::apiserver::audit
