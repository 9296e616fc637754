#include "apiserver/in_process.h"

#include "apiserver/errors.h"
#include "apiserver/registry/list.h"
#include "apiserver/registry/operations.h"
#include "apiserver/registry/watch.h"

namespace sampan::apiserver {

namespace {

class InProcessWatch final : public client::WatchStream {
 public:
  explicit InProcessWatch(std::unique_ptr<Watcher> watcher) : watcher_(std::move(watcher)) {}
  ~InProcessWatch() override { watcher_->Stop(); }

  Task<Result<std::optional<std::vector<client::WatchEvent>>>> Next() override {
    CO_TRY(std::optional<std::vector<Change>> changes, co_await watcher_->Next());
    if (!changes) co_return std::optional<std::vector<client::WatchEvent>>();
    std::vector<client::WatchEvent> events;
    events.reserve(changes->size());
    for (Change& change : *changes) events.push_back({TypeOf(change.type), std::move(change.object), change.revision});
    co_return events;
  }
  void Stop() override { watcher_->Stop(); }

 private:
  static client::WatchEvent::Type TypeOf(Change::Type type) {
    switch (type) {
      case Change::Type::kAdded:
        return client::WatchEvent::Type::kAdded;
      case Change::Type::kModified:
        return client::WatchEvent::Type::kModified;
      case Change::Type::kDeleted:
        return client::WatchEvent::Type::kDeleted;
      case Change::Type::kInitialEnd:
        break;
    }
    return client::WatchEvent::Type::kBookmark;
  }

  std::unique_ptr<Watcher> watcher_;
};

// "deployment-controller" of "system:serviceaccount:kube-system:deployment-controller".
std::string ManagerOf(const auth::UserInfo& user) {
  return user.name.substr(user.name.rfind(':') + 1);
}

class InProcessClient final : public client::Client {
 public:
  InProcessClient(HttpContext& context, auth::UserInfo identity) : context_(context), user_(std::move(identity)) {}

  Task<Result<ObjectPtr>> Get(client::Ref ref) override {
    CO_TRY(const Resource* resource, Enter(ref, "get"));
    if (!resource->cache->IsReady()) co_return Fail(Error::ServiceUnavailable("storage is (re)initializing"));
    ObjectPtr object = resource->cache->Get(ref.namespace_, ref.name);
    if (object == nullptr) co_return Fail(NotFoundError(*resource->kind, ref.name));
    if (ref.subresource == "scale") co_return api::Object::FromValue(ScaleOf(*object), object->revision());
    co_return object;
  }

  Task<Result<client::ListResult>> List(client::Ref ref, client::ListOptions options) override {
    ListRequest request;
    CO_TRY(request.selection, Selection::Parse(*ref.kind, ref.namespace_, options.label_selector, options.field_selector));
    CO_TRY(const Resource* resource, EnterSelected(ref, request.selection, "list"));
    request.limit = options.limit;
    request.continue_token = std::move(options.continue_token);
    request.resource_version = std::move(options.resource_version);
    CO_TRY(ListPage page, co_await apiserver::List(&context_.registry, resource, std::move(request)));
    co_return client::ListResult{std::move(page.items), page.revision, std::move(page.continue_token)};
  }

  Task<Result<std::unique_ptr<client::WatchStream>>> Watch(client::Ref ref, client::WatchOptions options) override {
    WatchRequest request;
    CO_TRY(request.selection, Selection::Parse(*ref.kind, ref.namespace_, options.label_selector, options.field_selector));
    CO_TRY(const Resource* resource, EnterSelected(ref, request.selection, "watch"));
    if (request.selection.name.empty()) request.selection.name = ref.name;
    if (options.from > 0) request.resource_version = std::to_string(options.from);
    CO_TRY(std::unique_ptr<Watcher> watcher, co_await Watcher::Open(resource, std::move(request)));
    co_return std::make_unique<InProcessWatch>(std::move(watcher));
  }

  Task<Result<ObjectPtr>> Create(client::Ref ref, json::Value body) override {
    if (ref.subresource.empty() && context_.registry.Find(*ref.kind) != nullptr) {
      CO_TRY(const Resource* resource, Enter(ref, "create"));
      Call call = CallOf(ref, resource);
      call.name.clear();
      CO_TRY(json::Value object, api::DecodeObject(*resource->kind, std::move(body), kLenient));
      auto created = co_await CreateObject(&context_.registry, &call, std::move(object));
      co_return created;
    }
    auto answered = co_await CreateSubresource(std::move(ref), std::move(body));
    co_return answered;
  }

