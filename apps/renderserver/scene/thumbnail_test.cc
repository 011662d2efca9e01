#include "scene/testing.h"
#include "scene/thumbnail.h"

namespace scene {
namespace {

std::optional<bool> Holes(const std::string& png) { return HasHoles(fig::BytesOf(png)); }

TEST(Thumbnail, OneClearPixelIsAHole) {
  EXPECT_EQ(Holes(testing::Png(5, 3, 4, 6, 0)), true);
  EXPECT_EQ(Holes(testing::Png(5, 3, 4, 6, 1)), false);
  EXPECT_EQ(Holes(testing::Png(5, 3, 2, 4, 0)), true) << "grey";
}

TEST(Thumbnail, EveryFilterIsUndone) {
  for (std::uint8_t filter = 0; filter <= 4; ++filter) {
    EXPECT_EQ(Holes(testing::Png(5, 3, 4, 6, 0, filter)), true) << int{filter};
    EXPECT_EQ(Holes(testing::Png(5, 3, 4, 6, 9, filter)), false) << int{filter};
  }
  EXPECT_EQ(Holes(testing::Png(5, 3, 4, 6, 0, 5)), std::nullopt);
}

TEST(Thumbnail, PixelsWithoutAlphaHaveNoHoles) { EXPECT_EQ(Holes(testing::Png(5, 3, 3, 2, 0)), false); }

TEST(Thumbnail, WhatIsBrokenSaysNothing) {
  const std::string png = testing::Png(5, 3, 4, 6, 255);
  for (std::size_t size = 0; size + 12 < png.size(); ++size) EXPECT_EQ(Holes(png.substr(0, size)), std::nullopt) << size;
  std::string wide = png;
  wide[16] = 0x7F;  // the width
  EXPECT_EQ(Holes(wide), std::nullopt);
}

}  // namespace
}  // namespace scene
