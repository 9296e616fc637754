#include "store/sorted_objects.h"

#include <algorithm>

namespace sampan::store {
namespace {

// A block is split when it grows beyond this; a change copies at most one block and the list of blocks.
constexpr size_t kMaxBlock = 128;

keys::ObjectId IdOf(const api::Object& object) {
  return {object.namespace_(), object.name()};
}

// Whether nobody else holds it; then whatever others did with it is over. Reading the count orders nothing. Taking a share
// and giving it back does, as a fence would, of which ThreadSanitizer knows nothing.
template <class T>
bool HeldAlone(const std::shared_ptr<T>& pointer) {
  if (pointer.use_count() > 1) return false;
  std::shared_ptr<T> share = pointer;
  return true;
}

}  // namespace

ObjectView::ObjectView() : ObjectView(std::make_shared<const Blocks>()) {}

ObjectView::ObjectView(std::shared_ptr<const Blocks> blocks)
    : blocks_(std::move(blocks)), begin_(blocks_.get(), 0, 0), end_(blocks_.get(), blocks_->size(), 0) {}

size_t ObjectView::size() const {
  if (begin_.block_ == end_.block_) return end_.index_ - begin_.index_;
  size_t count = (*blocks_)[begin_.block_]->size() - begin_.index_;
  for (size_t i = begin_.block_ + 1; i < end_.block_; ++i) count += (*blocks_)[i]->size();
  return count + end_.index_;
}

template <class Less>
ObjectView::Iterator ObjectView::Partition(const Less& before) const {
  auto block = std::partition_point(blocks_->begin(), blocks_->end(),
                                    [&](const std::shared_ptr<const Block>& b) { return before(*b->back()); });
  if (block == blocks_->end()) return Iterator(blocks_.get(), blocks_->size(), 0);
  auto place = std::partition_point((*block)->begin(), (*block)->end(), [&](const api::ObjectPtr& o) { return before(*o); });
  return Iterator(blocks_.get(), static_cast<size_t>(block - blocks_->begin()),
                  static_cast<size_t>(place - (*block)->begin()));
}

api::ObjectPtr ObjectView::Find(const keys::ObjectId& id) const {
  Iterator found = Partition([&](const api::Object& o) { return keys::Compare(IdOf(o), id) < 0; });
  if (found.block_ == blocks_->size() || keys::Compare(IdOf(**found), id) != 0) return nullptr;
  return *found;
}

ObjectView ObjectView::InNamespace(std::string_view namespace_) const {
  ObjectView part = *this;
  const keys::ObjectId first{namespace_, {}};
  part.begin_ = Partition([&](const api::Object& o) { return keys::Compare(IdOf(o), first) < 0; });
  part.end_ =
      Partition([&](const api::Object& o) { return o.namespace_() == namespace_ || keys::Compare(IdOf(o), first) < 0; });
  return part;
}

ObjectView ObjectView::After(const keys::ObjectId& after) const {
  ObjectView part = *this;
  Iterator place = Partition([&](const api::Object& o) { return keys::Compare(IdOf(o), after) <= 0; });
  auto position = [](const Iterator& i) { return std::pair(i.block_, i.index_); };
  if (position(place) > position(part.begin_)) part.begin_ = place;
  if (position(part.begin_) > position(part.end_)) part.begin_ = part.end_;
  return part;
}

SortedObjects::SortedObjects() : blocks_(std::make_shared<Blocks>()) {}

// Nobody but this object hands out references to blocks_, and only between writes, so a count of one cannot grow here.
SortedObjects::Blocks& SortedObjects::OwnedBlocks() {
  if (!HeldAlone(blocks_)) blocks_ = std::make_shared<Blocks>(*blocks_);
  return *blocks_;
}

SortedObjects::Block& SortedObjects::OwnedBlock(size_t index) {
  std::shared_ptr<const Block>& block = OwnedBlocks()[index];
  if (!HeldAlone(block)) block = std::make_shared<const Block>(*block);
  return const_cast<Block&>(*block);  // made non-const by make_shared's owner above; shared by no view
}

size_t SortedObjects::BlockOf(const keys::ObjectId& id) const {
  auto block = std::partition_point(blocks_->begin(), blocks_->end(), [&](const std::shared_ptr<const Block>& b) {
    return keys::Compare(IdOf(*b->back()), id) < 0;
  });
  return static_cast<size_t>(block - blocks_->begin());
}

api::ObjectPtr SortedObjects::Put(api::ObjectPtr object) {
  const keys::ObjectId id = IdOf(*object);
  if (blocks_->empty()) {
    OwnedBlocks().push_back(std::make_shared<Block>(1, std::move(object)));
    size_ = 1;
    return nullptr;
  }
  size_t index = std::min(BlockOf(id), blocks_->size() - 1);
  Block& block = OwnedBlock(index);
  auto place = std::partition_point(block.begin(), block.end(),
                                    [&](const api::ObjectPtr& o) { return keys::Compare(IdOf(*o), id) < 0; });
  if (place != block.end() && keys::Compare(IdOf(**place), id) == 0) {
    std::swap(*place, object);
    return object;
  }
  const bool appends = place == block.end();
  block.insert(place, std::move(object));
  ++size_;
  if (block.size() > kMaxBlock) {
    // Objects made in the order of their names fill their blocks; others split in the middle.
    const auto keep = static_cast<std::ptrdiff_t>(appends ? kMaxBlock : kMaxBlock / 2);
    auto tail = std::make_shared<Block>(block.begin() + keep, block.end());
    block.erase(block.begin() + keep, block.end());
    Blocks& blocks = OwnedBlocks();
    blocks.insert(blocks.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(tail));
  }
  return nullptr;
}

api::ObjectPtr SortedObjects::Erase(const keys::ObjectId& id) {
  size_t index = BlockOf(id);
  if (index == blocks_->size() || Find(id) == nullptr) return nullptr;
  Block& block = OwnedBlock(index);
  auto place = std::partition_point(block.begin(), block.end(),
                                    [&](const api::ObjectPtr& o) { return keys::Compare(IdOf(*o), id) < 0; });
  api::ObjectPtr old = std::move(*place);
  block.erase(place);
  --size_;
  if (block.empty()) {
    Blocks& blocks = OwnedBlocks();
    blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(index));
  }
  return old;
}

api::ObjectPtr SortedObjects::Find(const keys::ObjectId& id) const {
  size_t index = BlockOf(id);
  if (index == blocks_->size()) return nullptr;
  const Block& block = *(*blocks_)[index];
  auto place = std::partition_point(block.begin(), block.end(),
                                    [&](const api::ObjectPtr& o) { return keys::Compare(IdOf(*o), id) < 0; });
  return place != block.end() && keys::Compare(IdOf(**place), id) == 0 ? *place : nullptr;
}

ObjectView SortedObjects::Snapshot() const {
  return ObjectView(blocks_);
}

void SortedObjects::Clear() {
  blocks_ = std::make_shared<Blocks>();
  size_ = 0;
}

}  // namespace sampan::store
