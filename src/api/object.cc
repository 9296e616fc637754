#include "api/object.h"

#include <charconv>

#include "base/log.h"
#include "codec/json_check.h"
#include "codec/json_cursor.h"
#include "codec/utf8.h"

namespace sampan::api {
namespace {

using json::Cursor;

int64_t ToInt(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Reads the parts of metadata that the head keeps. Strings of an unexpected type are left empty.
class HeadReader {
 public:
  HeadReader(Cursor& cursor, ObjectHead& head) : cursor_(cursor), head_(head) {}

  // True when the text was an object with metadata.
  bool Read() {
    bool metadata = false;
    int found = 0;
    cursor_.Object([&](std::string_view key) {
      if (key == "metadata") {
        metadata = cursor_.Peek() == Cursor::Token::kObject;
        Metadata();
        ++found;
      } else if (key == "kind") {
        Take(head_.kind);
        ++found;
      } else if (key == "apiVersion") {
        Take(head_.api_version);
        ++found;
      } else {
        cursor_.Skip();
      }
      return found < 3;  // canonical order has these first: the body is not even scanned
    });
    return metadata && !cursor_.failed();
  }

 private:
  void Take(std::string& out) {
    if (cursor_.Peek() == Cursor::Token::kString) {
      out = cursor_.String(scratch_);
    } else {
      cursor_.Skip();
    }
  }
  void TakeFlag(bool& out) {
    if (cursor_.Peek() == Cursor::Token::kBool) {
      out = cursor_.Bool();
    } else {
      cursor_.Skip();
    }
  }

  void Metadata() {
    if (cursor_.Peek() != Cursor::Token::kObject) {
      cursor_.Skip();
      return;
    }
    cursor_.Object([&](std::string_view key) {
      if (key == "name") {
        Take(head_.name);
      } else if (key == "namespace") {
        Take(head_.namespace_);
      } else if (key == "uid") {
        Take(head_.uid);
      } else if (key == "resourceVersion") {
        std::string text;
        Take(text);
        head_.revision = ToInt(text);
      } else if (key == "generation" && cursor_.Peek() == Cursor::Token::kNumber) {
        head_.generation = ToInt(cursor_.Number());
      } else if (key == "creationTimestamp") {
        Take(head_.creation_timestamp);
      } else if (key == "deletionTimestamp") {
        Take(head_.deletion_timestamp);
      } else if (key == "labels" && cursor_.Peek() == Cursor::Token::kObject) {
        cursor_.Object([&](std::string_view label) {
          head_.labels.emplace_back(label, "");
          Take(head_.labels.back().second);
          return true;
        });
        head_.labels.Settle();
      } else if (key == "finalizers" && cursor_.Peek() == Cursor::Token::kArray) {
        cursor_.Array([&] { Take(head_.finalizers.emplace_back()); });
      } else if (key == "ownerReferences" && cursor_.Peek() == Cursor::Token::kArray) {
        cursor_.Array([&] { Owner(); });
      } else {
        cursor_.Skip();
      }
      return true;
    });
  }

  void Owner() {
    if (cursor_.Peek() != Cursor::Token::kObject) {
      cursor_.Skip();
      return;
    }
    OwnerRef& owner = head_.owners.emplace_back();
    cursor_.Object([&](std::string_view key) {
      if (key == "apiVersion") {
        Take(owner.api_version);
      } else if (key == "kind") {
        Take(owner.kind);
      } else if (key == "name") {
        Take(owner.name);
      } else if (key == "uid") {
        Take(owner.uid);
      } else if (key == "controller") {
        TakeFlag(owner.controller);
      } else if (key == "blockOwnerDeletion") {
        TakeFlag(owner.block_owner_deletion);
      } else {
        cursor_.Skip();
      }
      return true;
    });
  }

  Cursor& cursor_;
  ObjectHead& head_;
  std::string scratch_;
};

}  // namespace

// A list, because a client may look at one object through more than one struct.
struct Object::Typed {
  std::type_index type;
  std::shared_ptr<const void> value;
  Typed* next;
};

Object::~Object() {
  for (Typed* at = typed_.load(std::memory_order_relaxed); at != nullptr;) {
    std::unique_ptr<Typed> owned(at);
    at = owned->next;
  }
}

Result<std::string> ToStored(const json::Value& object, size_t max_bytes) {
  std::string text = json::Serialize(object);
  if (text.size() > max_bytes) {
    return Fail(Error::RequestEntityTooLarge("the object takes {} bytes, which is more than the {} that are stored",
                                             text.size(), max_bytes));
  }
  const bool own = max_bytes > kMaxWrittenBytes;
  TRY_VOID(json::CheckText(text, own ? kMaxStoredDepth : kMaxWrittenDepth));
  return text;
}

Result<ObjectPtr> Object::FromText(std::string text) {
  std::shared_ptr<Object> object(new Object());
  object->bytes_ = std::move(text);
  Cursor cursor(object->bytes_);
  if (!HeadReader(cursor, object->head_).Read()) {
    return Fail(Error::InternalError("stored bytes are no JSON object with metadata"));
  }
  return object;
}

Result<ObjectPtr> Object::FromBytes(std::string bytes) {
  const bool repaired = !utf8::IsValid(bytes);
  if (repaired) bytes = utf8::Repaired(bytes);
  if (auto sound = json::CheckText(bytes, kMaxStoredDepth); !sound) {
    return Fail(Error::InternalError("stored bytes cannot be read: {}", sound.error().message()));
  }
  TRY(ObjectPtr object, FromText(std::move(bytes)));
  if (repaired) {
    LOG_WARN("api", "{} {}/{} was stored with bytes that are no UTF-8; they read as U+FFFD", object->head().kind,
             object->namespace_(), object->name());
  }
  return object;
}

Result<ObjectPtr> Object::FromValue(json::Value value, Revision revision) {
  json::Object* object = value.if_object();
  json::Value* found = object == nullptr ? nullptr : object->if_contains("metadata");
  json::Object* metadata = found == nullptr ? nullptr : found->if_object();
  if (metadata == nullptr) return Fail(Error::InternalError("the value is no JSON object with metadata"));
  if (revision == 0) {
    if (auto at = metadata->find("resourceVersion"); at != metadata->end()) metadata->stable_erase(at);
  } else {
    (*metadata)["resourceVersion"] = std::to_string(revision);
  }
  std::string text = json::Serialize(value);
  if (!utf8::IsValid(text)) text = utf8::Repaired(text);
  return FromText(std::move(text));
}

std::string_view Object::Untyped() const {
  std::string_view text = std::string_view(bytes_).substr(1);
  // As every writer of ours puts it; another order is as valid, and then both stay.
  auto skip = [&text](std::string_view opening, std::string_view value) {
    if (!text.starts_with(opening) || !text.substr(opening.size()).starts_with(value)) return false;
    std::string_view rest = text.substr(opening.size() + value.size());
    if (!rest.starts_with("\",")) return false;
    text = rest.substr(2);
    return true;
  };
  const std::string_view all = text;
  return skip(R"("kind":")", head_.kind) && skip(R"("apiVersion":")", head_.api_version) ? text : all;
}

json::Value Object::Skeleton() const {
  json::Object metadata{{"name", head_.name}, {"uid", head_.uid}, {"resourceVersion", std::to_string(head_.revision)}};
  if (!head_.namespace_.empty()) metadata["namespace"] = head_.namespace_;
  return json::Object{{"kind", head_.kind}, {"apiVersion", head_.api_version}, {"metadata", std::move(metadata)}};
}

json::Value Object::Parse() const {
  json::ParseOptions options;
  options.max_bytes = bytes_.size();
  options.max_depth = kMaxStoredDepth;
  auto value = json::Parse(bytes_, options);
  if (value) return *std::move(value);
  LOG_ERROR("api", "{} {}/{} cannot be read: {}", head_.kind, head_.namespace_, head_.name, value.error());
  return Skeleton();
}

const void* Object::TypedSlot(std::type_index type, std::shared_ptr<const void> (*decode)(const Object&)) const {
  Typed* head = typed_.load(std::memory_order_acquire);
  for (Typed* at = head; at != nullptr; at = at->next) {
    if (at->type == type) return at->value.get();
  }
  std::unique_ptr<Typed> fresh(new Typed{type, decode(*this), head});
  while (!typed_.compare_exchange_weak(fresh->next, fresh.get(), std::memory_order_acq_rel, std::memory_order_acquire)) {
    // Another thread was first; when it decoded the same struct, its copy serves.
    for (Typed* at = fresh->next; at != nullptr; at = at->next) {
      if (at->type == type) return at->value.get();
    }
  }
  return fresh.release()->value.get();  // owned by the list now
}

}  // namespace sampan::api
