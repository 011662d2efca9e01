#include <gtest/gtest.h>

#include "compare/compare.h"

namespace compare {
namespace {

// A checked picture, squares of eight pixels; one pixel is moved by `shift`.
Image Checks(std::uint32_t width, std::uint32_t height, std::uint32_t shift) {
  Image image{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      const bool dark = (((x + shift) / 8) + y / 8) % 2 == 0;
      for (int c = 0; c < 3; ++c) image.rgb.push_back(dark ? 40 : 240);
    }
  }
  return image;
}

TEST(Compare, TheSamePictureIsTheSame) {
  const Score score = Compare(Checks(64, 32, 0), Checks(64, 32, 0));
  EXPECT_NEAR(score.ssim, 1, 1e-9);
  EXPECT_EQ(score.mean_difference, 0);
  EXPECT_EQ(score.far, 0);
}

TEST(Compare, AnOppositeIsFarAndLowersTheSimilarity) {
  const Score score = Compare(Checks(64, 32, 0), Checks(64, 32, 8));
  EXPECT_LT(score.ssim, 0);
  EXPECT_NEAR(score.mean_difference, 200, 1e-9);
  EXPECT_EQ(score.far, 1);
}

TEST(Compare, AMoveByAPixelIsFarInItsEdgesOnly) {
  const Score score = Compare(Checks(64, 32, 0), Checks(64, 32, 1));
  EXPECT_NEAR(score.far, 1.0 / 8, .01);
  EXPECT_GT(score.ssim, .3);
  EXPECT_LT(score.ssim, .9);
}

TEST(Compare, SizesThatDifferAreComparedWhereBothAre) {
  EXPECT_NEAR(Compare(Checks(64, 32, 0), Checks(60, 40, 0)).ssim, 1, 1e-9);
}

TEST(Compare, HalvesAreMeansOfTwoByTwo) {
  const Image image{3, 3, {0, 0, 0, 4, 8, 255, 9, 9, 9, 2, 0, 255, 1, 0, 255, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}};
  const Image half = Halved(image);
  EXPECT_EQ(half.width, 1U);
  EXPECT_EQ(half.height, 1U);
  EXPECT_EQ(half.rgb, (std::vector<std::uint8_t>{2, 2, 191}));
}

// What lies a pixel beside is less wrong then, what is of another colour is not.
TEST(Compare, HalvesForgiveAShiftAndNothingElse) {
  const Image checks = Checks(64, 32, 0), beside = Checks(64, 32, 1);
  EXPECT_GT(Compare(Halved(checks), Halved(beside)).ssim, Compare(checks, beside).ssim + .05);
  Image other = checks;
  for (std::uint8_t& value : other.rgb) value = value == 40 ? 140 : value;
  EXPECT_NEAR(Compare(Halved(checks), Halved(other)).mean_difference, Compare(checks, other).mean_difference, 1e-9);
}

TEST(Compare, PicturesGoThroughPng) {
  const Image image = Checks(20, 10, 3);
  const auto png = WritePng(image);
  ASSERT_TRUE(png.ok());
  auto back = ReadPng({png.value().data(), png.value().size()}, "test");
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->width, 20U);
  EXPECT_EQ(back->rgb, image.rgb);
  EXPECT_FALSE(ReadPng(fig::BytesOf("no picture"), "test").ok());
}

}  // namespace
}  // namespace compare
