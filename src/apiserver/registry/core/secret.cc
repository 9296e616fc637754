// Secret: stringData is a way to write data without encoding it, never stored.
#include "apiserver/registry/fields.h"
#include "apiserver/registry/strategies.h"
#include "codec/base64.h"

namespace sampan::apiserver {

namespace {

class SecretStrategy final : public Strategy {
 public:
  Result<void> PrepareForCreate(WriteContext&, json::Value& object) override {
    MergeStringData(object);
    return {};
  }
  Result<void> PrepareForUpdate(WriteContext&, json::Value& object, const json::Value&) override {
    MergeStringData(object);
    return {};
  }

 private:
  static void MergeStringData(json::Value& object) {
    const json::Object* strings = FindObject(object, "stringData");
    if (strings == nullptr) return;
    json::Object& data = ObjectAt(object, "data");
    for (const auto& [key, value] : *FindObject(object, "stringData")) {
      data[key] = base64::Encode(json::FindString(&value));
    }
    Remove(object, "stringData");
  }
};

}  // namespace

std::unique_ptr<Strategy> NewSecretStrategy() {
  return std::make_unique<SecretStrategy>();
}

}  // namespace sampan::apiserver
