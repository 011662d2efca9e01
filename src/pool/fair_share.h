// Whose turn it is: start-time fair queueing (Goyal, Vin, Cheng 1996). A flow that is served moves on
// by cost / weight; the one that is least far comes next. Who was idle starts where the others are:
// nobody saves up. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace moat::pool {

template <typename Key>
class FairShare {
 public:
  static constexpr std::uint64_t kStep = 5040;  // divides by all small weights without a rest

  // A flow has something to be served.
  void Add(const Key& key) {
    if (where_.count(key) != 0) return;
    const auto passed = ahead_.find(key);
    const std::uint64_t start = passed == ahead_.end() ? now_ : std::max(now_, passed->second);
    if (passed != ahead_.end()) ahead_.erase(passed);
    where_.emplace(key, start);
    order_.emplace(start, key);
  }
  // Nothing any more. How far it was is remembered while that is ahead of the others.
  void Remove(const Key& key) {
    const auto found = where_.find(key);
    if (found == where_.end()) return;
    order_.erase({found->second, key});
    if (found->second > now_) ahead_[key] = found->second;
    where_.erase(found);
    if (ahead_.size() > where_.size() + kRemembered) Forget();
  }
  // The first flow, in the order of their turns, that `may` be served; null when there is none.
  template <typename May>
  const Key* First(May may) const {
    for (const auto& [start, key] : order_) {
      if (may(key)) return &key;
    }
    return nullptr;
  }
  void Served(const Key& key, unsigned weight = 1) {
    const auto found = where_.find(key);
    if (found == where_.end()) return;
    const std::uint64_t start = found->second;
    order_.erase({start, key});
    now_ = std::max(now_, start);
    found->second = start + kStep / weight;
    order_.emplace(found->second, key);
  }
  bool empty() const { return where_.empty(); }
  std::size_t remembered() const { return ahead_.size(); }

 private:
  static constexpr std::size_t kRemembered = 64;
  void Forget() {
    std::erase_if(ahead_, [this](const auto& entry) { return entry.second <= now_; });
  }

  std::uint64_t now_ = 0;
  std::map<Key, std::uint64_t> where_;               // flows with work
  std::set<std::pair<std::uint64_t, Key>> order_;    // the same, by their turns
  std::map<Key, std::uint64_t> ahead_;               // flows without, that had more than their share
};

}  // namespace moat::pool
