#include "async/timer_wheel.h"

#include "base/contain.h"
#include "base/saturate.h"

namespace sampan {
namespace {

void MakeRing(TimerLink& link) {
  link.previous = link.next = &link;
}

void Unlink(TimerLink& link) {
  link.previous->next = link.next;
  link.next->previous = link.previous;
  link.previous = link.next = nullptr;
}

void LinkBefore(TimerLink& position, TimerLink& link) {
  link.previous = position.previous;
  link.next = &position;
  position.previous->next = &link;
  position.previous = &link;
}

}  // namespace

void IoLoop::Timer::Disarm() {
  if (next != nullptr) Unlink(*this);
}

TimerWheel::TimerWheel(MonoTime now) : start_(now) {
  for (TimerLink& slot : slots_) MakeRing(slot);
}

void TimerWheel::Arm(IoLoop::Timer& timer, Duration delay, MonoTime now) {
  timer.Disarm();
  // One tick more than the delay has: a timer may be late but never early.
  uint64_t tick = TickOf(SaturatedSum(now, std::max(delay, Duration::zero()))) + 1;
  timer.due_tick_ = std::max(tick, done_tick_ + 1);
  // Where a timer of a later round lies is looked at in this one, too.
  next_tick_ = std::min(next_tick_, done_tick_ + 1 + (timer.due_tick_ - done_tick_ - 1) % kSlots);
  LinkBefore(slots_[timer.due_tick_ % kSlots], timer);
}

void TimerWheel::FireSlot(size_t slot, uint64_t tick) {
  TimerLink due;
  MakeRing(due);
  for (TimerLink* link = slots_[slot].next; link != &slots_[slot];) {
    TimerLink* following = link->next;
    if (static_cast<IoLoop::Timer*>(link)->due_tick_ <= tick) {
      Unlink(*link);
      LinkBefore(due, *link);
    }
    link = following;
  }
  while (due.next != &due) {
    auto* timer = static_cast<IoLoop::Timer*>(due.next);
    Unlink(*timer);
    Contain("timer", timer->callback_);
  }
}

void TimerWheel::Advance(MonoTime now) {
  uint64_t tick = TickOf(now);
  if (tick <= done_tick_) return;
  uint64_t rounds = std::min<uint64_t>(tick - done_tick_, kSlots);
  uint64_t first = tick - rounds + 1;
  done_tick_ = tick;
  for (uint64_t t = first; t <= tick; ++t) FireSlot(t % kSlots, tick);
}

std::optional<Duration> TimerWheel::UntilNext(MonoTime now) {
  // Asked before each wait of the loop: what was found empty is not looked at again.
  for (next_tick_ = std::max(next_tick_, done_tick_ + 1); next_tick_ <= done_tick_ + kSlots; ++next_tick_) {
    const TimerLink& slot = slots_[next_tick_ % kSlots];
    if (slot.next == &slot) continue;
    return std::max<Duration>(start_ + kTick * static_cast<int64_t>(next_tick_) - now, Duration::zero());
  }
  return std::nullopt;
}

}  // namespace sampan
