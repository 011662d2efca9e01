#include "web/ages.h"

namespace moat::web {

void Ages::Add(const std::string& id, std::int64_t ended_ns, Notice notice) {
  Remove(id);
  all_[id] = ended_ns;
  if (notice == Notice::kNone) may_go_.emplace(ended_ns, id);
}

void Ages::Noticed(const std::string& id) {
  const auto found = all_.find(id);
  if (found != all_.end()) may_go_.emplace(found->second, id);
}

void Ages::Remove(const std::string& id) {
  const auto found = all_.find(id);
  if (found == all_.end()) return;
  may_go_.erase({found->second, id});
  all_.erase(found);
}

std::vector<std::string> Ages::EndedBefore(std::int64_t ns, std::size_t most) const {
  std::vector<std::string> ids;
  for (const auto& [ended, id] : may_go_) {
    if (ended >= ns || ids.size() >= most) break;
    ids.push_back(id);
  }
  return ids;
}

std::int64_t OnMachineClock(std::uint64_t ended_of_day_ns, std::uint64_t day_now_ns, std::uint64_t machine_now_ns) {
  const std::uint64_t age = day_now_ns > ended_of_day_ns ? day_now_ns - ended_of_day_ns : 0;
  return static_cast<std::int64_t>(machine_now_ns) - static_cast<std::int64_t>(age);
}

}  // namespace moat::web
