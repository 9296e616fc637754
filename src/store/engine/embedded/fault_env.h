// A file system whose writes can be made to fail, for tests.
#pragma once

#include <rocksdb/env.h>

#include <atomic>
#include <memory>
#include <string>

namespace sampan::store::embedded {

enum class Fault : unsigned char { kNone, kFull, kReadOnly, kSyncFails };

class FaultEnv final : public rocksdb::EnvWrapper {
 public:
  FaultEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  void Set(Fault fault) { fault_ = fault; }

  rocksdb::Status Check(Fault also = Fault::kNone) const {
    const Fault fault = fault_;
    if (fault == Fault::kFull) return rocksdb::Status::NoSpace("No space left on device");
    if (fault == Fault::kReadOnly) return rocksdb::Status::IOError("Read-only file system");
    if (fault != Fault::kNone && fault == also) return rocksdb::Status::IOError("Input/output error");
    return rocksdb::Status::OK();
  }

  rocksdb::Status NewWritableFile(const std::string& name, std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    if (rocksdb::Status status = Check(); !status.ok()) return status;
    rocksdb::Status status = EnvWrapper::NewWritableFile(name, file, options);
    if (status.ok()) *file = std::make_unique<File>(*this, std::move(*file));
    return status;
  }
  rocksdb::Status RenameFile(const std::string& from, const std::string& to) override {
    if (rocksdb::Status status = Check(); !status.ok()) return status;
    return EnvWrapper::RenameFile(from, to);
  }

 private:
  class File final : public rocksdb::WritableFileWrapper {
   public:
    File(const FaultEnv& env, std::unique_ptr<rocksdb::WritableFile> file)
        : WritableFileWrapper(file.get()), env_(env), file_(std::move(file)) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      if (rocksdb::Status status = env_.Check(); !status.ok()) {
        // As a full disk does: a part of the record gets through.
        (void)file_->Append({data.data(), data.size() / 2});
        return status;
      }
      return file_->Append(data);
    }
    rocksdb::Status Append(const rocksdb::Slice& data, const rocksdb::DataVerificationInfo&) override {
      return Append(data);
    }
    rocksdb::Status Sync() override {
      if (rocksdb::Status status = env_.Check(Fault::kSyncFails); !status.ok()) return status;
      return file_->Sync();
    }
    rocksdb::Status Fsync() override { return Sync(); }

   private:
    const FaultEnv& env_;
    std::unique_ptr<rocksdb::WritableFile> file_;
  };
  std::atomic<Fault> fault_{Fault::kNone};
};

}  // namespace sampan::store::embedded
