#include <gtest/gtest.h>

#include "svg/image_file.h"
#include "svg/svg.h"
#include "svg/testing.h"

namespace svg {
namespace {

using testing::Maker;
using Kind = raster::ImageKind;

std::string Text(std::initializer_list<int> bytes) {
  std::string text;
  for (const int byte : bytes) text += static_cast<char>(byte);
  return text;
}
fig::Bytes Of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

// The beginning of one, up to the checksum of its header.
std::string Png(int width, int height) {
  return "\x89PNG\r\n\x1a\n" + Text({0, 0, 0, 13}) + "IHDR" + Text({0, 0, 0, width, 0, 0, 0, height, 8, 6, 0, 0, 0});
}
// A comment of one byte, a frame of 48 x 32, and the beginning of a scan.
const std::string kFrame = Text({0xFF, 0xFE, 0, 3, 'c', 0xFF, 0xC0, 0, 11, 8, 0, 32, 0, 48, 1, 1, 0x11, 0});
const std::string kScan = Text({0xFF, 0xDA, 0, 2, 1, 2, 3, 0xFF, 0xD9});
const std::string kExif = Text({0xFF, 0xE1, 0, 8}) + "Exif" + Text({0, 0});
const std::string kStart = Text({0xFF, 0xD8});

TEST(IsWhole, LooksForTheEnd) {
  const std::string png = Png(1, 1) + Text({1, 2, 3, 4}), end = Text({0, 0, 0, 0}) + "IEND" + Text({1, 2, 3, 4});
  EXPECT_FALSE(IsWhole(Of(png), Kind::kPng));
  EXPECT_FALSE(IsWhole(Of(png + end.substr(0, 11)), Kind::kPng));
  EXPECT_TRUE(IsWhole(Of(png + end), Kind::kPng));
  EXPECT_FALSE(IsWhole(Of(Png(1, 1).substr(0, 8) + Text({0xFF, 0xFF, 0xFF, 0xFF}) + "IDAT1234IEND"), Kind::kPng));
  EXPECT_TRUE(IsWhole(Of(kStart + kFrame + kScan), Kind::kJpeg));
  EXPECT_FALSE(IsWhole(Of(kStart + kFrame + kScan.substr(0, 6)), Kind::kJpeg));
  EXPECT_TRUE(IsWhole(Of("GIF89a;"), Kind::kGif));
  EXPECT_FALSE(IsWhole(Of("GIF89a"), Kind::kGif));
}

TEST(WithoutExif, TakesNothingElseAway) {
  EXPECT_EQ(WithoutExif(Of(kStart + kExif + kFrame + kScan), Kind::kJpeg), kStart + kFrame + kScan);
  EXPECT_EQ(WithoutExif(Of(kStart + kFrame + kScan), Kind::kJpeg), kStart + kFrame + kScan);
  EXPECT_EQ(WithoutExif(Of(kStart + "junk"), Kind::kJpeg), kStart + "junk");
  EXPECT_EQ(WithoutExif(Of(kExif), Kind::kPng), kExif);
}

// ---- in a scene -------------------------------------------------------------------------------------

std::string WholePng(int width, int height) {
  return Png(width, height) + Text({1, 2, 3, 4, 0, 0, 0, 0}) + "IEND" + Text({1, 2, 3, 4});
}

class Images : public ::testing::Test {
 protected:
  scene::Paint Image(const std::string& bytes, const std::string& key, scene::ImageScaleMode mode) {
    auto& kept = maker_.images().emplace_back(bytes.begin(), bytes.end());
    scene::Paint paint;
    paint.type = scene::PaintType::kImage;
    paint.image = {kept.data(), kept.size()};
    paint.image_key = key;
    paint.scale_mode = mode;
    return paint;
  }
  std::string Written(std::vector<std::string>* remarks = nullptr) {
    const auto text = Write(maker_.scene(), {}, {}, remarks);
    return text.ok() ? text.value() : text.fault().ToString();
  }
  static std::size_t Count(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
    return count;
  }
  Maker maker_{100, 100};
};

TEST_F(Images, AreWrittenOnceHoweverOftenTheyAreUsed) {
  maker_.Fill(&maker_.Leaf("a", {0, 0, 40, 20}), {Image(WholePng(20, 20), "a", scene::ImageScaleMode::kFill)});
  maker_.Fill(&maker_.Leaf("b", {0, 0, 40, 20}), {Image(WholePng(20, 20), "a", scene::ImageScaleMode::kFit)});
  const std::string text = Written();
  EXPECT_EQ(Count(text, "<image"), 1u);
  EXPECT_EQ(Count(text, "data:image/png;base64,iVBORw0KGgo"), 1u);
  EXPECT_NE(text.find("<use xlink:href=\"#i1\" transform=\"translate(0 -10) scale(2)\"/>"), std::string::npos) << text;  // cover
  EXPECT_NE(text.find("<use xlink:href=\"#i1\" transform=\"translate(10)\"/>"), std::string::npos) << text;            // contain
}

TEST_F(Images, ATurnedOneIsFittedAsItStands) {
  scene::Paint paint = Image(WholePng(20, 10), "a", scene::ImageScaleMode::kFill);
  paint.rotation = 90;
  maker_.Fill(&maker_.Leaf("a", {0, 0, 20, 40}), {paint});
  // Its left upper corner is at the right: (20, 0).
  EXPECT_NE(Written().find("transform=\"matrix(0 2 -2 0 20 0)\""), std::string::npos) << Written();
}

TEST_F(Images, AStretchedOneFollowsItsMatrix) {
  scene::Paint paint = Image(WholePng(20, 10), "a", scene::ImageScaleMode::kStretch);
  paint.to_node = {60, 0, 0, 50, 5, 5};
  maker_.Fill(&maker_.Leaf("a", {0, 0, 40, 40}), {paint});
  EXPECT_NE(Written().find("transform=\"translate(5 5) scale(3 5)\""), std::string::npos) << Written();
}

TEST_F(Images, WhatIsBrokenIsShownAsSuchAndTold) {
  maker_.Fill(&maker_.Leaf("a", {0, 0, 40, 40}), {Image("no image", "a", scene::ImageScaleMode::kFill)});
  std::vector<std::string> remarks;
  EXPECT_NE(Written(&remarks).find("<pattern"), std::string::npos);
  ASSERT_EQ(remarks.size(), 1u);
}

TEST_F(Images, OneWithTooManyPixelsIsBeyondTheBudget) {
  maker_.Fill(&maker_.Leaf("a", {0, 0, 40, 40}), {Image(WholePng(200, 200), "a", scene::ImageScaleMode::kFill)});
  fig::Budget budget;
  budget.image_pixels = 200 * 199;
  const auto text = Write(maker_.scene(), {}, budget, nullptr);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.fault().kind, fig::FaultClass::kBudget);
}

TEST_F(Images, CountAgainstTheLength) {
  maker_.Fill(&maker_.Leaf("a", {0, 0, 40, 40}), {Image(WholePng(20, 10) + std::string(10'000, 'x'), "a", scene::ImageScaleMode::kFill)});
  fig::Budget budget;
  budget.svg_bytes = 10'000;
  const auto text = Write(maker_.scene(), {}, budget, nullptr);
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.fault().kind, fig::FaultClass::kBudget);
}

}  // namespace
}  // namespace svg
