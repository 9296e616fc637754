#include "apiserver/registry/strategy.h"

namespace sampan::apiserver {

WriteContext::~WriteContext() {
  if (stored_) return;
  for (auto step = undo_.rbegin(); step != undo_.rend(); ++step) (*step)();
}

void WriteContext::Stored() {
  stored_ = true;
  for (auto& step : then_) step();
}

Result<void> Strategy::PrepareForCreate(WriteContext&, json::Value&) {
  return {};
}

Result<void> Strategy::PrepareForUpdate(WriteContext&, json::Value&, const json::Value&) {
  return {};
}

void Strategy::Validate(const WriteContext&, const json::Value&, const json::Value*, api::Causes&) {}

Result<void> Strategy::BeforeStore(WriteContext&, json::Value&, const json::Value*) {
  return {};
}

Result<void> Strategy::CheckDelete(const WriteContext&, const api::Object&) {
  return {};
}

int64_t Strategy::GracePeriod(const api::Object&, std::optional<int64_t>) {
  return 0;
}

bool Strategy::HeldBack(const json::Value&) {
  return false;
}

void Strategy::MarkDeleted(json::Value&) {}

std::optional<WallTime> Strategy::ExpiresAt(const api::Object&) {
  return std::nullopt;
}

void Strategy::AfterDelete(const api::Object&) {}

}  // namespace sampan::apiserver
