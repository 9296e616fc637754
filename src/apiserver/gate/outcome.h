// What came of a request that succeeded, before it is put into anyone's form.
#pragma once

#include <memory>
#include <variant>

#include "apiserver/registry/list.h"
#include "apiserver/registry/watch.h"

namespace sampan::apiserver {

enum class Made : bool { kNo, kYes };

// An object in its stored form.
struct ObjectOutcome {
  ObjectPtr object;
  Made made = Made::kNo;
};
// A document that is not stored: a Scale, a review.
struct ValueOutcome {
  const api::KindInfo* kind = nullptr;
  json::Value value;
  Made made = Made::kNo;
  store::Revision revision = 0;  // of the object that it is a view of
};
// Done, and a Status says so: the object was deleted, or a Binding or an Eviction was made for it.
struct DoneOutcome {
  ObjectPtr object;
  Made made = Made::kNo;
};
// Whoever asked has been answered already.
struct SentOutcome {};

using Outcome = std::variant<SentOutcome, ObjectOutcome, ValueOutcome, ListPage, std::unique_ptr<Watcher>, DoneOutcome>;

}  // namespace sampan::apiserver
