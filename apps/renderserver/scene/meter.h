// What it costs to make a scene. A file of a few bytes can say how often everything in it is repeated,
// so each repetition is paid for: the memory that stays, and what is looked at on the way.
#pragma once

#include <cstdint>

#include "fig/budget.h"
#include "fig/document.h"
#include "fig/fault.h"

namespace scene {

class Meter {
 public:
  explicit Meter(const fig::Budget& budget)
      : bytes_left_(budget.scene_bytes), work_left_(budget.scene_work), drawn_left_(budget.drawn_commands) {}

  // Each fails with kBudget.
  fig::Check Keep(std::uint64_t bytes) { return Spend(bytes, &bytes_left_, "a scene of more bytes than allowed"); }
  fig::Check Work(std::uint64_t bytes) { return Spend(bytes, &work_left_, "more work than allowed to resolve a scene"); }
  fig::Check DrawCommands(std::uint64_t count) { return Spend(count, &drawn_left_, "more path commands to draw than allowed"); }

 private:
  static fig::Check Spend(std::uint64_t amount, std::uint64_t* left, const char* complaint) {
    if (amount > *left) return fig::Fault{fig::FaultClass::kBudget, complaint, fig::Fault::kNowhere, ""};
    *left -= amount;
    return fig::Nothing{};
  }

  std::uint64_t bytes_left_, work_left_, drawn_left_;
};

// What a copy of it takes, and about what it takes to make one. What is shared counts for nothing.
std::uint64_t CostOf(const fig::NodeChange& node);
std::uint64_t CostOf(const std::vector<fig::Paint>& paints);

}  // namespace scene
