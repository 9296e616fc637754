// The `Table` form of objects: the columns and cells that `kubectl get` and `kubectl get -o wide` print.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/kind.h"
#include "api/object.h"
#include "base/time.h"
#include "codec/json.h"

namespace sampan::api {

enum class IncludeObject : unsigned char { kNone, kMetadata, kObject };

struct TableOptions {
  WallTime now;                                      // ages count back from here
  IncludeObject include = IncludeObject::kMetadata;  // the includeObject parameter; Metadata is its default
  bool with_columns = true;                          // false for all but the first event of a watch
  std::string api_version = "meta.k8s.io/v1";        // or meta.k8s.io/v1beta1
};

struct ListMeta {
  std::string resource_version;
  std::string continue_token;
  int64_t remaining = -1;  // remainingItemCount, absent when negative
};

// Appends a whole Table with one row an object, as JSON. Objects that fail to parse give a row of <unknown>.
void AppendTable(const KindInfo& kind, std::span<const ObjectPtr> objects, const ListMeta& list, const TableOptions& options,
                 std::string& out);

// The parts of one, for lists that are too long to be written in one go: the opening, rows with commas between them,
// kTableEnd.
void AppendTableOpening(const KindInfo& kind, const ListMeta& list, const TableOptions& options, std::string& out);
void AppendTableRow(const KindInfo& kind, const Object& object, const TableOptions& options, std::string& out);
inline constexpr std::string_view kTableEnd = "]}";

// One row's cells, strings and numbers in the order of the columns.
json::Array TableCells(const KindInfo& kind, const json::Value& object, WallTime now);

// Appends {"kind":"PartialObjectMetadata","apiVersion":...,"metadata":{...}} of one object; nothing is parsed for it.
void AppendPartialMetadata(const Object& object, std::string_view api_version, std::string& out);
// The opening of a list of these; it ends with kTableEnd, too.
void AppendPartialListOpening(const ListMeta& list, std::string_view api_version, std::string& out);

// An age as kubectl prints it: "5s", "3m20s", "47h", "12d", "2y34d".
std::string HumanDuration(Duration duration);

}  // namespace sampan::api
