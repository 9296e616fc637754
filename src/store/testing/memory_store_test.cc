#include "store/testing/memory_store.h"

#include "store/contract_test.h"

namespace sampan::store {
namespace {

StoreUnderTest MakeMemoryStore() {
  return {nullptr, std::make_unique<MemoryStore>()};
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(&MakeMemoryStore),
                         [](const auto&) { return std::string("Default"); });

}  // namespace
}  // namespace sampan::store
