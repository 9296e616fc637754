#include "apiserver/http/watch_encoder.h"

#include "api/protobuf.h"
#include "apiserver/errors.h"

namespace sampan::apiserver {

namespace {

std::string_view TypeName(Change::Type type) {
  switch (type) {
    case Change::Type::kAdded:
      return "ADDED";
    case Change::Type::kModified:
      return "MODIFIED";
    case Change::Type::kDeleted:
      return "DELETED";
    case Change::Type::kInitialEnd:
      return "BOOKMARK";
  }
  return "ERROR";
}

std::string_view Opening(Change::Type type) {
  switch (type) {
    case Change::Type::kAdded:
      return R"({"type":"ADDED","object":)";
    case Change::Type::kModified:
      return R"({"type":"MODIFIED","object":)";
    case Change::Type::kDeleted:
      return R"({"type":"DELETED","object":)";
    case Change::Type::kInitialEnd:
      return R"({"type":"BOOKMARK","object":)";
  }
  return "";
}

}  // namespace

std::string WatchEncoder::ContentType() const {
  if (form_.encoding == Encoding::kProtobuf) return "application/vnd.kubernetes.protobuf;stream=watch";
  return "application/json";
}

void WatchEncoder::Append(const Change& stored, WallTime now, std::vector<net::Chunk>& out) {
  Change change = stored;
  if (change.object != nullptr) change.object = Published(view_, std::move(change.object));
  if (change.type == Change::Type::kInitialEnd) {
    AppendBookmark(change.revision, InitialEnd::kYes, now, out);
  } else if (form_.encoding == Encoding::kProtobuf) {
    AppendProtobuf(TypeName(change.type), api::ToProtobuf(*kind_.type, change.object->Parse()), out);
  } else if (form_.shape != Shape::kObject) {
    AppendText(TypeName(change.type), Shaped(change.object, now), out);
  } else {
    out.push_back(net::Chunk::Static(Opening(change.type)));
    out.push_back({change.object->bytes(), change.object});
    out.push_back(net::Chunk::Static("}\n"));
  }
}

std::string WatchEncoder::Shaped(const ObjectPtr& object, WallTime now) {
  std::string text;
  std::string version = "meta.k8s.io/" + form_.shape_version;
  if (form_.shape == Shape::kTable) {
    api::TableOptions options{now, include_, !columns_sent_, version};
    columns_sent_ = true;
    api::AppendTable(kind_, std::span(&object, 1), {std::to_string(object->revision()), "", -1}, options, text);
  } else {
    api::AppendPartialMetadata(*object, version, text);
  }
  return text;
}

void WatchEncoder::AppendBookmark(store::Revision revision, InitialEnd initial_end, WallTime now,
                                  std::vector<net::Chunk>& out) {
  json::Object metadata{{"resourceVersion", std::to_string(revision)}, {"creationTimestamp", nullptr}};
  if (initial_end == InitialEnd::kYes) {
    metadata["annotations"] = json::Object{{"k8s.io/initial-events-end", "true"}};
  }
  json::Value bookmark(
      json::Object{{"kind", kind_.kind}, {"apiVersion", kind_.ApiVersion()}, {"metadata", std::move(metadata)}});
  if (form_.encoding == Encoding::kProtobuf) {
    AppendProtobuf("BOOKMARK", api::ToProtobuf(*kind_.type, bookmark), out);
    return;
  }
  if (form_.shape == Shape::kObject) {
    AppendText("BOOKMARK", json::Serialize(bookmark), out);
    return;
  }
  Result<ObjectPtr> object = api::Object::FromValue(std::move(bookmark), revision);
  if (object) AppendText("BOOKMARK", Shaped(*object, now), out);
}

void WatchEncoder::AppendError(const Error& error, std::vector<net::Chunk>& out) {
  std::string status = FailureStatus(error);
  const api::KindInfo* kind = api::FindKind("v1", "Status");
  if (form_.encoding != Encoding::kProtobuf || kind == nullptr) {
    AppendText("ERROR", status, out);
    return;
  }
  Result<json::Value> value = json::Parse(status);
  if (value) AppendProtobuf("ERROR", api::ToProtobuf(*kind->type, *value), out);
}

void WatchEncoder::AppendText(std::string_view type, std::string_view json, std::vector<net::Chunk>& out) {
  while (json.ends_with('\n')) json.remove_suffix(1);
  out.push_back(net::Chunk::Copy(fmt::format("{{\"type\":\"{}\",\"object\":{}}}\n", type, json)));
}

// A frame is four bytes of length and a WatchEvent {1: type, 2: RawExtension {1: the object with its envelope}}.
void WatchEncoder::AppendProtobuf(std::string_view type, std::string object, std::vector<net::Chunk>& out) {
  std::string extension, event;
  AppendProtoBytes(1, object, extension);
  AppendProtoBytes(1, type, event);
  AppendProtoBytes(2, extension, event);
  auto length = static_cast<uint32_t>(event.size());
  std::string frame;
  for (int shift : {24, 16, 8, 0}) frame += static_cast<char>(length >> shift & 0xff);
  frame += event;
  out.push_back(net::Chunk::Copy(std::move(frame)));
}

}  // namespace sampan::apiserver
