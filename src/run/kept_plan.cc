#include "run/kept_plan.h"

namespace moat::run {

Result<KeptPlan> KeptPlan::Keep(std::string_view bytes) {
  KeptPlan plan;
  plan.kept_ = new Kept{std::string(bytes), {}, 1};
  plan.kept_->plan = MOAT_TRY(CheckedPlan::Check(plan.kept_->bytes));
  return plan;
}

}  // namespace moat::run
