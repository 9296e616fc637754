// An ordered, persistent sequence of objects: taking a snapshot costs one pointer, a change copies one small block that
// a snapshot still shares. The watch cache keeps its objects in these, and lists read them without a lock.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

#include "api/object.h"
#include "store/keys.h"

namespace sampan::store {

// An immutable view, ordered as keys are. Cheap to copy; any thread.
class ObjectView {
  using Block = std::vector<api::ObjectPtr>;
  using Blocks = std::vector<std::shared_ptr<const Block>>;

 public:
  class Iterator {
   public:
    using value_type = api::ObjectPtr;
    using difference_type = std::ptrdiff_t;
    using reference = const api::ObjectPtr&;
    using pointer = const api::ObjectPtr*;
    using iterator_category = std::forward_iterator_tag;

    Iterator() = default;
    reference operator*() const { return (*(*blocks_)[block_])[index_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      if (++index_ == (*blocks_)[block_]->size()) {
        ++block_;
        index_ = 0;
      }
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    friend class ObjectView;
    Iterator(const Blocks* blocks, size_t block, size_t index) : blocks_(blocks), block_(block), index_(index) {}
    const Blocks* blocks_ = nullptr;
    size_t block_ = 0;
    size_t index_ = 0;
  };

  ObjectView();

  Iterator begin() const { return begin_; }
  Iterator end() const { return end_; }
  size_t size() const;  // costs a step for every 64 objects
  bool empty() const { return begin_ == end_; }
  api::ObjectPtr Find(const keys::ObjectId& id) const;  // null when absent

  // The part of one namespace; the part behind `after`, which itself need not exist.
  ObjectView InNamespace(std::string_view namespace_) const;
  ObjectView After(const keys::ObjectId& after) const;

 private:
  friend class SortedObjects;
  explicit ObjectView(std::shared_ptr<const Blocks> blocks);
  template <class Less>
  Iterator Partition(const Less& before) const;  // the first object for which `before` is false

  std::shared_ptr<const Blocks> blocks_;
  Iterator begin_, end_;
};

// The mutable owner. One writer at a time, and no Snapshot() during a write.
class SortedObjects {
 public:
  SortedObjects();
  // Both return the object that was there before, or null.
  api::ObjectPtr Put(api::ObjectPtr object);
  api::ObjectPtr Erase(const keys::ObjectId& id);
  api::ObjectPtr Find(const keys::ObjectId& id) const;
  ObjectView Snapshot() const;
  size_t size() const { return size_; }
  void Clear();

 private:
  using Block = ObjectView::Block;
  using Blocks = ObjectView::Blocks;
  Blocks& OwnedBlocks();
  Block& OwnedBlock(size_t index);
  size_t BlockOf(const keys::ObjectId& id) const;

  std::shared_ptr<Blocks> blocks_;
  size_t size_ = 0;
};

}  // namespace sampan::store
