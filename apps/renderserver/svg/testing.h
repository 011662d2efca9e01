// Scenes made by hand, for tests: what a file would have to say is said in a line.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "scene/scene.h"

namespace svg::testing {

// Builds a tree in order: Begin opens a node below the one that is open, End closes it.
class Maker {
 public:
  Maker(double width, double height) {
    scene_.region = {0, 0, width, height};
    scene_.nodes.emplace_back();
    scene_.nodes[0].name = "root";
    open_.push_back(0);
  }
  Maker(Maker&&) = default;  // a copy's shapes would refer to this one's outlines

  // A frame of that size at that place. The reference is good until the next node is made.
  scene::Node& Begin(const std::string& name, const scene::Rect& box);
  void End() { open_.pop_back(); }
  // A node without children.
  scene::Node& Leaf(const std::string& name, const scene::Rect& box) {
    Begin(name, box);
    End();
    return scene_.nodes.back();
  }

  const scene::Outline* Rectangle(double width, double height);
  const scene::Outline* Ellipse(double width, double height);
  const scene::Outline* Star(double width, double height);  // five lines that cross: windings differ
  const scene::PaintList* Paints(std::vector<scene::Paint> paints) { return &scene_.paints.emplace_back(std::move(paints)); }

  scene::Shape Shape(const scene::Outline* outline, std::vector<scene::Paint> paints) {
    return {outline, scene::Winding::kNonZero, {}, Paints(std::move(paints)), false};
  }
  // The node's whole box, filled; it is also what the node clips to.
  void Fill(scene::Node* node, std::vector<scene::Paint> paints);

  scene::Scene& scene() { return scene_; }
  const scene::Scene& scene() const { return scene_; }
  std::deque<std::vector<std::uint8_t>>& images() { return images_; }

 private:
  scene::Scene scene_;
  std::vector<std::uint32_t> open_;
  std::deque<std::vector<std::uint8_t>> images_;
};

scene::Paint Solid(float r, float g, float b, float a = 1);
// From left to right, or from the middle, over a box of that size.
scene::Paint Gradient(scene::PaintType type, double width, double height, std::vector<scene::ColourStop> stops);

// A scene for each thing that can be drawn; its name is fit for a file.
struct Sample {
  std::string name;
  Maker maker;
  double least = .98;  // how alike two painters must paint it (SSIM)
};
std::vector<Sample> Samples();

}  // namespace svg::testing
