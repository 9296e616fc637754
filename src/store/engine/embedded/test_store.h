// Embedded stores for tests, in directories that go away with them.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/check.h"
#include "store/contract_test.h"
#include "store/engine/embedded/engine.h"

namespace sampan::store::embedded {

class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sampan-store-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TempDirectory() { std::filesystem::remove_all(path_); }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline StoreUnderTest MakeTestStore() {
  auto directory = std::make_shared<TempDirectory>();
  EmbeddedOptions options;
  options.directory = directory->path() + "/db";
  Result<std::unique_ptr<Store>> store = OpenEmbedded(options);
  CHECK(store.has_value());
  return {directory, *std::move(store)};
}

}  // namespace sampan::store::embedded
