#include "sim/door.h"

namespace sampan::sim {
namespace {

using client::ObjectPtr;

Error Refused() {
  return Error::ServiceUnavailable("connect: connection refused");
}
Error Reset() {
  return Error::ServiceUnavailable("read: connection reset by peer");
}

}  // namespace

class DoorWatch final : public client::WatchStream {
 public:
  DoorWatch(Door& door, std::shared_ptr<Door::Life> life, Door::Link link, std::unique_ptr<client::WatchStream> inner)
      : door_(door), life_(std::move(life)), link_(std::move(link)), inner_(std::move(inner)), call_(life_->calls.Enter()) {
    life_->watches.push_back(this);
  }
  ~DoorWatch() override { Leave(); }

  Task<Result<std::optional<std::vector<client::WatchEvent>>>> Next() override {
    using Events = std::optional<std::vector<client::WatchEvent>>;
    if (inner_ == nullptr || broken_) {
      Leave();
      co_return Events();
    }
    auto events = co_await inner_->Next();
    if (broken_ || life_->cut || (link_ && *link_) || door_.faults().Strike(Point::kWatchEnds)) {
      Leave();
      co_return Events();
    }
    if (door_.faults().Strike(Point::kWatchExpires)) events = Fail(Error::Expired("too old resource version"));
    if (!events || !*events) Leave();
    co_return events;
  }
  void Stop() override {
    if (inner_ != nullptr) inner_->Stop();
  }
  void Break() {
    broken_ = true;
    Stop();
  }

 private:
  void Leave() {
    if (inner_ == nullptr) return;
    inner_.reset();
    life_->watches.remove(this);
    call_ = Gate::Holder();
  }
  Door& door_;
  std::shared_ptr<Door::Life> life_;
  Door::Link link_;
  std::unique_ptr<client::WatchStream> inner_;
  Gate::Holder call_;
  bool broken_ = false;
};

namespace {

class DoorClient final : public client::Client {
 public:
  DoorClient(Door& door, apiserver::auth::UserInfo user, Door::Link link)
      : door_(door), user_(std::move(user)), link_(std::move(link)) {}

  Task<Result<ObjectPtr>> Get(client::Ref ref) override {
    return Call<ObjectPtr>([ref = std::move(ref)](Client& api) { return api.Get(ref); });
  }
  Task<Result<client::ListResult>> List(client::Ref ref, client::ListOptions options) override {
    return Call<client::ListResult>(
        [ref = std::move(ref), options = std::move(options)](Client& api) { return api.List(ref, options); });
  }
  Task<Result<std::unique_ptr<client::WatchStream>>> Watch(client::Ref ref, client::WatchOptions options) override {
    if (door_.faults().Strike(Point::kApiSlow)) co_await door_.clock().Sleep(door_.faults().Delay());
    std::shared_ptr<Door::Life> life = door_.life();
    if (life == nullptr || Broken() || door_.faults().Strike(Point::kApiRefused)) co_return Fail(Refused());
    Gate::Holder call = life->calls.Enter();
    if (!call) co_return Fail(Refused());
    auto opened = co_await ClientOf(life)->Watch(std::move(ref), std::move(options));
    if (life->cut) {
      if (opened) opened->reset();
      co_return Fail(Reset());
    }
    if (!opened) co_return opened;
    co_return std::make_unique<DoorWatch>(door_, life, link_, *std::move(opened));
  }
  Task<Result<ObjectPtr>> Create(client::Ref ref, json::Value body) override {
    return Call<ObjectPtr>([ref = std::move(ref), body = std::move(body)](Client& api) { return api.Create(ref, body); });
  }
  Task<Result<ObjectPtr>> Update(client::Ref ref, json::Value body) override {
    return Call<ObjectPtr>([ref = std::move(ref), body = std::move(body)](Client& api) { return api.Update(ref, body); });
  }
  Task<Result<ObjectPtr>> Patch(client::Ref ref, json::Value patch, client::PatchOptions options) override {
    return Call<ObjectPtr>([ref = std::move(ref), patch = std::move(patch), options = std::move(options)](Client& api) {
      return api.Patch(ref, patch, options);
    });
  }
  Task<Result<void>> Delete(client::Ref ref, client::DeleteOptions options) override {
    return Call<void>(
        [ref = std::move(ref), options = std::move(options)](Client& api) { return api.Delete(ref, options); });
  }

 private:
  template <class T>
  using Request = std::function<Task<Result<T>>(Client&)>;

  template <class T>
  Task<Result<T>> Call(Request<T> request) {
    return Send<T>(std::move(request));
  }

  template <class T>
  Task<Result<T>> Send(Request<T> request) {
    if (door_.faults().Strike(Point::kApiSlow)) co_await door_.clock().Sleep(door_.faults().Delay());
    std::shared_ptr<Door::Life> life = door_.life();
    if (life == nullptr || Broken() || door_.faults().Strike(Point::kApiRefused)) co_return Fail(Refused());
    Gate::Holder call = life->calls.Enter();
    if (!call) co_return Fail(Refused());
    std::shared_ptr<Client> api = ClientOf(life);
    Result<T> answer = co_await request(*api);
    if (!life->cut && door_.faults().Strike(Point::kApiTwice)) {
      Result<T> again = co_await request(*api);
      answer = std::move(again);
    }
    call = Gate::Holder();
    if (life->cut || Broken() || door_.faults().Strike(Point::kApiReplyLost)) co_return Fail(Reset());
    if (door_.faults().Strike(Point::kApiSlow)) co_await door_.clock().Sleep(door_.faults().Delay());
    co_return answer;
  }

  bool Broken() const { return link_ && *link_; }
  std::shared_ptr<Client> ClientOf(const std::shared_ptr<Door::Life>& life) {
    if (life != known_life_.lock()) {
      known_life_ = life;
      inner_ = life->server.InProcess(user_);
    }
    return inner_;
  }

  Door& door_;
  const apiserver::auth::UserInfo user_;
  Door::Link link_;
  std::weak_ptr<Door::Life> known_life_;
  std::shared_ptr<Client> inner_;
};

}  // namespace

void Door::Cut() {
  std::shared_ptr<Life> life = std::exchange(life_, nullptr);
  if (life == nullptr) return;
  life->cut = true;
  for (DoorWatch* watch : std::list(life->watches)) watch->Break();
}

void Door::BreakWatches() {
  if (life_ == nullptr) return;
  for (DoorWatch* watch : std::list(life_->watches)) watch->Break();
}

std::unique_ptr<client::Client> Door::ClientFor(apiserver::auth::UserInfo user, Link link) {
  return std::make_unique<DoorClient>(*this, std::move(user), std::move(link));
}

}  // namespace sampan::sim
