#include "apiserver/registry/list.h"

#include <charconv>

#include "apiserver/turn.h"
#include "codec/base64.h"
#include "store/keys.h"

namespace sampan::apiserver {

namespace {

constexpr Duration kFreshnessTimeout = std::chrono::seconds(3);

// Where a list goes on: behind this object, at this revision.
struct ContinueToken {
  static constexpr store::Revision kNewest = -1;  // whatever is there now: the list's own revision is gone
  store::Revision revision = 0;
  std::string namespace_;
  std::string name;

  std::string Encode() const {
    json::Value token(json::Object{
        {"v", "meta.k8s.io/v1"}, {"rv", revision}, {"start", namespace_.empty() ? name : namespace_ + "/" + name}});
    return base64::EncodeUrl(json::Serialize(token));
  }

  static Result<ContinueToken> Decode(std::string_view text) {
    auto refuse = [] { return Fail(Error::BadRequest("continue key is not valid: the token was not made by this server")); };
    std::optional<std::string> plain = base64::DecodeUrl(text);
    if (!plain) return refuse();
    Result<json::Value> value = json::Parse(*plain);
    if (!value) return refuse();
    const json::Value* revision = json::Find(*value, "rv");
    std::string_view start = json::FindString(json::Find(*value, "start"));
    bool known = revision != nullptr && revision->is_int64();
    if (!known || (revision->get_int64() <= 0 && revision->get_int64() != kNewest) || start.empty()) return refuse();
    ContinueToken token;
    token.revision = revision->get_int64();
    size_t slash = start.find('/');
    if (slash != std::string_view::npos) {
      token.namespace_ = start.substr(0, slash);
      start.remove_prefix(slash + 1);
    }
    token.name = start;
    return token;
  }
};

// Objects of an older revision straight from the store.
Task<Result<std::vector<ObjectPtr>>> ReadAt(const Registry* registry, const Resource* resource, std::string namespace_,
                                            store::Revision revision) {
  const api::KindInfo& kind = *resource->kind;
  std::string prefix = namespace_.empty() ? store::keys::ResourcePrefix(kind.group, kind.resource)
                                          : store::keys::NamespacePrefix(kind.group, kind.resource, namespace_);
  store::RangeOptions options;
  options.end = store::keys::PrefixEnd(prefix);
  options.revision = revision;
  CO_TRY(store::RangeResult range, co_await registry->storage().Range(std::move(prefix), std::move(options)));
  std::vector<ObjectPtr> objects;
  objects.reserve(range.kvs.size());
  for (const store::KeyValue& kv : range.kvs) {
    CO_TRY(std::string bytes, store::WithResourceVersion(*kv.value, kv.mod_revision));
    CO_TRY(ObjectPtr object, api::Object::FromBytes(std::move(bytes)));
    objects.push_back(std::move(object));
  }
  co_return objects;
}

struct Limits {
  const ListRequest& request;
  const api::KindInfo& kind;
  std::optional<ContinueToken> after;
};

void Continue(const Limits& limits, int64_t behind, ListPage& page) {
  const api::Object& last = *page.items.back();
  page.continue_token = ContinueToken{page.revision, last.namespace_(), last.name()}.Encode();
  // The count is published for whole lists only: with a selector it would cost a look at every object.
  if (limits.request.selection.IsEverything()) page.remaining = behind;
}

// Takes a page out of the objects of a revision, which begin behind the last page. The pointers outlive the task.
template <class Objects>
Task<void> Fill(const Limits* limits, const Objects* objects, ListPage* page) {
  const Selection& selection = limits->request.selection;
  const auto limit = static_cast<size_t>(limits->request.limit);
  size_t seen = 0;
  Turn turn;
  for (const ObjectPtr& object : *objects) {
    ++seen;
    if (turn.Spent(selection.Cost(*object))) co_await Yield();
    if (!selection.Matches(limits->kind, *object)) continue;
    if (limit != 0 && page->items.size() == limit) {
      Continue(*limits, static_cast<int64_t>(objects->size() - seen + 1), *page);
      co_return;
    }
    page->items.push_back(object);
  }
}

Task<void> FillView(const Limits* limits, const store::ObjectView* view, ListPage* page) {
  if (!limits->after) {
    co_await Fill(limits, view, page);
    co_return;
  }
  const store::ObjectView rest = view->After({limits->after->namespace_, limits->after->name});
  co_await Fill(limits, &rest, page);
}

void DropDelivered(const ContinueToken& after, std::vector<ObjectPtr>& objects) {
  auto delivered = [&](const ObjectPtr& object) {
    store::keys::ObjectId id{object->namespace_(), object->name()};
    return store::keys::Compare(id, {after.namespace_, after.name}) <= 0;
  };
  objects.erase(objects.begin(), std::find_if_not(objects.begin(), objects.end(), delivered));
}

Error ExpiredToken() {
  return Error::Expired(
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted "
      "between the time the first chunk was returned and now may show up in the list.");
}

Result<void> CheckParameters(const ListRequest& request) {
  const std::string& match = request.resource_version_match;
  if (!match.empty()) {
    api::Causes causes;
    api::Path path("resourceVersionMatch");
    if (request.resource_version.empty()) {
      causes.Forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided");
    }
    if (!request.continue_token.empty()) {
      causes.Forbidden(path, "resourceVersionMatch is forbidden when continue is provided");
    }
    if (match != "Exact" && match != "NotOlderThan") {
      causes.NotSupported(path, match, {"Exact", "NotOlderThan", ""});
    } else if (match == "Exact" && request.resource_version == "0") {
      causes.Forbidden(path, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
    }
    if (!causes.empty()) return Fail(std::move(causes).ToError("meta.k8s.io", "ListOptions", ""));
  }
  if (!request.continue_token.empty() && !request.resource_version.empty() && request.resource_version != "0") {
    return Fail(Error::BadRequest("specifying resource version is not allowed when using continue"));
  }
  return {};
}

}  // namespace

Result<store::Revision> ParseRevision(std::string_view text) {
  store::Revision revision = 0;
  if (text.empty()) return revision;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error != std::errc{} || end != text.data() + text.size() || revision < 0) {
    return Fail(
        Error::BadRequest("invalid resource version: resourceVersion: Invalid value: \"{}\": strconv.ParseUint: parsing "
                          "\"{}\": invalid syntax",
                          text, text));
  }
  return revision;
}

std::string InconsistentContinue(std::string_view token) {
  Result<ContinueToken> parsed = ContinueToken::Decode(token);
  if (!parsed) return "";
  parsed->revision = ContinueToken::kNewest;
  return parsed->Encode();
}

Result<Selection> Selection::Parse(const api::KindInfo& kind, std::string namespace_, std::string_view label_selector,
                                   std::string_view field_selector) {
  Selection selection;
  selection.namespace_ = std::move(namespace_);
  if (!label_selector.empty()) {
    TRY(selection.labels, api::LabelSelector::Parse(label_selector));
  }
  if (!field_selector.empty()) {
    TRY(selection.fields, api::FieldSelector::Parse(field_selector));
    TRY_VOID(selection.fields.CheckSupported(kind));
    if (const View* view = FindView(kind)) selection.fields.Rename(view->stored_path);
    const std::string* in = selection.fields.RequiredValue("metadata.namespace");
    if (in != nullptr && kind.namespaced() && selection.namespace_.empty()) selection.namespace_ = *in;
    // A name alone picks one object only where names are unique.
    const std::string* name = selection.fields.RequiredValue("metadata.name");
    if (name != nullptr && kind.namespaced() != selection.namespace_.empty()) selection.name = *name;
  }
  return selection;
}

Result<void> Selection::RestrictToName(const std::string& path_name) {
  if (path_name.empty()) return {};
  if (fields.IsEverything()) {
    name = path_name;
    return {};
  }
  const std::string* selected = fields.RequiredValue("metadata.name");
  if (selected != nullptr && *selected == path_name) return {};
  return Fail(Error::BadRequest("fieldSelector metadata.name doesn't match requested name"));
}

store::CacheQuery Selection::Query(const store::CacheOptions& cache) const {
  store::CacheQuery query;
  query.namespace_ = namespace_;
  query.name = name;
  for (const std::string& path : cache.indexed_fields) {
    if (const std::string* value = fields.RequiredValue(path)) {
      query.field = path;
      query.value = *value;
      break;
    }
  }
  return query;
}

bool Selection::Matches(const api::KindInfo& kind, const api::Object& object) const {
  return labels.Matches(object.head().labels) && fields.Matches(kind, object);
}

size_t Selection::Cost(const api::Object& object) const {
  constexpr size_t kLook = 16;
  const size_t bytes = fields.IsEverything() ? 0 : object.bytes().size() * fields.requirements().size();
  return kLook + kLook * labels.requirements().size() + bytes;
}

Task<Result<ListPage>> List(const Registry* registry, const Resource* resource, ListRequest request) {
  CO_TRY_VOID(CheckParameters(request));
  store::Cache& cache = *resource->cache;
  if (!cache.IsReady()) co_return Fail(Error::ServiceUnavailable("storage is (re)initializing"));
  CO_TRY(store::Revision wanted, ParseRevision(request.resource_version));
  Limits limits{request, *resource->kind, std::nullopt};
  bool exact = request.resource_version_match == "Exact";
  if (!request.continue_token.empty()) {
    CO_TRY(limits.after, ContinueToken::Decode(request.continue_token));
    exact = limits.after->revision != ContinueToken::kNewest;
    wanted = exact ? limits.after->revision : 0;
  }
  if (wanted > 0) CO_TRY_VOID(co_await cache.WaitFor(wanted, kFreshnessTimeout));

  ListPage page;
  store::CacheQuery query = request.selection.Query(cache.options());
  if (exact) {
    page.revision = wanted;
    if (std::optional<store::CacheList> kept = cache.ListAt(wanted, query)) {
      co_await FillView(&limits, &kept->items, &page);
      co_return page;
    }
    auto objects = co_await ReadAt(registry, resource, request.selection.namespace_, wanted);
    if (!objects) {
      bool expired = objects.error().Is(Reason::kExpired) && limits.after;
      co_return Fail(expired ? ExpiredToken() : std::move(objects).error());
    }
    if (limits.after) DropDelivered(*limits.after, *objects);
    co_await Fill(&limits, &*objects, &page);
    co_return page;
  }
  // A first page that will not be the last keeps the state for those that follow.
  if (request.limit > 0 && cache.size() > static_cast<size_t>(request.limit)) {
    store::Revision kept = cache.KeepSnapshot();
    if (std::optional<store::CacheList> list = cache.ListAt(kept, query)) {
      page.revision = kept;
      co_await FillView(&limits, &list->items, &page);
      co_return page;
    }
  }
  store::CacheList list = cache.List(query);
  page.revision = list.revision;
  co_await FillView(&limits, &list.items, &page);
  co_return page;
}

}  // namespace sampan::apiserver
