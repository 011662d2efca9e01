#include "web/switch_backend.h"

#include <algorithm>
#include <utility>

namespace moat::web {
namespace {

bool IsIdle(const std::unique_ptr<Backend>& backend) {
  const auto load = backend->Load();
  return std::all_of(load.begin(), load.end(), [](const ProfileLoad& each) { return each.queued + each.running == 0; });
}

}  // namespace

void SwitchBackend::Replace(std::unique_ptr<Backend> next) {
  const std::lock_guard lock(mutex_);
  old_.push_back(std::exchange(current_, std::move(next)));
}

SwitchBackend::Left SwitchBackend::Retire() {
  std::vector<std::unique_ptr<Backend>> idle;  // they go without the lock: completions may ask us
  const std::lock_guard lock(mutex_);
  const auto first_idle = std::partition(old_.begin(), old_.end(), [](const auto& each) { return !IsIdle(each); });
  std::move(first_idle, old_.end(), std::back_inserter(idle));
  old_.erase(first_idle, old_.end());
  return old_.empty() ? Left::kNone : Left::kSome;
}

// With the lock: a backend that is given a job is not retired in between.
Admission SwitchBackend::Submit(Job job, Completion done, RunHere* here) {
  const std::lock_guard lock(mutex_);
  return current_->Submit(std::move(job), std::move(done), here);
}

void SwitchBackend::Cancel(const std::string& id) {
  const std::lock_guard lock(mutex_);
  current_->Cancel(id);
  for (const auto& each : old_) each->Cancel(id);
}

std::vector<ProfileLoad> SwitchBackend::Load() const {
  const std::lock_guard lock(mutex_);
  std::vector<ProfileLoad> all = current_->Load();
  for (const auto& old : old_) {
    for (const ProfileLoad& each : old->Load()) {
      const auto same = std::find_if(all.begin(), all.end(), [&](const ProfileLoad& it) { return it.profile == each.profile; });
      if (same == all.end() && each.queued + each.running == 0) continue;
      ProfileLoad& to = same != all.end() ? *same : all.emplace_back(ProfileLoad{each.profile});
      to.queued += each.queued;
      to.running += each.running;
    }
  }
  return all;
}

}  // namespace moat::web
