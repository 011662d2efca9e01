// A plan that a helper was told, in memory of its own that stays as long as somebody has it. Two are the same plan when they are
// the same object: comparing their bytes would cost a job more than a wake-up. For one thread; std::shared_ptr is for more
// than that, and the launcher has none.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "moat/result.h"
#include "run/check_plan.h"

namespace moat::run {

class KeptPlan {
 public:
  static Result<KeptPlan> Keep(std::string_view bytes);
  KeptPlan() = default;  // none
  KeptPlan(const KeptPlan& other) : kept_(other.kept_) {
    if (kept_ != nullptr) ++kept_->users;
  }
  KeptPlan(KeptPlan&& other) noexcept : kept_(std::exchange(other.kept_, nullptr)) {}
  KeptPlan& operator=(KeptPlan other) noexcept {
    std::swap(kept_, other.kept_);
    return *this;
  }
  ~KeptPlan() {
    if (kept_ != nullptr && --kept_->users == 0) delete kept_;
  }

  explicit operator bool() const { return kept_ != nullptr; }
  const CheckedPlan& operator*() const { return *kept_->plan; }
  const CheckedPlan* operator->() const { return &*kept_->plan; }
  bool operator==(const KeptPlan&) const = default;

 private:
  struct Kept {
    std::string bytes;
    std::optional<CheckedPlan> plan;  // of these bytes
    unsigned users = 1;
  };
  Kept* kept_ = nullptr;
};

}  // namespace moat::run