  Task<Result<ObjectPtr>> Update(client::Ref ref, json::Value body) override {
    CO_TRY(const Resource* resource, Enter(ref, "update"));
    Call call = CallOf(ref, resource);
    if (ref.subresource == "scale") {
      auto scaled = co_await PutScale(&context_.registry, &call, std::move(body));
      co_return scaled;
    }
    CO_TRY(json::Value object, api::DecodeObject(*resource->kind, std::move(body), kLenient));
    bool created = false;
    auto updated = co_await PutObject(&context_.registry, &call, std::move(object), &created);
    co_return updated;
  }

  Task<Result<ObjectPtr>> Patch(client::Ref ref, json::Value patch, client::PatchOptions options) override {
    CO_TRY(const Resource* resource, Enter(ref, "patch"));
    Call call = CallOf(ref, resource);
    if (!options.field_manager.empty()) call.field_manager = options.field_manager;
    PatchRequest request{options.type, std::move(patch), api::Strictness::kIgnore, options.force};
    if (ref.subresource == "scale") {
      auto scaled = co_await PatchScale(&context_.registry, &call, std::move(request));
      co_return scaled;
    }
    bool created = false;
    auto patched = co_await PatchObject(&context_.registry, &call, std::move(request), &created);
    co_return patched;
  }

  Task<Result<void>> Delete(client::Ref ref, client::DeleteOptions options) override {
    CO_TRY(const Resource* resource, Enter(ref, "delete"));
    Call call = CallOf(ref, resource);
    DeleteRequest request;
    request.options = std::move(options);
    auto deleted = co_await context_.registry.Delete(&call, std::move(request));
    if (!deleted) co_return Fail(std::move(deleted).error());
    co_return Result<void>{};
  }

 private:
  static constexpr api::DecodeOptions kLenient{.strictness = api::Strictness::kIgnore};

  Result<void> Authorize(const client::Ref& ref, std::string_view verb) const {
    if (context_.stopping.load(std::memory_order_relaxed)) {
      return Fail(Error::ServiceUnavailable("the server is shutting down"));
    }
    auth::Attributes attributes;
    attributes.user = &user_;
    attributes.verb = verb;
    attributes.resource_request = true;
    attributes.group = ref.kind->group;
    attributes.version = ref.kind->version;
    attributes.resource = ref.kind->resource;
    attributes.subresource = ref.subresource;
    attributes.namespace_ = ref.namespace_;
    attributes.name = ref.name;
    return auth::Require(context_.authorizer, attributes);
  }

  Result<const Resource*> Enter(const client::Ref& ref, std::string_view verb) const {
    TRY_VOID(Authorize(ref, verb));
    const Resource* resource = context_.registry.Find(*ref.kind);
    if (resource == nullptr) return Fail(UnknownResourceError());
    return resource;
  }

  // What a field selector limits to one object is authorized by that object's name.
  Result<const Resource*> EnterSelected(client::Ref ref, const Selection& selection, std::string_view verb) const {
    if (ref.name.empty()) ref.name = selection.name;
    return Enter(ref, verb);
  }

  Call CallOf(const client::Ref& ref, const Resource* resource) const {
    Call call;
    call.resource = resource;
    call.user = &user_;
    if (resource->kind->namespaced()) call.namespace_ = ref.namespace_;
    call.name = ref.name;
    call.subresource = ref.subresource;
    call.field_manager = ManagerOf(user_);
    return call;
  }

  Task<Result<ObjectPtr>> CreateSubresource(client::Ref ref, json::Value body) {
    CO_TRY_VOID(Authorize(ref, "create"));
    if (ref.subresource == "binding" || ref.subresource == "eviction") {
      Call call = CallOf(ref, context_.registry.Find(*ref.kind));
      if (ref.subresource == "binding") {
        auto bound = co_await BindPod(&context_.registry, &call, std::move(body));
        co_return bound;
      }
      ObjectPtr pod = call.resource->cache->Get(call.namespace_, call.name);
      auto evicted = co_await EvictPod(&context_.registry, &call, std::move(body));
      if (!evicted) co_return Fail(std::move(evicted).error());
      co_return pod;
    }
    std::string key =
        ref.subresource.empty() ? ref.kind->group + "/" + ref.kind->resource : ref.kind->resource + "/" + ref.subresource;
    auto handler = context_.virtual_kinds.find(key);
    if (handler == context_.virtual_kinds.end()) co_return Fail(MethodNotAllowedError());
    CO_TRY(json::Value answer, co_await handler->second({&user_, ref.namespace_, ref.name}, std::move(body)));
    co_return api::Object::FromValue(std::move(answer), 0);
  }

  HttpContext& context_;
  const auth::UserInfo user_;
};

}  // namespace

std::unique_ptr<client::Client> NewInProcessClient(HttpContext& context, auth::UserInfo identity) {
  return std::make_unique<InProcessClient>(context, std::move(identity));
}

}  // namespace sampan::apiserver
