// How much memory the request bodies of one I/O loop hold, and for whom.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sampan::net::detail {

// What holds memory for a body.
class BodyHolder {
 public:
  virtual bool receiving() const = 0;       // whether more is to come
  virtual double seconds_late() const = 0;  // how long it has been waiting for its sender
  virtual void GiveWay() = 0;               // ends with TooManyRequests
 protected:
  ~BodyHolder() = default;
};

// For the loop's thread. An account may hold half of what the others leave, so that none can take all; when it wants more,
// those of its bodies that wait for their sender give way first.
class BodyBudget {
 public:
  explicit BodyBudget(size_t limit) : limit_(limit) {}
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  size_t used() const { return used_; }

 private:
  friend class BodyCharge;
  struct Account {
    std::string name;
    size_t bytes = 0;
    std::vector<BodyHolder*> holders;
  };
  bool MakeRoom(Account& account, const BodyHolder& asking, size_t bytes);

  const size_t limit_;
  size_t used_ = 0;
  std::unordered_map<std::string, Account> accounts_;
};

// What one body holds.
class BodyCharge {
 public:
  BodyCharge() = default;
  BodyCharge(const BodyCharge&) = delete;
  BodyCharge& operator=(const BodyCharge&) = delete;
  ~BodyCharge() { Release(); }

  // Before the first Add. Both outlive the charge or its Release.
  void Open(BodyBudget& budget, BodyHolder& holder, std::string_view account);
  bool open() const { return account_ != nullptr; }
  // False when `bytes` more are more than the account may hold.
  bool Add(size_t bytes);
  void Take(size_t bytes);
  void Release();

 private:
  BodyBudget* budget_ = nullptr;
  BodyBudget::Account* account_ = nullptr;
  BodyHolder* holder_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace sampan::net::detail
