// What a request wants done, typed and whole: options that are known to be good and a body that is decoded. HTTP decodes
// into it (http/decode.h), the in-process client makes it; whoever does the work sees neither.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "apiserver/registry/list.h"
#include "apiserver/registry/operations.h"
#include "apiserver/registry/watch.h"

namespace sampan::apiserver {

enum class DryRun : bool { kNo, kYes };

struct GetOperation {
  store::Revision at_least = 0;  // the answer is no older than this
};
struct ListOperation {
  ListRequest request;
};
struct WatchOperation {
  WatchRequest request;
};
struct WriteOptions {
  DryRun dry_run = DryRun::kNo;
  std::string field_manager;
};
// `body` is an object of the route's body kind, in its stored form where the kind is a view.
struct CreateOperation {
  WriteOptions options;
  json::Value body;
};
struct UpdateOperation {
  WriteOptions options;
  json::Value body;
};
struct PatchOperation {
  WriteOptions options;
  PatchRequest patch;
};
struct DeleteOperation {
  DeleteRequest request;
  DryRun dry_run = DryRun::kNo;
};
struct DeleteCollectionOperation {
  ListRequest which;
  DeleteOperation each;
};

// Nothing (monostate) for what whoever asks serves by itself: connections and documents.
using Operation = std::variant<std::monostate, GetOperation, ListOperation, WatchOperation, CreateOperation, UpdateOperation,
                               PatchOperation, DeleteOperation, DeleteCollectionOperation>;

}  // namespace sampan::apiserver
