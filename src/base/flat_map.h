// A sorted vector with the few functions of std::map that we use. std::map needs code of the
// C++ runtime library, which core code is linked without; and our maps are small. Pure.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace moat::base {

template <typename Key, typename Value>
class FlatMap {
 public:
  using Entry = std::pair<Key, Value>;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  // Null when there is none. Valid until the next insertion.
  Value* Find(const Key& key) {
    const auto at = Place(key);
    return at != entries_.end() && at->first == key ? &at->second : nullptr;
  }
  const Value* Find(const Key& key) const { return const_cast<FlatMap*>(this)->Find(key); }

  // Keeps what is there.
  void Insert(const Key& key, Value value) {
    const auto at = Place(key);
    if (at == entries_.end() || at->first != key) entries_.insert(at, Entry(key, std::move(value)));
  }

  Value& operator[](const Key& key) {
    auto at = Place(key);
    if (at == entries_.end() || at->first != key) at = entries_.insert(at, Entry(key, Value()));
    return at->second;
  }

 private:
  auto Place(const Key& key) {
    return std::lower_bound(entries_.begin(), entries_.end(), key,
                            [](const Entry& entry, const Key& wanted) { return entry.first < wanted; });
  }

  std::vector<Entry> entries_;
};

}  // namespace moat::base
