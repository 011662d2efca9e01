// A backend that can be replaced while jobs run: new ones go to the new one, the old one finishes what
// it has. Threads: any.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "web/backend.h"

namespace moat::web {

class SwitchBackend final : public Backend {
 public:
  explicit SwitchBackend(std::unique_ptr<Backend> first) : current_(std::move(first)) {}
  void Replace(std::unique_ptr<Backend> next);
  // Ends the old ones that have nothing left; whether there are others.
  enum class Left : unsigned char { kNone, kSome };
  Left Retire();

  Admission Submit(Job job, Completion done, RunHere* here) override;
  void Cancel(const std::string& id) override;
  // Of the current one; what runs in old ones is added where it still has the profile.
  std::vector<ProfileLoad> Load() const override;

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<Backend> current_;
  std::vector<std::unique_ptr<Backend>> old_;
};

}  // namespace moat::web
