// What painting costs, counted by what is drawn and not by a clock: the same scene always costs the same.
//
// Layers have budgets of their own; this one is for what takes time and no memory: a path of a million
// edges as high as the picture, or one that a hundred thousand instances repeat.
#pragma once

#include <cstdint>

#include "fig/budget.h"
#include "fig/fault.h"

namespace raster {

class Work {
 public:
  explicit Work(const fig::Budget& budget) : budget_(budget), left_(budget.paint_work) {}

  // False once there is none left; it then stays at that.
  bool Spend(std::uint64_t amount) {
    left_ = amount < left_ ? left_ - amount : 0;
    return left_ != 0;
  }
  void BeginPath() { edges_ = 0; }
  // Lines that a path will be made of, and the rows of pixels that they cross. False: enough.
  bool SpendEdges(double edges, double rows) {
    edges_ += edges;
    if (edges_ > static_cast<double>(budget_.path_edges)) too_many_edges_ = true;
    return Spend(static_cast<std::uint64_t>(kEdge * edges + kRow * rows)) && !too_many_edges_;
  }
  fig::Outcome<fig::Nothing> Check() const;

  // Of a node; of a pixel that is composed, by what it takes to know its colour.
  static constexpr std::uint64_t kNode = 200;
  static constexpr std::uint64_t kSolid = 1, kGradient = 4, kShaded = 25, kImage = 8, kBlend = 10, kBlur = 30;

 private:
  static constexpr double kEdge = 40, kRow = 80;
  const fig::Budget& budget_;
  std::uint64_t left_;
  double edges_ = 0;
  bool too_many_edges_ = false;
};

}  // namespace raster
