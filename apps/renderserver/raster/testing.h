// Scenes by hand, for tests.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "raster/raster.h"

namespace raster {

using scene::BlendMode;
using scene::Node;

constexpr std::uint32_t kRed = 0xffff0000, kGreen = 0xff00ff00, kBlue = 0xff0000ff, kWhite = 0xffffffff, kNothing = 0;

// A picture of 20 x 20 units with boxes in it.
class PaintTest : public ::testing::Test {
 protected:
  PaintTest() {
    scene_.nodes.resize(1);
    scene_.region = {0, 0, 20, 20};
  }
  const scene::Outline* Box(float x, float y, float w, float h) {
    using O = scene::Outline;
    scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose}, {x, y, x + w, y, x + w, y + h, x, y + h}, {x, y, w, h}});
    return &scene_.outlines.back();
  }
  static scene::Paint Solid(float r, float g, float b, float a = 1) {
    scene::Paint paint;
    paint.colour = {r, g, b, a};
    return paint;
  }
  const scene::PaintList* Paints(std::vector<scene::Paint> paints) {
    scene_.paints.push_back(std::move(paints));
    return &scene_.paints.back();
  }
  // Appends a node below `parent` and returns its number; nodes stand behind their parents.
  std::uint32_t Add(Node node, std::uint32_t parent = 0) {
    const auto index = static_cast<std::uint32_t>(scene_.nodes.size());
    node.parent = parent;
    scene_.nodes.push_back(std::move(node));
    std::uint32_t* link = &scene_.nodes[parent].first_child;
    while (*link != Node::kNone) link = &scene_.nodes[*link].next_sibling;
    *link = index;
    return index;
  }
  Node Filled(float x, float y, float w, float h, scene::Paint paint) {
    Node node;
    node.width = w;
    node.height = h;
    node.fills.push_back({Box(x, y, w, h), scene::Winding::kNonZero, {}, Paints({std::move(paint)}), false});
    return node;
  }
  // A ring: two outlines, and the winding decides about the hole.
  const scene::Outline* Ring(float x, float y, float w, float h, float thick) {
    using O = scene::Outline;
    const float r = x + w, b = y + h, t = thick;
    scene_.outlines.push_back({{O::kMove, O::kLine, O::kLine, O::kLine, O::kClose, O::kMove, O::kLine, O::kLine, O::kLine, O::kClose},
                               {x, y, r, y, r, b, x, b, x + t, y + t, x + t, b - t, r - t, b - t, r - t, y + t}, {x, y, w, h}});
    return &scene_.outlines.back();
  }
  const scene::Outline* Circle(float x, float y, float radius) {
    using O = scene::Outline;
    const float k = radius * 0.5522848F, r = radius;
    scene_.outlines.push_back({{O::kMove, O::kCubic, O::kCubic, O::kCubic, O::kCubic, O::kClose},
                               {x + r, y, x + r, y + k, x + k, y + r, x, y + r, x - k, y + r, x - r, y + k, x - r, y,
                                x - r, y - k, x - k, y - r, x, y - r, x + k, y - r, x + r, y - k, x + r, y}, {x - r, y - r, 2 * r, 2 * r}});
    return &scene_.outlines.back();
  }
  scene::Shape Area(const scene::Outline* outline, scene::Paint paint) { return {outline, scene::Winding::kNonZero, {}, Paints({std::move(paint)}), false}; }
  scene::Shape Area(const scene::Outline* outline) { return {outline, scene::Winding::kNonZero, {}, nullptr, false}; }
  // Straight from the picture: 0xAARRGGBB, premultiplied.
  std::uint32_t At(std::uint32_t x, std::uint32_t y) {
    const Picture picture = Painted();
    return picture.pixels.empty() ? 0xdeadbeef : picture.pixels[y * picture.width + x];
  }
  Picture Painted() {
    auto picture = Paint(scene_, options_, budget_, &remarks_);
    EXPECT_TRUE(picture.ok()) << (picture.ok() ? "" : picture.fault().ToString());
    return picture.ok() ? std::move(picture.value()) : Picture{};
  }
  // "" when it went well, else the word of the fault's class.
  std::string Fails() {
    auto picture = Paint(scene_, options_, budget_, &remarks_);
    return picture.ok() ? "" : fig::Word(picture.fault().kind);
  }
  void Clear() {
    scene_.nodes.clear();
    scene_.nodes.resize(1);
  }

  scene::Scene scene_;
  Options options_;
  fig::Budget budget_;
  std::vector<std::string> remarks_;
};

// Each channel within `slack`.
inline ::testing::AssertionResult Near(std::uint32_t got, std::uint32_t wanted, int slack) {
  for (const unsigned shift : {0U, 8U, 16U, 24U}) {
    const int off = static_cast<int>(got >> shift & 0xff) - static_cast<int>(wanted >> shift & 0xff);
    if (std::abs(off) > slack) return ::testing::AssertionFailure() << std::hex << got << " and not " << wanted;
  }
  return ::testing::AssertionSuccess();
}

}  // namespace raster
