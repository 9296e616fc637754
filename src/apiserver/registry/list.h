// Lists: which objects, in pages, at which revision.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/meta/field_selector.h"
#include "api/meta/label_selector.h"
#include "api/validation/causes.h"
#include "apiserver/registry/registry.h"

namespace sampan::apiserver {

struct Selection {
  std::string namespace_;  // empty: all
  std::string name;        // empty: all
  api::LabelSelector labels;
  api::FieldSelector fields;

  // `kind` is the one that the client names: selectors of a view select stored objects afterwards. BadRequest for
  // malformed selectors and for fields that the kind does not offer.
  static Result<Selection> Parse(const api::KindInfo& kind, std::string namespace_, std::string_view label_selector,
                                 std::string_view field_selector);
  // Limits a watch to the one object that its path names, empty: none. BadRequest when its fields select another.
  Result<void> RestrictToName(const std::string& path_name);
  store::CacheQuery Query(const store::CacheOptions& cache) const;
  // What the query does not decide alone.
  bool Matches(const api::KindInfo& kind, const api::Object& object) const;
  size_t Cost(const api::Object& object) const;  // of Matches, as apiserver/turn.h counts
  bool IsEverything() const { return labels.IsEverything() && fields.IsEverything(); }
};

struct ListRequest {
  Selection selection;
  int64_t limit = 0;  // 0 and below: all
  std::string continue_token;
  std::string resource_version;
  std::string resource_version_match;  // "", "Exact", "NotOlderThan"
};

struct ListPage {
  std::vector<ObjectPtr> items;
  store::Revision revision = 0;
  std::string continue_token;  // empty: this was the last page
  int64_t remaining = -1;      // unknown
};

// BadRequest for wrong parameters, Expired when the revision asked for is compacted, Timeout when it is not reached.
Task<Result<ListPage>> List(const Registry* registry, const Resource* resource, ListRequest request);

// The token that goes on behind the same object with whatever is there now: for lists whose revision is compacted.
std::string InconsistentContinue(std::string_view token);

// A decimal revision; BadRequest otherwise. Empty is 0.
Result<store::Revision> ParseRevision(std::string_view text);

}  // namespace sampan::apiserver
