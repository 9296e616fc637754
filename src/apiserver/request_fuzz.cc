// Whole requests of several users against a server in this process. Whatever they are: each is answered, none with 500 or
// what its caller may not read; nothing throws; what is refused changes nothing, and nobody changes what is not his; what
// was acknowledged is there, and reads the same in every form.
#include <cstdlib>

#include "api/protobuf.h"
#include "apiserver/testing/fuzz_world.h"
#include "apiserver/testing/one_thread_server.h"
#include "apiserver/testing/program_mutator.h"
#include "base/log.h"
#include "codec/utf8.h"
#include "codec/yaml.h"

namespace sampan::apiserver {
namespace {

constexpr size_t kMaxRequests = 8;
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr std::string_view kTable = "application/json;as=Table;g=meta.k8s.io;v=v1";

uint64_t Escapes() {
  uint64_t sum = 0;
  for (const auto& [unit, count] : EscapeCounts()) sum += count;
  return sum;
}

class RequestFuzzer {
 public:
  RequestFuzzer() {
    log::SetLevel(log::Level::kError);
    for (const ProgramRequest& request : FuzzWorldObjects()) {
      const WholeAnswer answer = Send(request);
      Require(answer.status == 201, answer.body);
    }
    server_.TakeChanges();
    world_ = server_.Objects();
  }

  void Run(std::string_view text) {
    program_ = text;
    model_ = FuzzModel();
    size_t sent = 0;
    for (const ProgramRequest& request : ParseProgram(text)) {
      if (++sent > kMaxRequests) break;
      if (!model_.reaches_out() || !Connects(request)) Try(request);
    }
    Require(Ask("GET", "/readyz").status == 200, "not ready any more");
    for (const auto& [key, value] : changed_) ReadBack(key, value);
    Restore();
    Require(Escapes() == escapes_, "an exception escaped");
  }

 private:
  [[noreturn]] void Fail(std::string_view why, std::string_view detail = {}) const {
    fmt::print(stderr, "{}\n{}\nin the program:\n{}\n", why, detail.substr(0, 4000), program_);
    abort();
  }
  void Require(bool holds, std::string_view why, std::string_view detail = {}) const {
    if (!holds) Fail(why, detail);
  }

  static bool Connects(const ProgramRequest& request) {
    const std::string path = net::PercentDecode(request.target, net::PlusIsSpace::kNo).value_or(request.target);
    return std::ranges::any_of(std::array<std::string_view, 5>{"proxy", "log", "exec", "attach", "portforward"},
                               [&](std::string_view word) { return path.contains(word); });
  }

  WholeAnswer Send(const ProgramRequest& request) {
    net::Request http = HttpRequestOf(request);
    if (const FuzzCaller* caller = FindFuzzCaller(request.caller)) {
      std::vector<std::string> groups;
      if (!caller->group.empty()) groups.emplace_back(caller->group);
      http.peer = std::make_shared<const net::PeerIdentity>(std::string(caller->user), std::move(groups), "");
    }
    return server_.Do(std::move(http));
  }
  WholeAnswer Ask(std::string method, std::string target, std::string accept = "application/json") {
    return Send({"admin", std::move(method), std::move(target), {{"accept", std::move(accept)}}, ""});
  }

  void Try(const ProgramRequest& request) {
    server_.TakeTimePassed();
    const WholeAnswer answer = Send(request);
    const std::vector<store::Event> changes = server_.TakeChanges();
    Note(changes);
    const std::string what = fmt::format("{} {} {}: {}", request.caller, request.method, request.target, answer.status);
    Require(answer.status >= 200, "not answered: " + what);
    Require(answer.status < 500 || MayFail(request, answer), "failed: " + what, answer.body);
    const bool text = !answer.headers.Get("content-type").contains("protobuf") && !answer.headers.Has("content-encoding");
    Require(!text || utf8::IsValid(answer.body), "no UTF-8: " + what, answer.body);
    if (const auto leak = model_.Leak(request.caller, answer.body)) Fail("told " + std::string(*leak) + ": " + what);
    if (!server_.TakeTimePassed()) CheckChanges(request, answer, what, changes);
    for (const store::Event& change : changes) {
      const std::optional<FuzzPlace> place = PlaceOfKey(change.kv.key);
      Require(place.has_value(), "a key of no kind: " + change.kv.key);
      model_.Note(request.caller, *place);
    }
    // Another component may answer a change with one of its own: the aggregation of roles.
    if (text && changes.size() < 2) CheckAcknowledged(request, answer, what);
  }

