#include "net/detail/body_budget.h"

#include <algorithm>

namespace sampan::net::detail {

bool BodyBudget::MakeRoom(Account& account, const BodyHolder& asking, size_t bytes) {
  auto fits = [&] {
    size_t others = used_ - account.bytes;
    return account.bytes + bytes <= (limit_ - std::min(others, limit_)) / 2;
  };
  while (!fits()) {
    BodyHolder* latest = nullptr;
    for (BodyHolder* holder : account.holders) {
      if (holder == &asking || !holder->receiving()) continue;
      if (latest == nullptr || holder->seconds_late() > latest->seconds_late()) latest = holder;
    }
    if (latest == nullptr) return false;
    latest->GiveWay();  // releases its charge
  }
  return true;
}

void BodyCharge::Open(BodyBudget& budget, BodyHolder& holder, std::string_view account) {
  budget_ = &budget;
  holder_ = &holder;
  account_ = &budget.accounts_.try_emplace(std::string(account)).first->second;
  if (account_->name.empty()) account_->name = account;
  account_->holders.push_back(&holder);
}

bool BodyCharge::Add(size_t bytes) {
  if (!budget_->MakeRoom(*account_, *holder_, bytes)) return false;
  bytes_ += bytes;
  account_->bytes += bytes;
  budget_->used_ += bytes;
  return true;
}

void BodyCharge::Take(size_t bytes) {
  bytes = std::min(bytes, bytes_);
  bytes_ -= bytes;
  account_->bytes -= bytes;
  budget_->used_ -= bytes;
}

void BodyCharge::Release() {
  if (account_ == nullptr) return;
  Take(bytes_);
  auto& holders = account_->holders;
  holders.erase(std::ranges::find(holders, holder_));
  if (holders.empty()) budget_->accounts_.erase(std::string(account_->name));
  account_ = nullptr;
}

}  // namespace sampan::net::detail
