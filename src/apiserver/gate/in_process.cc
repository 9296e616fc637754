#include "apiserver/gate/in_process.h"

#include "api/decode.h"
#include "apiserver/errors.h"
#include "apiserver/gate/delete_options.h"

namespace sampan::apiserver {

namespace {

class InProcessWatch final : public client::WatchStream {
 public:
  InProcessWatch(std::unique_ptr<Watcher> watcher, const View* view) : watcher_(std::move(watcher)), view_(view) {}
  ~InProcessWatch() override { watcher_->Stop(); }

  Task<Result<std::optional<std::vector<client::WatchEvent>>>> Next() override {
    CO_TRY(std::optional<std::vector<Change>> changes, co_await watcher_->Next());
    if (!changes) co_return std::optional<std::vector<client::WatchEvent>>();
    std::vector<client::WatchEvent> events;
    events.reserve(changes->size());
    for (Change& change : *changes) {
      ObjectPtr shown = change.object == nullptr ? nullptr : Published(view_, std::move(change.object));
      events.push_back({TypeOf(change.type), std::move(shown), change.revision});
    }
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
  const View* view_;
};

// "deployment-controller" of "system:serviceaccount:kube-system:deployment-controller".
std::string ManagerOf(const auth::UserInfo& user) {
  return user.name.substr(user.name.rfind(':') + 1);
}

// Documents of components are checked by the schema like everyone's.
class InProcessDoor final : public Door {
 public:
  explicit InProcessDoor(const auth::UserInfo* user) : user_(user) {}

  Task<Result<void>> Identify(ApiRequest* request) override {
    request->user = *user_;
    co_return Result<void>{};
  }
  Result<void> Impersonate(ApiRequest&) override { return {}; }

  Task<Result<void>> Decode(ApiRequest* request) override {
    if (auto* create = std::get_if<CreateOperation>(&request->operation)) co_return DecodeBody(*request, create->body);
    if (auto* update = std::get_if<UpdateOperation>(&request->operation)) co_return DecodeBody(*request, update->body);
    co_return Result<void>{};
  }
  Task<Result<Outcome>> Serve(ApiRequest*) override { co_return Fail(MethodNotAllowedError()); }

  Task<void> Answer(ApiRequest* request, Result<Outcome> outcome) override {
    request->status = outcome ? 200 : HttpStatusOf(outcome.error().reason());
    outcome_ = std::move(outcome);
    co_return;
  }

  Result<Outcome> Take() { return std::move(outcome_); }

 private:
  static Result<void> DecodeBody(const ApiRequest& request, json::Value& body) {
    const Route& route = request.route;
    TRY(body, api::DecodeObject(*route.body, std::move(body), {.strictness = api::Strictness::kIgnore}));
    if (route.view != nullptr && route.body == route.view->kind) body = route.view->to_stored(body);
    return {};
  }

  const auth::UserInfo* user_;
  Result<Outcome> outcome_ = Fail(Error::InternalError("the request was not answered"));
};

class InProcessClient final : public client::Client {
 public:
  InProcessClient(RequestGate& gate, auth::UserInfo identity) : gate_(gate), user_(std::move(identity)) {}

  Task<Result<ObjectPtr>> Get(client::Ref ref) override {
    auto object = co_await AskForObject(RequestFor(ref, "get"), GetOperation{});
    co_return object;
  }

  Task<Result<client::ListResult>> List(client::Ref ref, client::ListOptions options) override {
    std::shared_ptr<ApiRequest> request = RequestFor(ref, "list");
    ListOperation list;
    CO_TRY(list.request.selection, Select(*request, ref, options.label_selector, options.field_selector));
    list.request.limit = options.limit;
    list.request.continue_token = std::move(options.continue_token);
    list.request.resource_version = std::move(options.resource_version);
    CO_TRY(Outcome outcome, co_await Ask(request, std::move(list)));
    auto& page = std::get<ListPage>(outcome);
    if (request->route.view != nullptr) {
      for (ObjectPtr& object : page.items) object = Published(request->route.view, std::move(object));
    }
    co_return client::ListResult{std::move(page.items), page.revision, std::move(page.continue_token)};
  }

