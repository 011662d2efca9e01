#include <gtest/gtest.h>

#include "svg/svg.h"
#include "svg/testing.h"

namespace svg {
namespace {

using testing::Gradient;
using testing::Maker;
using testing::Solid;

// What lies within the outermost element.
std::string Inner(const scene::Scene& scene) {
  const auto text = Write(scene, {}, {}, nullptr);
  if (!text.ok()) return text.fault().ToString();
  const std::size_t begin = text.value().find('>') + 1;
  return text.value().substr(begin, text.value().rfind("</svg>") - begin);
}

TEST(Write, TheOutermostElementSaysWhatIsShown) {
  Maker maker(40, 20.5);
  maker.scene().region.x = -3;
  maker.scene().background = {1, 0, 0, .5};
  const auto text = Write(maker.scene(), {2}, {}, nullptr);
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text.value(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"80\" height=\"41\" "
            "viewBox=\"-3 0 40 20.5\"><rect x=\"-3\" y=\"0\" width=\"40\" height=\"20.5\" fill=\"#f00\" fill-opacity=\".5\"/></svg>\n");
}

TEST(Write, ANodeThatIsOnePathIsOneElement) {
  Maker maker(40, 40);
  maker.Fill(&maker.Leaf("A & B", {5, 6, 10, 10}), {Solid(1, 0, 0)});
  EXPECT_EQ(Inner(maker.scene()),
            "<path d=\"M0 0h10v10h-10z\" id=\"n1-1\" data-name=\"A &amp; B\" transform=\"translate(5 6)\" fill=\"#f00\"/>");
}

TEST(Write, GradientsAreDefinedOnce) {
  Maker maker(40, 40);
  const auto paint = Gradient(scene::PaintType::kGradientLinear, 10, 10, {{{1, 0, 0, 1}, 0}, {{0, 0, 0, .5}, 1}});
  maker.Fill(&maker.Leaf("a", {0, 0, 10, 10}), {paint});
  maker.Fill(&maker.Leaf("b", {20, 0, 10, 10}), {paint});
  EXPECT_EQ(Inner(maker.scene()),
            "<defs><linearGradient id=\"g1\" gradientUnits=\"userSpaceOnUse\" x1=\"0\" y1=\"0\" x2=\"1\" y2=\"0\" "
            "gradientTransform=\"translate(0 5) scale(10)\"><stop offset=\"0\" stop-color=\"#f00\"/>"
            "<stop offset=\"1\" stop-color=\"#000\" stop-opacity=\".5\"/></linearGradient></defs>"
            "<path d=\"M0 0h10v10h-10z\" id=\"n1-1\" data-name=\"a\" fill=\"url(#g1)\"/>"
            "<path d=\"M0 0h10v10h-10z\" id=\"n1-2\" data-name=\"b\" transform=\"translate(20)\" fill=\"url(#g1)\"/>");
}

TEST(Write, AFrameClipsItsChildren) {
  Maker maker(40, 40);
  scene::Node& frame = maker.Begin("frame", {0, 0, 20, 20});
  maker.Fill(&frame, {Solid(1, 1, 1)});
  frame.clips = true;
  maker.Fill(&maker.Leaf("child", {10, 10, 20, 20}), {Solid(0, 0, 1)});
  maker.End();
  EXPECT_EQ(Inner(maker.scene()),
            "<defs><clipPath id=\"c1\"><path d=\"M0 0h20v20h-20z\"/></clipPath></defs>"
            "<g id=\"n1-1\" data-name=\"frame\"><path d=\"M0 0h20v20h-20z\" fill=\"#fff\"/><g clip-path=\"url(#c1)\">"
            "<path d=\"M0 0h20v20h-20z\" id=\"n1-2\" data-name=\"child\" transform=\"translate(10 10)\" fill=\"#00f\"/></g></g>");
}

TEST(Write, AClipThatTakesNothingAwayIsLeftOut) {
  for (const double width : {10.0, 10.5}) {
    Maker maker(40, 40);
    scene::Node& frame = maker.Begin("frame", {0, 0, 20, 20});
    maker.Fill(&frame, {Solid(1, 1, 1)});
    frame.clips = true;
    maker.Fill(&maker.Leaf("child", {10, 10, width, 10}), {Solid(0, 0, 1)});
    maker.End();
    EXPECT_EQ(Inner(maker.scene()).find("clip") != std::string::npos, width > 10) << Inner(maker.scene());
  }
}

TEST(Write, WhatBlendsSharesAGroupWithTheFillsBelowIt) {
  Maker maker(40, 40);
  scene::Node& frame = maker.Begin("frame", {0, 0, 20, 20});
  maker.Fill(&frame, {Solid(1, 1, 1)});
  frame.clips = true;
  scene::Node& child = maker.Leaf("child", {10, 10, 20, 20});
  maker.Fill(&child, {Solid(0, 0, 1)});
  child.blend = scene::BlendMode::kMultiply;
  maker.End();
  EXPECT_NE(Inner(maker.scene()).find("<g clip-path=\"url(#c1)\"><path d=\"M0 0h20v20h-20z\" fill=\"#fff\"/><path"), std::string::npos)
      << Inner(maker.scene());
}

TEST(Write, AMaskCoversTheSiblingsAboveIt) {
  Maker maker(40, 40);
  maker.Fill(&maker.Leaf("below", {0, 0, 10, 10}), {Solid(1, 0, 0)});
  scene::Node& mask = maker.Leaf("mask", {0, 0, 20, 20});
  mask.mask = scene::Mask::kAlpha;
  maker.Fill(&mask, {Solid(0, 0, 0, .5)});
  maker.Fill(&maker.Leaf("above", {0, 0, 30, 30}), {Solid(0, 1, 0)});
  EXPECT_EQ(Inner(maker.scene()),
            "<defs><mask id=\"m1\" maskUnits=\"userSpaceOnUse\" x=\"-1\" y=\"-1\" width=\"22\" height=\"22\" style=\"mask-type:alpha\">"
            "<path d=\"M0 0h20v20h-20z\" id=\"n1-2\" data-name=\"mask\" fill-opacity=\".5\"/></mask></defs>"
            "<path d=\"M0 0h10v10h-10z\" id=\"n1-1\" data-name=\"below\" fill=\"#f00\"/><g mask=\"url(#m1)\">"
            "<path d=\"M0 0h30v30h-30z\" id=\"n1-3\" data-name=\"above\" fill=\"#0f0\"/></g>");
}

TEST(Write, ShadowsAreFiltersOverWhatCastsThem) {
  Maker maker(40, 40);
  scene::Node& node = maker.Leaf("a", {10, 10, 10, 10});
  maker.Fill(&node, {Solid(1, 0, 0)});
  node.effects.push_back({scene::Effect::Type::kDropShadow, {0, 0, 0, .25f}, {2, 3}, 4, 0, scene::BlendMode::kNormal, true});
  EXPECT_EQ(Inner(maker.scene()),
            "<defs><filter id=\"f1\" filterUnits=\"userSpaceOnUse\" x=\"-5\" y=\"-4\" width=\"24\" height=\"24\" "
            "color-interpolation-filters=\"sRGB\"><feOffset in=\"SourceAlpha\" dx=\"2\" dy=\"3\"/><feGaussianBlur stdDeviation=\"2\" result=\"b\"/>"
            "<feFlood flood-color=\"#000\" flood-opacity=\".25\"/><feComposite in2=\"b\" operator=\"in\"/></filter></defs>"
            "<g id=\"n1-1\" data-name=\"a\" transform=\"translate(10 10)\"><use xlink:href=\"#p1\" filter=\"url(#f1)\"/>"
            "<g id=\"p1\"><path d=\"M0 0h10v10h-10z\" fill=\"#f00\"/></g></g>");
}

void Glass(Maker* maker, const scene::Rect& box) {
  scene::Node& node = maker->Leaf("glass", box);
  maker->Fill(&node, {Solid(1, 1, 1, .2f)});
  node.effects.push_back({scene::Effect::Type::kBackgroundBlur, {}, {}, 4, 0, scene::BlendMode::kNormal, false});
}

TEST(Write, WhatIsBelowGlassIsReferredTo) {
  Maker maker(40, 40);
  maker.Fill(&maker.Leaf("below", {0, 0, 20, 20}), {Solid(1, 0, 0)});
  maker.Fill(&maker.Leaf("far away", {35, 35, 5, 5}), {Solid(1, 0, 0)});
  Glass(&maker, {10, 10, 10, 10});
  const std::string inner = Inner(maker.scene());
  EXPECT_NE(inner.find("<g clip-path=\"url(#c1)\"><g filter=\"url(#f1)\"><g transform=\"translate(-10 -10)\"><g><g>"
                       "<use xlink:href=\"#n1-1\"/></g></g></g></g></g>"),
            std::string::npos)
      << inner;
  EXPECT_EQ(inner.find("#n1-2"), std::string::npos);
}

// Each would be drawn again for all that lie on it: 2^60 times.
TEST(Write, GlassOnGlassOnGlassHasAnEnd) {
  Maker maker(40, 40);
  for (int i = 0; i < 60; ++i) Glass(&maker, {10, 10, 10, 10});
  std::vector<std::string> remarks;
  const auto text = Write(maker.scene(), {}, {}, &remarks);
  ASSERT_TRUE(text.ok());
  EXPECT_LT(text.value().size(), 100'000u);
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("background blur"), std::string::npos);
}

TEST(Write, TheSameLetterIsWrittenOnce) {
  Maker maker(40, 40);
  scene::Node& text = maker.Leaf("text", {0, 0, 40, 20});
  const scene::Outline* letter = maker.Ellipse(1, 1);
  const scene::PaintList* ink = maker.Paints({Solid(.2f, .2f, .2f)});
  for (double x : {0, 10, 20}) text.fills.push_back({letter, scene::Winding::kNonZero, {8, 0, 0, -8, x, 12}, ink, true});
  const std::string inner = Inner(maker.scene());
  EXPECT_EQ(inner.substr(inner.find("<g")),
            "<g id=\"n1-1\" data-name=\"text\"><g fill=\"#333\"><use xlink:href=\"#o1\" y=\"12\"/><use xlink:href=\"#o1\" x=\"10\" y=\"12\"/>"
            "<use xlink:href=\"#o1\" x=\"20\" y=\"12\"/></g></g>");
  EXPECT_EQ(inner.find("<path id=\"o1\" d=\"M8-4c"), std::string("<defs>").size());
}

TEST(Write, LeavesOutWhatIsNotInThePicture) {
  Maker maker(40, 40);
  maker.Fill(&maker.Leaf("outside", {50, 0, 10, 10}), {Solid(1, 0, 0)});
  maker.Leaf("empty", {0, 0, 10, 10});
  EXPECT_EQ(Inner(maker.scene()), "");
  scene::Node& blurred = maker.Begin("blurred", {0, 0, 10, 10});
  blurred.effects.push_back({scene::Effect::Type::kLayerBlur, {}, {}, 20, 0, scene::BlendMode::kNormal, false});
  maker.Fill(&maker.Leaf("near", {42, 0, 10, 10}), {Solid(1, 0, 0)});
  maker.End();
  EXPECT_NE(Inner(maker.scene()).find("near"), std::string::npos);
}

TEST(Write, IdsAreUniqueWhateverTheFileSays) {
  Maker maker(40, 40);
  for (int i = 0; i < 3; ++i) {
    scene::Node& node = maker.Leaf("\"><script>", {0, 0, 10, 10});
    maker.Fill(&node, {Solid(1, 0, 0)});
    node.guid = {7, 9};
  }
  const std::string inner = Inner(maker.scene());
  for (const char* id : {"id=\"n7-9\"", "id=\"n7-9-2\"", "id=\"n7-9-3\""}) EXPECT_NE(inner.find(id), std::string::npos) << inner;
  EXPECT_EQ(inner.find("<script"), std::string::npos);
}

TEST(Write, ADeepTreeNeedsNoDeepStack) {
  Maker maker(40, 40);
  for (int i = 0; i < 200'000; ++i) maker.Begin("", {0, 0, 10, 10});
  maker.Fill(&maker.scene().nodes.back(), {Solid(1, 0, 0)});
  const auto text = Write(maker.scene(), {}, {}, nullptr);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text.value().find("</g></g></g>"), std::string::npos);
}

TEST(Write, TheLengthHasABudget) {
  Maker maker(40, 40);
  for (int i = 0; i < 1000; ++i) maker.Fill(&maker.Leaf("a", {0, 0, 10, 10}), {Solid(1, 0, 0)});
  fig::Budget budget;
  budget.svg_bytes = 10'000;
  const auto text = Write(maker.scene(), {}, budget, nullptr);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.fault().kind, fig::FaultClass::kBudget);
}

TEST(Write, SaysTheSameTwice) {
  Maker maker(40, 40);
  for (int i = 0; i < 20; ++i) maker.Fill(&maker.Leaf("a", {i * 1.0, 0, 10, 10}), {Solid(1, 0, 0), Solid(0, 1, 0, .5)});
  EXPECT_EQ(Inner(maker.scene()), Inner(maker.scene()));
}

}  // namespace
}  // namespace svg
