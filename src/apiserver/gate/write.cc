#include "apiserver/errors.h"
#include "apiserver/gate/delete_options.h"
#include "apiserver/gate/handlers.h"
#include "apiserver/registry/fields.h"

namespace sampan::apiserver {

namespace {

Call CallWith(const Core& core, const ApiRequest& request, WriteOptions options) {
  Call call = CallOf(core, request);
  call.dry_run = options.dry_run == DryRun::kYes;
  if (!options.field_manager.empty()) call.field_manager = std::move(options.field_manager);
  return call;
}

// What the call has to tell the client goes with the answer.
Result<Outcome> Answer(Call& call, ApiRequest& request, Outcome outcome) {
  request.warnings.insert(request.warnings.end(), std::make_move_iterator(call.warnings.begin()),
                          std::make_move_iterator(call.warnings.end()));
  return outcome;
}

ValueOutcome ScaleOutcome(const ApiRequest& request, const api::Object& object) {
  return {request.route.body, ScaleOf(object), Made::kNo, object.revision()};
}

// A Binding or Eviction names the pod that it is sent to.
Result<void> CheckSubject(Call& call, const json::Value& body, std::string_view kind) {
  std::string_view name = NameOf(body);
  if (call.name.empty()) call.name = name;
  if (name == call.name) return {};
  return Fail(Error::BadRequest("name in URL does not match name in {} object", kind));
}

}  // namespace

Call CallOf(const Core& core, const ApiRequest& request) {
  Call call;
  call.resource = request.route.resource;
  call.view = request.route.view;
  call.user = &request.user;
  call.authorizer = &core.authorizer;
  if (call.resource->kind->namespaced()) call.namespace_ = request.info.namespace_;
  call.name = request.info.name;
  call.subresource = request.info.subresource;
  return call;
}

Task<Result<Outcome>> HandleCreate(const Core* core, ApiRequest* request) {
  auto operation = std::get<CreateOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  call.name.clear();
  CO_TRY(ObjectPtr created, co_await CreateObject(&core->registry, &call, std::move(operation.body)));
  co_return Answer(call, *request, ObjectOutcome{std::move(created), Made::kYes});
}

Task<Result<Outcome>> HandleVirtual(const Core* core, ApiRequest* request) {
  auto operation = std::get<CreateOperation>(std::move(request->operation));
  const Route& route = request->route;
  if (route.resource != nullptr) {
    Call call = CallWith(*core, *request, std::move(operation.options));
    CO_TRY_VOID(co_await core->registry.Admit(&call, Intent::kCreate, &operation.body));
    (void)Answer(call, *request, {});
  }
  VirtualCall asked{&request->user, request->info.namespace_, request->info.name};
  CO_TRY(json::Value answer, co_await (*route.answerer)(std::move(asked), std::move(operation.body)));
  co_return ValueOutcome{route.body, std::move(answer), Made::kYes};
}

Task<Result<Outcome>> HandleBind(const Core* core, ApiRequest* request) {
  auto operation = std::get<CreateOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  call.subresource = "binding";
  CO_TRY_VOID(CheckSubject(call, operation.body, "Binding"));
  CO_TRY_VOID(co_await core->registry.Admit(&call, Intent::kCreate, &operation.body));
  CO_TRY(ObjectPtr bound, co_await BindPod(&core->registry, &call, std::move(operation.body)));
  co_return Answer(call, *request, DoneOutcome{std::move(bound), Made::kYes});
}

Task<Result<Outcome>> HandleEvict(const Core* core, ApiRequest* request) {
  auto operation = std::get<CreateOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  CO_TRY_VOID(CheckSubject(call, operation.body, "Eviction"));
  CO_TRY_VOID(co_await core->registry.Admit(&call, Intent::kCreate, &operation.body));
  DeleteOperation how;
  if (const json::Value* sent = json::Find(operation.body, "deleteOptions")) {
    CO_TRY(how, DecodeDeleteOptions(*sent));
  }
  if (how.dry_run == DryRun::kYes) call.dry_run = true;
  CO_TRY(Deleted evicted, co_await core->registry.Delete(&call, std::move(how.request)));
  co_return Answer(call, *request, DoneOutcome{std::move(evicted.object), Made::kYes});
}

Task<Result<Outcome>> HandleUpdate(const Core* core, ApiRequest* request) {
  auto operation = std::get<UpdateOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  bool made = false;
  CO_TRY(ObjectPtr updated, co_await PutObject(&core->registry, &call, std::move(operation.body), &made));
  co_return Answer(call, *request, ObjectOutcome{std::move(updated), Made(made)});
}

Task<Result<Outcome>> HandlePatch(const Core* core, ApiRequest* request) {
  auto operation = std::get<PatchOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  bool made = false;
  CO_TRY(ObjectPtr patched, co_await PatchObject(&core->registry, &call, std::move(operation.patch), &made));
  co_return Answer(call, *request, ObjectOutcome{std::move(patched), Made(made)});
}

Task<Result<Outcome>> HandlePutScale(const Core* core, ApiRequest* request) {
  auto operation = std::get<UpdateOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  CO_TRY(ObjectPtr scaled, co_await PutScale(&core->registry, &call, std::move(operation.body)));
  co_return Answer(call, *request, ScaleOutcome(*request, *scaled));
}

Task<Result<Outcome>> HandlePatchScale(const Core* core, ApiRequest* request) {
  auto operation = std::get<PatchOperation>(std::move(request->operation));
  Call call = CallWith(*core, *request, std::move(operation.options));
  CO_TRY(ObjectPtr scaled, co_await PatchScale(&core->registry, &call, std::move(operation.patch)));
  co_return Answer(call, *request, ScaleOutcome(*request, *scaled));
}

}  // namespace sampan::apiserver
