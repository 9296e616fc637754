#include "apiserver/http/answer_memory.h"

#include <algorithm>

namespace sampan::apiserver {

std::optional<AnswerMemory::Charge> AnswerMemory::Take(std::string account, size_t bytes) {
  auto held = held_.Lock();
  size_t& own = held->accounts[account];
  const size_t others = held->all - own;
  if (own > 0 && own + bytes > (limit_ - std::min(others, limit_)) / 2) return std::nullopt;
  own += bytes;
  held->all += bytes;
  return Charge(*this, std::move(account), bytes);
}

void AnswerMemory::Return(const std::string& account, size_t bytes) {
  auto held = held_.Lock();
  auto own = held->accounts.find(account);
  held->all -= bytes;
  if ((own->second -= bytes) == 0) held->accounts.erase(own);
}

}  // namespace sampan::apiserver