  // As kube-apiserver does.
  static bool MayFail(const ProgramRequest& request, const WholeAnswer& answer) {
    if (answer.status == 500) return answer.body.contains("failed to create typed patch object");
    if (answer.status == 504) {
      return request.target.contains("timeout") || answer.body.contains("Too large resource version");
    }
    return Connects(request);
  }

  void CheckChanges(const ProgramRequest& request, const WholeAnswer& answer, const std::string& what,
                    const std::vector<store::Event>& changes) {
    if (changes.empty()) return;
    const std::string& key = changes.front().kv.key;
    Require(request.method != "GET" && request.method != "HEAD", "a reading that writes: " + what, key);
    Require(answer.status < 400 || answer.status == 504, "refused and done: " + what, key);
    Require(!request.target.contains("dryRun=All"), "not a dry run: " + what, key);
    for (const store::Event& change : changes) {
      const std::optional<FuzzPlace> place = PlaceOfKey(change.kv.key);
      Require(place && model_.MayChange(request.caller, *place), "changed what is not his: " + what, change.kv.key);
    }
  }

  static std::string PathOf(const FuzzPlace& place, std::string_view name) {
    std::string path = place.kind->group.empty() ? "/api/" + place.kind->version : "/apis/" + place.kind->ApiVersion();
    if (!place.namespace_.empty()) path += "/namespaces/" + net::PercentEncode(place.namespace_);
    path += "/" + place.kind->resource;
    if (!name.empty()) path += "/" + net::PercentEncode(name);
    return path;
  }

  // An answer that shows a stored object after a write shows it as it is.
  void CheckAcknowledged(const ProgramRequest& request, const WholeAnswer& answer, const std::string& what) {
    if (answer.status >= 300 || request.method == "GET" || request.method == "HEAD") return;
    auto shown = json::Parse(answer.body);
    if (!shown) return;
    const std::string_view kind_name = json::FindString(json::Find(*shown, "kind"));
    const std::string_view api_version = json::FindString(json::Find(*shown, "apiVersion"));
    const std::string_view version = json::FindString(json::Find(*shown, "metadata", "resourceVersion"));
    const std::string_view name = json::FindString(json::Find(*shown, "metadata", "name"));
    const api::KindInfo* kind = api::FindKind(api_version, kind_name);
    if (kind == nullptr || kind->resource.empty() || name.empty() || version.empty()) return;
    if (request.target.contains("dryRun") || request.method == "DELETE") return;
    const FuzzPlace place{kind, std::string(json::FindString(json::Find(*shown, "metadata", "namespace"))), ""};
    const WholeAnswer stored = Ask("GET", PathOf(place, name));
    // A write may also have ended the object, by its last finalizer.
    if (stored.status == 404 && json::Find(*shown, "metadata", "deletionTimestamp") != nullptr) return;
    Require(stored.status == 200, "acknowledged and not there: " + what, answer.body);
    auto read = json::Parse(stored.body);
    Require(read && json::Equal(*read, *shown), "shown otherwise: " + what, answer.body + "\n" + stored.body);
  }

  // In JSON and one other form, which depends on the program.
  void ReadBack(const std::string& key, const store::Bytes& stored) {
    const std::optional<FuzzPlace> place = PlaceOfKey(key);
    const std::string path = PathOf(*place, place->name);
    const std::string list = PathOf(*place, "") + "?fieldSelector=metadata.name%3D" + net::PercentEncode(place->name);
    const WholeAnswer plain = Ask("GET", path), listed = Ask("GET", list);
    Require(plain.status == (stored != nullptr ? 200 : 404), "stored and read differ: " + path, plain.body);
    static constexpr std::string_view kForms[] = {kYaml, kProtobuf, kTable};
    const std::string form(kForms[std::hash<std::string_view>()(program_) % std::size(kForms)]);
    const WholeAnswer other = Ask("GET", path, form), others = Ask("GET", list, form);
    Require(other.status == plain.status, "not in every form: " + path, other.body);
    Require(listed.status == 200 && others.status == 200, "no list: " + list, listed.body + others.body);
    if (stored == nullptr) return;
    auto read = json::Parse(plain.body);
    auto items = json::Parse(listed.body);
    Require(read && items, "unreadable: " + path, plain.body + listed.body);
    Require(json::FindString(json::Find(*read, "metadata", "name")) == place->name, "another name: " + path, plain.body);
    Require(IsListed(*place, *read, *items), "listed otherwise: " + path, plain.body + listed.body);
    if (form == kYaml) {
      auto yaml = yaml::Parse(other.body);
      Require(yaml && json::Equal(*yaml, *read), "another object in YAML: " + path, plain.body + other.body);
    } else if (form == kProtobuf) {
      auto opened = api::OpenProtobuf(other.body);
      Require(opened && api::FromProtobuf(*place->kind->type, *opened), "no protobuf: " + path, plain.body);
    }
  }

