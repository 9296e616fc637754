#include "api/meta/quantity.h"
#include "api/validation/kinds.h"

namespace sampan::api::rules {
namespace {

void Mode(const View& mode, Causes& causes) {
  auto value = mode.MaybeInt();
  if (value && (*value < 0 || *value > 0777)) {
    causes.Invalid(mode.path(), *value, "must be a number between 0 and 0777 (octal), both inclusive");
  }
}

void NotReserved(const View& path, Causes& causes) {
  RelativePath(path, causes);
  std::string_view text = path.Str();
  if (text.starts_with("..") && text != ".." && !text.starts_with("../")) {
    causes.Invalid(path.path(), text, "must not start with '..'");
  }
}

void KeyItems(const View& items, Causes& causes) {
  items.ForEach([&](const View& item) {
    View key = item["key"];
    if (key.Empty()) causes.Required(key.path());
    View path = item["path"];
    if (path.Empty()) causes.Required(path.path());
    NotReserved(path, causes);
    Mode(item["mode"], causes);
  });
}

void DownwardItems(const View& source, Causes& causes) {
  View items = source["items"];
  items.ForEach([&](const View& item) {
    View path = item["path"];
    if (path.Empty()) causes.Required(path.path());
    NotReserved(path, causes);
    View field = item["fieldRef"];
    View resource = item["resourceFieldRef"];
    if (field.Present()) FieldRef(field, RefPlace::kVolume, causes);
    if (resource.Present()) ResourceFieldRef(resource, RefPlace::kVolume, causes);
    if (field.Present() && resource.Present()) {
      causes.Invalid(source.path(), "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
    } else if (!field.Present() && !resource.Present()) {
      causes.Required(source.path(), "one of fieldRef and resourceFieldRef is required");
    }
    Mode(item["mode"], causes);
  });
}

void RequireField(const View& source, std::string_view field, Causes& causes) {
  View value = source[field];
  if (value.Empty()) causes.Required(value.path());
}

void HostPath(const View& source, Causes& causes) {
  View path = source["path"];
  if (path.Empty()) causes.Required(path.path());
  std::string padded = fmt::format("/{}/", path.Str());
  if (padded.find("/../") != std::string::npos) causes.Invalid(path.path(), path.Str(), "must not contain '..'");
  OneOf(source["type"],
        {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"}, causes);
}

void EmptyDir(const View& source, Causes& causes) {
  View limit = source["sizeLimit"];
  if (!limit.Present()) return;
  auto quantity = Quantity::Parse(limit.Str());
  if (quantity && quantity->Sign() < 0) {
    causes.Forbidden(limit.path(), "SizeLimit field must be a valid resource quantity");
  }
}

void TokenSource(const View& source, const View& volume, Causes& causes) {
  View seconds = source["expirationSeconds"];
  if (seconds.MaybeInt().value_or(3600) < 600) {
    causes.Invalid(seconds.path(), seconds.Int(), "may not specify a duration less than 10 minutes");
  } else if (seconds.Int() > (int64_t{1} << 32)) {
    causes.Invalid(seconds.path(), seconds.Int(), "may not specify a duration larger than 2^32 seconds");
  }
  View path = source["path"];
  if (path.Empty()) causes.Required(Path(volume.path(), "path"));
  NotReserved(path, causes);
}

void Projected(const View& source, Causes& causes) {
  Mode(source["defaultMode"], causes);
  View sources = source["sources"];
  sources.ForEach([&](const View& item) {
    size_t count = 0;
    item.ForEachKey([&](std::string_view kind, const View& value) {
      if (!value.Present()) return;
      View part = item[kind];
      if (++count > 1) return causes.Forbidden(part.path(), "may not specify more than 1 volume type");
      if (kind == "secret" || kind == "configMap") {
        RequireField(part, "name", causes);
        KeyItems(part["items"], causes);
      } else if (kind == "downwardAPI") {
        DownwardItems(part, causes);
      } else if (kind == "serviceAccountToken") {
        TokenSource(part, source, causes);
      }
    });
  });
}

void Source(std::string_view kind, const View& source, Causes& causes) {
  if (kind == "emptyDir") return EmptyDir(source, causes);
  if (kind == "hostPath") return HostPath(source, causes);
  if (kind == "projected") return Projected(source, causes);
  if (kind == "persistentVolumeClaim") return RequireField(source, "claimName", causes);
  if (kind == "secret" || kind == "configMap") {
    RequireField(source, kind == "secret" ? "secretName" : "name", causes);
    Mode(source["defaultMode"], causes);
    KeyItems(source["items"], causes);
  } else if (kind == "downwardAPI") {
    Mode(source["defaultMode"], causes);
    DownwardItems(source, causes);
  } else if (kind == "nfs") {
    RequireField(source, "server", causes);
    RequireField(source, "path", causes);
    View path = source["path"];
    if (!path.Empty() && path.Str()[0] != '/') causes.Invalid(path.path(), path.Str(), "must be an absolute path");
  }
}

}  // namespace

void RelativePath(const View& path, Causes& causes) {
  std::string_view text = path.Str();
  if (text.starts_with('/')) causes.Invalid(path.path(), text, "must be a relative path");
  std::string padded = fmt::format("/{}/", text);
  if (padded.find("/../") != std::string::npos) causes.Invalid(path.path(), text, "must not contain '..'");
}

void Volumes(const View& volumes, Causes& causes) {
  std::set<std::string_view> names;
  volumes.ForEach([&](const View& volume) {
    View name = volume["name"];
    size_t count = 0;
    // emptyDir is looked at first, the others in the schema's order: the second one found is the one too many.
    auto check = [&](std::string_view kind) {
      View source = volume[kind];
      if (++count > 1) return causes.Forbidden(source.path(), "may not specify more than 1 volume type");
      Source(kind, source, causes);
    };
    if (volume["emptyDir"].Present()) check("emptyDir");
    volume.ForEachKey([&](std::string_view kind, const View& value) {
      if (kind != "name" && kind != "emptyDir" && value.Present()) check(kind);
    });
    if (count == 0) causes.Required(volume.path(), "must specify a volume type");
    RequireName(name, names::Dns1123Label, causes);
    if (!name.Empty() && !names.insert(name.Str()).second) causes.Duplicate(name.path(), name.Str());
  });
}

}  // namespace sampan::api::rules
