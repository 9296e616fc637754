#include "api/table/table.h"

#include "api/table/printers.h"
#include "codec/json_cursor.h"

namespace sampan::api {
namespace {

using printers::Column;
using printers::Printer;

constexpr Column kDefaultColumns[] = {printers::kName, {"Created At", "date", "When the object was created"}};

void PrintDefault(const json::Value& object, WallTime now, json::Array& cells) {
  printers::Put(cells, printers::Text(object, "metadata", "name"));
  printers::Put(cells, printers::Text(object, "metadata", "creationTimestamp"));
}

const Printer& PrinterOf(const KindInfo& kind) {
  static constexpr Printer kDefault = {"", "", kDefaultColumns, PrintDefault};
  for (auto table : {printers::PodPrinters(), printers::WorkloadPrinters(), printers::NetworkPrinters(),
                     printers::CorePrinters(), printers::RbacPrinters()}) {
    for (const Printer& printer : table) {
      if (printer.kind == kind.kind && printer.group == kind.group) return printer;
    }
  }
  return kDefault;
}

// The value at a dotted path (".spec.size") of a declared printer column; null when absent.
const json::Value* AtPath(const json::Value& object, std::string_view path) {
  const json::Value* at = &object;
  while (at != nullptr && !path.empty()) {
    if (path.front() == '.') path.remove_prefix(1);
    std::string_view step = path.substr(0, path.find('.'));
    at = json::Find(*at, step);
    path.remove_prefix(step.size());
  }
  return at;
}

// Kinds with declared columns, such as custom resources: the name and what the columns point at.
void DeclaredCells(const KindInfo& kind, const json::Value& object, WallTime now, json::Array& cells) {
  printers::Put(cells, printers::Text(object, "metadata", "name"));
  for (const KindInfo::Column& column : kind.columns) {
    const json::Value* value = AtPath(object, column.path);
    if (value == nullptr) {
      cells.emplace_back(nullptr);
    } else if (column.type == "date") {
      printers::Put(cells, printers::Since(json::FindString(value), now));
    } else if (value->is_structured()) {
      printers::Put(cells, json::Serialize(*value));
    } else {
      cells.push_back(*value);
    }
  }
}

void AppendColumn(const Column& column, std::string& out) {
  out += R"({"name":)";
  json::AppendQuoted(column.name, out);
  out += fmt::format(R"(,"type":"{}","format":"{}","description":)", column.type, column.name == "Name" ? "name" : "");
  json::AppendQuoted(column.description, out);
  out += fmt::format(R"(,"priority":{}}})", column.priority);
}

void AppendColumns(const KindInfo& kind, const Printer& printer, std::string& out) {
  out += R"("columnDefinitions":[)";
  if (kind.columns.empty()) {
    for (const Column& column : printer.columns) {
      if (out.back() != '[') out += ',';
      AppendColumn(column, out);
    }
  } else {
    AppendColumn(printers::kName, out);
    for (const KindInfo::Column& column : kind.columns) {
      out += ',';
      AppendColumn({column.name, column.type, column.name, column.priority}, out);
    }
  }
  out += "],";
}

void AppendListMeta(const ListMeta& list, std::string& out) {
  out += R"("metadata":{)";
  bool first = true;
  auto member = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += fmt::format("{}\"{}\":", first ? "" : ",", name);
    json::AppendQuoted(value, out);
    first = false;
  };
  member("resourceVersion", list.resource_version);
  member("continue", list.continue_token);
  if (list.remaining >= 0) out += fmt::format("{}\"remainingItemCount\":{}", first ? "" : ",", list.remaining);
  out += '}';
}

// What `kubectl wait` and `kubectl get -w` look at: a pod that is done is marked so.
void AppendRowConditions(const KindInfo& kind, const json::Value& object, std::string& out) {
  if (kind.kind != "Pod" || !kind.group.empty()) return;
  std::string_view phase = printers::Text(object, "status", "phase");
  if (phase != "Succeeded" && phase != "Failed") return;
  out += fmt::format(R"(,"conditions":[{{"type":"Completed","status":"True","reason":"{}","message":"{}"}}])", phase,
                     phase == "Succeeded" ? "The pod has completed successfully." : "The pod failed.");
}

}  // namespace

json::Array TableCells(const KindInfo& kind, const json::Value& object, WallTime now) {
  json::Array cells;
  if (!kind.columns.empty()) {
    DeclaredCells(kind, object, now, cells);
  } else {
    PrinterOf(kind).print(object, now, cells);
  }
  return cells;
}

void AppendTableOpening(const KindInfo& kind, const ListMeta& list, const TableOptions& options, std::string& out) {
  out += fmt::format(R"({{"kind":"Table","apiVersion":"{}",)", options.api_version);
  AppendListMeta(list, out);
  out += ',';
  if (options.with_columns) {
    AppendColumns(kind, PrinterOf(kind), out);
  } else {
    out += R"("columnDefinitions":null,)";
  }
  out += R"("rows":[)";
}

void AppendTableRow(const KindInfo& kind, const Object& stored, const TableOptions& options, std::string& out) {
  json::Value object = stored.Parse();
  out += R"({"cells":)";
  json::SerializeTo(TableCells(kind, object, options.now), out);
  AppendRowConditions(kind, object, out);
  out += R"(,"object":)";
  switch (options.include) {
    case IncludeObject::kNone:
      out += "null";
      break;
    case IncludeObject::kMetadata:
      AppendPartialMetadata(stored, options.api_version, out);
      break;
    case IncludeObject::kObject:
      out += stored.bytes();
      break;
  }
  out += '}';
}

void AppendTable(const KindInfo& kind, std::span<const ObjectPtr> objects, const ListMeta& list, const TableOptions& options,
                 std::string& out) {
  AppendTableOpening(kind, list, options, out);
  for (size_t i = 0; i < objects.size(); ++i) {
    if (i > 0) out += ',';
    AppendTableRow(kind, *objects[i], options, out);
  }
  out += kTableEnd;
}

void AppendPartialMetadata(const Object& object, std::string_view api_version, std::string& out) {
  out += fmt::format(R"({{"kind":"PartialObjectMetadata","apiVersion":"{}","metadata":)", api_version);
  std::string_view metadata = "{}";
  json::Cursor cursor(object.bytes());
  cursor.Object([&](std::string_view key) {
    std::string_view value = cursor.Skip();
    if (key == "metadata") metadata = value;
    return key != "metadata";
  });
  out += metadata;
  out += '}';
}

void AppendPartialListOpening(const ListMeta& list, std::string_view api_version, std::string& out) {
  out += fmt::format(R"({{"kind":"PartialObjectMetadataList","apiVersion":"{}",)", api_version);
  AppendListMeta(list, out);
  out += R"(,"items":[)";
}

std::string HumanDuration(Duration duration) {
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  auto pair = [](int64_t large, char large_unit, int64_t small, char small_unit) {
    return small == 0 ? fmt::format("{}{}", large, large_unit)
                      : fmt::format("{}{}{}{}", large, large_unit, small, small_unit);
  };
  if (seconds < 2 * 60) return fmt::format("{}s", seconds);
  int64_t minutes = seconds / 60;
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 3 * 60) return fmt::format("{}m", minutes);
  int64_t hours = minutes / 60;
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  if (hours < 24 * 8) return pair(hours / 24, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return fmt::format("{}d", hours / 24);
  if (hours < 24 * 365 * 8) return pair(hours / 24 / 365, 'y', hours / 24 % 365, 'd');
  return fmt::format("{}y", hours / 24 / 365);
}

}  // namespace sampan::api
