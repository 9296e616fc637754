// Who does the work, by what a request wants. Each takes the operation of its verb out of the request.
#pragma once

#include "apiserver/gate/request.h"

namespace sampan::apiserver {

Task<Result<Outcome>> HandleGet(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandleGetScale(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandleList(const Core* core, ApiRequest* request);
// Expired when the place to begin at is lost.
Task<Result<Outcome>> HandleWatch(const Core* core, ApiRequest* request);

Task<Result<Outcome>> HandleCreate(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandleVirtual(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandleBind(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandleEvict(const Core* core, ApiRequest* request);

Task<Result<Outcome>> HandleUpdate(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandlePatch(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandlePutScale(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandlePatchScale(const Core* core, ApiRequest* request);

Task<Result<Outcome>> HandleDelete(const Core* core, ApiRequest* request);
Task<Result<Outcome>> HandleDeleteCollection(const Core* core, ApiRequest* request);

// The registry's call for a request with these options.
Call CallOf(const Core& core, const ApiRequest& request);

}  // namespace sampan::apiserver
