#include "apiserver/gate/heavy.h"

#include "apiserver/gate/places.h"

namespace sampan::apiserver {

std::string HeavyWork::AccountOf(const ApiRequest& request) {
  const FlowSchema schema = Places::Classify(request);
  bool waits = schema.rank == Rank::kUser || schema.rank == Rank::kNode;
  return waits ? std::string(schema.account) : std::string();
}

Task<std::unique_ptr<HeavyWork::Lane>> HeavyWork::Enter(std::string account) {
  if (account.empty()) co_return nullptr;
  Oneshot<bool> turn;
  bool waits = true;
  {
    auto queues = queues_.Lock();
    Queue& queue = (*queues)[account];
    if (queue.running < kAtOnce) {
      ++queue.running;
      waits = false;
    } else {
      queue.waiting.push_back(turn.sender());
    }
  }
  if (waits) co_await turn.Wait();
  co_return std::make_unique<Lane>(*this, std::move(account));
}

void HeavyWork::Leave(const std::string& account) {
  std::optional<Oneshot<bool>::Sender> next;
  {
    auto queues = queues_.Lock();
    auto found = queues->find(account);
    Queue& queue = found->second;
    if (!queue.waiting.empty()) {
      next = std::move(queue.waiting.front());
      queue.waiting.pop_front();
    } else if (--queue.running == 0) {
      queues->erase(found);
    }
  }
  if (next) next->Set(true);
}

}  // namespace sampan::apiserver
