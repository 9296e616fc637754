#include "store/engine/embedded/engine.h"

#include "async/pool.h"
#include "store/engine/embedded/committer.h"

namespace sampan::store {
namespace embedded {
namespace {

constexpr size_t kReaders = 4;

// Members in order of construction: the hub reads the database, the committer feeds the hub, readers end first.
class Engine final : public Store {
 public:
  Engine(const EmbeddedOptions& options, std::unique_ptr<Database> database, Failpoints* failpoints)
      : options_(options), database_(std::move(database)), failpoints_(failpoints) {}

  Result<void> Recover() {
    TRY(Database::State state, database_->ReadState());
    positions_.current = state.current_revision;
    positions_.compact = state.compact_revision;
    Index index;
    TRY_VOID(
        database_->ScanLatest([&](std::string_view key, Revision mod, Revision create) { index.Set(key, {mod, create}); }));
    hub_ = std::make_unique<WatchHub>(*database_, positions_.compact, state.current_revision, failpoints_);
    committer_ = std::make_unique<Committer>(*database_, *hub_, positions_, std::move(index), options_);
    return {};
  }

  Task<Result<Revision>> Put(std::string key, std::string value, Precondition precondition) override {
    CO_TRY_VOID(CheckKey(key));
    if (value.size() > options_.max_value_bytes) {
      co_return Fail(
          Error::RequestEntityTooLarge("the object has {} bytes, the limit is {}", value.size(), options_.max_value_bytes));
    }
    WriteRequest request{RecordType::kValue, std::move(key), std::make_shared<const std::string>(std::move(value)),
                         precondition};
    Oneshot<Result<Revision>> done;
    committer_->Write(std::move(request), done.sender());
    Result<Revision> revision = co_await done.Wait();
    co_return revision;
  }

  Task<Result<Revision>> Delete(std::string key, Precondition precondition) override {
    CO_TRY_VOID(CheckKey(key));
    Oneshot<Result<Revision>> done;
    committer_->Write({RecordType::kDeletion, std::move(key), nullptr, precondition}, done.sender());
    Result<Revision> revision = co_await done.Wait();
    co_return revision;
  }

  Task<Result<RangeResult>> Range(std::string key, RangeOptions options) override {
    return readers_.Run([this, key = std::move(key), options = std::move(options)] { return DoRange(key, options); });
  }

  Result<std::unique_ptr<Watch>> StartWatch(std::string key, std::string end, Revision from,
                                            WatchCallback callback) override {
    if (from == 0) from = positions_.current + 1;
    if (from < positions_.compact) return Fail(Error::Expired("revision {} has been compacted", from));
    return hub_->Start(std::move(key), std::move(end), from, std::move(callback));
  }

  Task<Result<void>> Compact(Revision revision) override {
    if (revision > positions_.current) {
      co_return Fail(Error::BadRequest("revision {} is in the future", revision));
    }
    Oneshot<Result<Revision>> done;
    committer_->Compact(revision, done.sender());
    Result<Revision> compacted = co_await done.Wait();
    if (!compacted) co_return Fail(std::move(compacted).error());
    co_return Result<void>();
  }

  Revision current_revision() const override { return positions_.current; }
  Revision compact_revision() const override { return positions_.compact; }
  std::optional<Error> Health() const override { return committer_->Health(); }

 private:
  static Result<void> CheckKey(std::string_view key) {
    // The two lowest bytes end keys in the records (layout.h).
    bool clean = std::ranges::none_of(key, [](char c) { return c == '\0' || c == '\1'; });
    if (key.empty() || !clean) return Fail(Error::BadRequest("malformed key"));
    return {};
  }

  Result<RangeResult> DoRange(const std::string& key, const RangeOptions& options) const {
    if (options.revision > positions_.current) {
      return Fail(Error::BadRequest("revision {} is in the future", options.revision));
    }
    while (true) {
      const Revision revision = options.revision != 0 ? options.revision : positions_.current.load();
      Result<RangeResult> result = database_->Range(key, options, revision, [&] { return positions_.compact > revision; });
      if (options.revision == 0 && !result && result.error().Is(Reason::kExpired)) continue;
      return result;
    }
  }

  const EmbeddedOptions options_;
  std::unique_ptr<Database> database_;
  Failpoints* failpoints_;
  Committer::Positions positions_;
  std::unique_ptr<WatchHub> hub_;
  std::unique_ptr<Committer> committer_;
  BlockingPool readers_{kReaders};
};

}  // namespace

Result<std::unique_ptr<Store>> Open(const EmbeddedOptions& options, const Hooks& hooks) {
  TRY(std::unique_ptr<Database> database, Database::Open(options, hooks.env, hooks.failpoints));
  auto engine = std::make_unique<Engine>(options, std::move(database), hooks.failpoints);
  TRY_VOID(engine->Recover());
  return engine;
}

}  // namespace embedded

Result<std::unique_ptr<Store>> OpenEmbedded(const EmbeddedOptions& options) {
  return embedded::Open(options, {});
}

}  // namespace sampan::store
