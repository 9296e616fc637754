#include "apiserver/admission/admission.h"

namespace sampan::apiserver {

Task<Result<void>> Admission::Mutate(WriteContext*, json::Value*, const json::Value*) {
  co_return Result<void>{};
}

Task<Result<void>> Admission::Validate(WriteContext*, const json::Value*, const json::Value*) {
  co_return Result<void>{};
}

}  // namespace sampan::apiserver
