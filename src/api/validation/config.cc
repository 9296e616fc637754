// ConfigMaps and Secrets.
#include "api/validation/kinds.h"
#include "codec/base64.h"

namespace sampan::api::rules {
namespace {

constexpr size_t kMaxTotal = 1024 * 1024;

// The size of what base64 text holds.
size_t DecodedSize(std::string_view text) {
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  return text.size() / 4 * 3 - std::min(padding, text.size() / 4 * 3);
}

void Key(std::string_view key, const View& value, Causes& causes) {
  if (auto fault = names::ConfigKey(key)) causes.Invalid(value.path(), key, *fault);
}

void Frozen(const View& object, const View& old, std::initializer_list<std::string_view> fields, Causes& causes) {
  View flag = old["immutable"];
  if (!flag.True()) return;
  constexpr std::string_view kFrozen = "field is immutable when `immutable` is set";
  View now = object["immutable"];
  if (!now.True()) causes.Forbidden(now.path(), kFrozen);
  for (std::string_view field : fields) {
    View value = object[field];
    if (!Same(value, old[field])) causes.Forbidden(value.path(), kFrozen);
  }
}

void RequireKey(const View& data, std::string_view key, Causes& causes) {
  View value = data.Key(key);
  if (!value.Present()) causes.Required(value.path());
}

// The entry holds JSON text; what it says is secret and is not shown.
void JsonKey(const View& data, std::string_view key, Causes& causes) {
  View value = data.Key(key);
  if (!value.Present()) return;
  std::optional<std::string> text = base64::Decode(value.Str());
  Result<json::Value> parsed = json::Parse(text.value_or(""));
  if (!parsed) causes.Invalid(value.path(), "<secret contents redacted>", parsed.error().message());
}

}  // namespace

void ConfigMap(const View& object, Causes& causes) {
  View data = object["data"];
  View binary = object["binaryData"];
  size_t total = 0;
  data.ForEachKey([&](std::string_view key, const View& value) {
    Key(key, value, causes);
    if (binary.Key(key).Present()) {
      causes.Invalid(value.path(), key, "duplicate of key present in binaryData");
    }
    total += value.Str().size();
  });
  binary.ForEachKey([&](std::string_view key, const View& value) {
    Key(key, value, causes);
    total += DecodedSize(value.Str());
  });
  if (total > kMaxTotal) causes.TooLong(Path(), kMaxTotal);
}

void ConfigMapUpdate(const View& object, const View& old, Causes& causes) {
  Frozen(object, old, {"data", "binaryData"}, causes);
}

void Secret(const View& object, Causes& causes) {
  View data = object["data"];
  size_t total = 0;
  data.ForEachKey([&](std::string_view key, const View& value) {
    Key(key, value, causes);
    total += DecodedSize(value.Str());
  });
  if (total > kMaxTotal) causes.TooLong(data.path(), kMaxTotal);
  std::string_view type = object["type"].Str();
  if (type == "kubernetes.io/service-account-token") {
    View meta = object["metadata"];
    View annotations = meta["annotations"];
    View account = annotations.Key("kubernetes.io/service-account.name");
    if (account.Empty()) causes.Required(account.path());
  } else if (type == "kubernetes.io/dockercfg") {
    RequireKey(data, ".dockercfg", causes);
    JsonKey(data, ".dockercfg", causes);
  } else if (type == "kubernetes.io/dockerconfigjson") {
    RequireKey(data, ".dockerconfigjson", causes);
    JsonKey(data, ".dockerconfigjson", causes);
  } else if (type == "kubernetes.io/basic-auth") {
    if (!data.Key("username").Present() && !data.Key("password").Present()) {
      RequireKey(data, "username", causes);
      RequireKey(data, "password", causes);
    }
  } else if (type == "kubernetes.io/ssh-auth") {
    RequireKey(data, "ssh-privatekey", causes);
  } else if (type == "kubernetes.io/tls") {
    RequireKey(data, "tls.crt", causes);
    RequireKey(data, "tls.key", causes);
  }
}

void SecretUpdate(const View& object, const View& old, Causes& causes) {
  Immutable(object["type"], old["type"], causes);
  Frozen(object, old, {"data"}, causes);
}

}  // namespace sampan::api::rules