  Task<Result<std::unique_ptr<client::WatchStream>>> Watch(client::Ref ref, client::WatchOptions options) override {
    std::shared_ptr<ApiRequest> request = RequestFor(ref, "watch");
    WatchOperation watch;
    CO_TRY(watch.request.selection, Select(*request, ref, options.label_selector, options.field_selector));
    CO_TRY_VOID(watch.request.selection.RestrictToName(ref.name));
    if (options.from > 0) watch.request.resource_version = std::to_string(options.from);
    CO_TRY(Outcome outcome, co_await Ask(request, std::move(watch)));
    co_return std::make_unique<InProcessWatch>(std::get<std::unique_ptr<Watcher>>(std::move(outcome)), request->route.view);
  }

  Task<Result<ObjectPtr>> Create(client::Ref ref, json::Value body) override {
    // A creation is named by its body, a subresource's by the object it is made for.
    if (ref.subresource.empty()) ref.name.clear();
    auto created = co_await AskForObject(RequestFor(ref, "create"), CreateOperation{OwnOptions(), std::move(body)});
    co_return created;
  }

  Task<Result<ObjectPtr>> Update(client::Ref ref, json::Value body) override {
    auto updated = co_await AskForObject(RequestFor(ref, "update"), UpdateOperation{OwnOptions(), std::move(body)});
    co_return updated;
  }

  Task<Result<ObjectPtr>> Patch(client::Ref ref, json::Value patch, client::PatchOptions options) override {
    PatchOperation operation{OwnOptions(), {options.type, std::move(patch), api::Strictness::kIgnore, options.force, {}}};
    if (!options.field_manager.empty()) operation.options.field_manager = std::move(options.field_manager);
    auto patched = co_await AskForObject(RequestFor(ref, "patch"), std::move(operation));
    co_return patched;
  }

  Task<Result<void>> Delete(client::Ref ref, client::DeleteOptions options) override {
    DeleteOperation operation;
    operation.request.options = std::move(options);
    auto outcome = co_await Ask(RequestFor(ref, "delete"), std::move(operation));
    if (!outcome) co_return Fail(std::move(outcome).error());
    co_return Result<void>{};
  }

 private:
  static std::shared_ptr<ApiRequest> RequestFor(const client::Ref& ref, std::string_view verb) {
    auto request = std::make_shared<ApiRequest>();
    RequestInfo& info = request->info;
    info.is_resource = true;
    info.verb = verb;
    info.api_prefix = ref.kind->group.empty() ? "api" : "apis";
    info.group = ref.kind->group;
    info.version = ref.kind->version;
    info.resource = ref.kind->resource;
    if (ref.kind->namespaced()) info.namespace_ = ref.namespace_;
    info.name = ref.name;
    info.subresource = ref.subresource;
    return request;
  }

  // What a field selector limits to one object is authorized by that object's name.
  static Result<Selection> Select(ApiRequest& request, const client::Ref& ref, std::string_view labels,
                                  std::string_view fields) {
    TRY(Selection selection, Selection::Parse(*ref.kind, request.info.namespace_, labels, fields));
    if (request.info.name.empty()) request.info.name = selection.name;
    request.info.fields = selection.fields;
    request.info.labels = selection.labels;
    return selection;
  }

  WriteOptions OwnOptions() const { return {DryRun::kNo, ManagerOf(user_)}; }

  Task<Result<Outcome>> Ask(std::shared_ptr<ApiRequest> request, Operation operation) {
    request->operation = std::move(operation);
    InProcessDoor door(&user_);
    co_await gate_.Pass(std::move(request), &door);
    co_return door.Take();
  }

  Task<Result<ObjectPtr>> AskForObject(std::shared_ptr<ApiRequest> request, Operation operation) {
    CO_TRY(Outcome outcome, co_await Ask(request, std::move(operation)));
    if (auto* object = std::get_if<ObjectOutcome>(&outcome)) {
      co_return Published(request->route.view, std::move(object->object));
    }
    if (auto* done = std::get_if<DoneOutcome>(&outcome)) co_return std::move(done->object);
    auto& value = std::get<ValueOutcome>(outcome);
    co_return api::Object::FromValue(std::move(value.value), value.revision);
  }

  RequestGate& gate_;
  const auth::UserInfo user_;
};

}  // namespace

std::unique_ptr<client::Client> NewInProcessClient(RequestGate& gate, auth::UserInfo identity) {
  return std::make_unique<InProcessClient>(gate, std::move(identity));
}

}  // namespace sampan::apiserver