  static bool IsListed(const FuzzPlace& place, const json::Value& read, const json::Value& list) {
    const json::Value* items = json::Find(list, "items");
    if (items == nullptr || !items->is_array() || items->get_array().size() != 1) return false;
    json::Value item = items->get_array().front();
    item.get_object()["kind"] = place.kind->kind;
    item.get_object()["apiVersion"] = place.kind->ApiVersion();
    return json::Equal(item, read);
  }

  // The world as it was, so that each program meets the same.
  void Restore() {
    for (const auto& [key, value] : std::map(changed_)) {
      const std::optional<FuzzPlace> place = PlaceOfKey(key);
      if (value == nullptr || place->kind->resource != "services" || world_.contains(key)) continue;
      // Through the server, which so frees addresses and ports.
      const std::string path = PathOf(*place, place->name);
      Send({"admin",
            "PATCH",
            path,
            {{"content-type", "application/merge-patch+json"}},
            R"({"metadata":{"finalizers":null}})"});
      Ask("DELETE", path);
    }
    Note(server_.TakeChanges());
    for (const auto& [key, value] : changed_) {
      auto before = world_.find(key);
      if (before == world_.end()) {
        if (value != nullptr) server_.Wait(server_.store().Delete(key, {}));
      } else if (value == nullptr || *value != *before->second) {
        server_.Wait(server_.store().Put(key, *before->second, {}));
      }
    }
    server_.Wait(server_.store().Compact(server_.store().current_revision()));
    server_.Let(std::chrono::seconds(1));
    changed_.clear();
    Note(server_.TakeChanges());
  }

  void Note(const std::vector<store::Event>& changes) {
    for (const store::Event& change : changes) changed_[change.kv.key] = change.kv.value;
  }

  OneThreadServer server_;
  std::map<std::string, store::Bytes> world_;  // what each program begins with
  std::string_view program_;
  FuzzModel model_;
  std::map<std::string, store::Bytes> changed_;  // since then, and to what; null: removed
  const uint64_t escapes_ = Escapes();
};

}  // namespace
}  // namespace sampan::apiserver

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

static std::string ChangeBytes(std::string text) {
  const size_t size = text.size();
  text.resize(size + 64);
  text.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(text.data()), size, text.size()));
  return text;
}

static size_t Take(std::string_view text, uint8_t* data, size_t max_size) {
  text = text.substr(0, max_size);
  std::ranges::copy(text, data);
  return text.size();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  sampan::apiserver::ProgramMutator mutator(seed, &ChangeBytes);
  if (mutator.Below(20) == 0) return LLVMFuzzerMutate(data, size, max_size);
  auto program = sampan::apiserver::ParseProgram({reinterpret_cast<const char*>(data), size});
  for (size_t changes = 1 + mutator.Below(3); changes > 0; --changes) mutator.Mutate(program);
  return Take(ProgramText(program), data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* one, size_t one_size, const uint8_t* two, size_t two_size,
                                            uint8_t* out, size_t max_size, unsigned int seed) {
  sampan::apiserver::ProgramMutator mutator(seed, &ChangeBytes);
  auto program = sampan::apiserver::ParseProgram({reinterpret_cast<const char*>(one), one_size});
  auto other = sampan::apiserver::ParseProgram({reinterpret_cast<const char*>(two), two_size});
  program.resize(mutator.Below(program.size() + 1));
  program.insert(program.end(), other.begin() + static_cast<ptrdiff_t>(mutator.Below(other.size() + 1)), other.end());
  return Take(ProgramText(program), out, max_size);
}

// The server keeps for a while what it saw, which is no leak: leaks are looked for at the end, not after each program.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  static std::string leaks = "-detect_leaks=0";
  static std::vector<char*> with(*argv, *argv + *argc);
  with.push_back(leaks.data());
  with.push_back(nullptr);
  *argv = with.data();
  ++*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static sampan::apiserver::RequestFuzzer fuzzer;
  fuzzer.Run({reinterpret_cast<const char*>(data), size});
  return 0;
}
