#include "raster/work.h"

namespace raster {

fig::Outcome<fig::Nothing> Work::Check() const {
  using fig::Fault;
  if (too_many_edges_) {
    return Fault{fig::FaultClass::kBudget, "a path of more than " + std::to_string(budget_.path_edges) + " lines", Fault::kNowhere, ""};
  }
  if (left_ == 0) return Fault{fig::FaultClass::kBudget, "more to paint than a picture may cost", Fault::kNowhere, ""};
  return fig::Nothing{};
}

}  // namespace raster
