// Encoded images: each kind, halved, cut off, and meant ill.
#include "raster/image.h"

#include <png.h>

#include "raster/encode_testing.h"
#include "raster/filter.h"
#include "raster/testing.h"

namespace raster {
namespace {

// Four coloured quarters.
Image Quarters(std::uint32_t width, std::uint32_t height) {
  Image image{width, height, {}};
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      image.pixels.push_back(y < height / 2 ? (x < width / 2 ? kRed : kGreen) : (x < width / 2 ? kBlue : kWhite));
    }
  }
  return image;
}

std::string PngOf(const Image& image) {
  const auto png = EncodePng({image.width, image.height, image.pixels});
  return png.ok() ? std::string(png.value().begin(), png.value().end()) : "";
}

struct Encoded {
  const char* name;
  std::string bytes;
  int slack;  // of a channel
};
std::vector<Encoded> EachKind(const Image& image) {
  return {{"png", PngOf(image), 0}, {"jpeg", JpegOf(image, Progression::kBaseline), 12}, {"progressive jpeg", JpegOf(image, Progression::kProgressive), 12},
          {"gif", GifOf(image, {}), 0}, {"interlaced gif", GifOf(image, {1, -1}), 0}, {"webp", WebpOf(image), 0}};
}

fig::Outcome<Image> Decode(const std::string& bytes, unsigned halvings = 0, const fig::Budget& budget = {}) {
  return DecodeImage(fig::BytesOf(bytes), "ab", halvings, budget);
}

TEST(Image, EachKindIsDecoded) {
  const Image image = Quarters(32, 16);
  for (const Encoded& kind : EachKind(image)) {
    const auto size = MeasureImage(fig::BytesOf(kind.bytes), "ab", {});
    ASSERT_TRUE(size.ok()) << kind.name << size.fault().ToString();
    EXPECT_EQ(size.value().width, 32U) << kind.name;
    EXPECT_EQ(size.value().height, 16U) << kind.name;
    const auto decoded = Decode(kind.bytes);
    ASSERT_TRUE(decoded.ok()) << kind.name << decoded.fault().ToString();
    for (std::size_t i = 0; i < image.pixels.size(); ++i) ASSERT_TRUE(Near(decoded.value().pixels[i], image.pixels[i], kind.slack)) << kind.name << " " << i;
  }
}

// Sides that are no powers of two: the last pixels are the means of what there is.
TEST(Image, HalvingsAreMeans) {
  const Image image = Quarters(36, 20);
  for (const Encoded& kind : EachKind(image)) {
    const auto decoded = Decode(kind.bytes, 3);
    ASSERT_TRUE(decoded.ok()) << kind.name;
    EXPECT_EQ(decoded.value().width, 5U) << kind.name;
    EXPECT_EQ(decoded.value().height, 3U) << kind.name;
    EXPECT_TRUE(Near(decoded.value().pixels[0], kRed, kind.slack)) << kind.name;
    EXPECT_TRUE(Near(decoded.value().pixels[4], kGreen, kind.slack)) << kind.name;
    EXPECT_TRUE(Near(decoded.value().pixels[14], kWhite, kind.slack)) << kind.name;
    if (kind.slack == 0) {
      EXPECT_EQ(decoded.value().pixels[2], 0xff40bf00) << kind.name << ": 2 of 8 columns are red";
    }
  }
  EXPECT_EQ(Decode(PngOf(image), 8).value().pixels.size(), 1U);
  EXPECT_EQ(Decode(PngOf(image), 99).value().pixels.size(), 1U);
}

TEST(Image, WhatIsTransparentStaysSo) {
  Image image = Quarters(4, 4);
  const auto gif = Decode(GifOf(image, {0, 0}));  // the first colour
  ASSERT_TRUE(gif.ok());
  EXPECT_EQ(gif.value().pixels[0], kNothing);
  EXPECT_EQ(gif.value().pixels[3], kGreen);
  image.pixels[0] = 0x80ff0000;  // straight, for WebP
  EXPECT_EQ(Decode(WebpOf(image)).value().pixels[0], 0x80800000);
}

std::string Written(std::uint32_t side, int kind, int depth, int interlace, const std::vector<unsigned char>& bytes) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::string all;
  png_set_write_fn(png, &all, [](png_structp p, png_bytep data, std::size_t size) { static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size); }, nullptr);
  png_set_IHDR(png, info, side, side, depth, kind, interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const png_color palette[2] = {{255, 0, 0}, {0, 0, 255}};
  const png_byte alpha[2] = {255, 0};
  if (kind == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette, 2);
    png_set_tRNS(png, info, alpha, 2, nullptr);
  }
  png_write_info(png, info);
  std::vector<unsigned char*> rows;
  const std::size_t stride = png_get_rowbytes(png, info);
  for (std::size_t y = 0; y < side; ++y) rows.push_back(const_cast<unsigned char*>(bytes.data()) + y * stride);
  png_write_image(png, rows.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return all;
}

TEST(Image, EachFormOfPngIsDecoded) {
  EXPECT_EQ(Decode(Written(2, PNG_COLOR_TYPE_PALETTE, 1, PNG_INTERLACE_NONE, {0x40, 0x80})).value().pixels,
            (std::vector<std::uint32_t>{kRed, kNothing, kNothing, kRed}));
  EXPECT_EQ(Decode(Written(2, PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_NONE, {0, 255, 128, 1})).value().pixels,
            (std::vector<std::uint32_t>{0xff000000, kWhite, 0xff808080, 0xff010101}));
  EXPECT_EQ(Decode(Written(1, PNG_COLOR_TYPE_RGB, 16, PNG_INTERLACE_NONE, {0xff, 0xff, 0x80, 0x80, 0, 0})).value().pixels[0], 0xffff8000);
  std::vector<unsigned char> grey(256);
  for (std::size_t i = 0; i < grey.size(); ++i) grey[i] = static_cast<unsigned char>(i);
  const auto interlaced = Decode(Written(16, PNG_COLOR_TYPE_GRAY, 8, PNG_INTERLACE_ADAM7, grey));
  ASSERT_TRUE(interlaced.ok());
  for (std::size_t i = 0; i < grey.size(); ++i) EXPECT_EQ(interlaced.value().pixels[i] & 0xff, i);
}

// Cut off anywhere: an image or a fault, and what is shown is right as far as it goes.
TEST(Image, WhatEndsEarlyIsShownAsFarAsItGoes) {
  const Image image = Quarters(64, 64);
  for (const Encoded& kind : EachKind(image)) {
    for (std::size_t size = 0; size < kind.bytes.size(); ++size) {
      const auto decoded = Decode(kind.bytes.substr(0, size));
      if (!decoded.ok()) {
        EXPECT_EQ(decoded.fault().kind, fig::FaultClass::kImage) << kind.name << " " << size;
      }
    }
    const auto most = Decode(kind.bytes.substr(0, kind.bytes.size() - 1));
    if (most.ok()) {
      EXPECT_TRUE(Near(most.value().pixels[0], kRed, kind.slack)) << kind.name;
    }
  }
}

// Any byte may be another one. Faults are fine; what counts is that the sanitizers see nothing.
TEST(Image, WhatIsDamagedIsAnImageOrAFault) {
  std::uint32_t random = 12345;
  for (const Encoded& kind : EachKind(Quarters(24, 24))) {
    for (int i = 0; i < 400; ++i) {
      std::string bytes = kind.bytes;
      for (int k = 0; k < 3; ++k) {
        random = random * 1664525 + 1013904223;
        bytes[random % bytes.size()] = static_cast<char>(random >> 24);
      }
      const auto decoded = Decode(bytes, random % 4);
      if (decoded.ok()) {
        EXPECT_FALSE(decoded.value().pixels.empty());
      }
    }
  }
}

// Heads that promise more than the budget: refused before there is memory for it.
TEST(Image, BombsAreRefusedByTheirHeads) {
  const Image image = Quarters(8, 8);
  fig::Budget budget;
  budget.image_pixels = 63;
  for (const Encoded& kind : EachKind(image)) {
    EXPECT_EQ(Decode(kind.bytes, 0, budget).fault().kind, fig::FaultClass::kBudget) << kind.name;
    EXPECT_EQ(Decode(kind.bytes, 8, budget).fault().kind, fig::FaultClass::kBudget) << kind.name;
  }
  budget.image_pixels = 64;
  for (const Encoded& kind : EachKind(image)) EXPECT_TRUE(Decode(kind.bytes, 0, budget).ok()) << kind.name;
  std::string png = PngOf(image);
  png[16] = 0x7f;  // 2 billion pixels wide
  EXPECT_EQ(Decode(png).fault().kind, fig::FaultClass::kBudget);
}

// The scans of a progressive file, over and over: each costs as much as the whole image.
TEST(Image, ScansWithoutEndAreRefused) {
  const std::string jpeg = JpegOf(Quarters(64, 64), Progression::kProgressive);
  const std::size_t last = jpeg.rfind("\xff\xda");
  ASSERT_NE(last, std::string::npos);
  const std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  std::string bomb = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 300; ++i) bomb += scan;
  bomb += "\xff\xd9";
  const auto decoded = Decode(bomb);
  ASSERT_FALSE(decoded.ok());
  EXPECT_NE(decoded.fault().detail.find("scans"), std::string::npos) << decoded.fault().detail;
  EXPECT_TRUE(Decode(jpeg).ok());
}

TEST(Image, WhatIsNoneIsAFault) {
  for (const std::string& bytes : std::vector<std::string>{"", "x", "GIF89a", "\xff\xd8\xff", "\x89PNG\r\n\x1a\n", "RIFF....WEBP", "RIFF....WEBPVP8 "}) {
    const auto decoded = Decode(bytes);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.fault().kind, fig::FaultClass::kImage);
    EXPECT_EQ(decoded.fault().where, "image ab");
  }
}

class ImagePaintTest : public PaintTest {
 protected:
  std::uint32_t AddImage(const Image& image, scene::ImageScaleMode mode) {
    kept_.push_back(PngOf(image));
    scene::Paint paint;
    paint.type = scene::PaintType::kImage;
    paint.image = fig::BytesOf(kept_.back());
    paint.image_key = std::to_string(kept_.size());
    paint.scale_mode = mode;
    return Add(Filled(0, 0, 20, 20, paint));
  }
  scene::Paint& PaintOf(std::uint32_t node) { return const_cast<scene::PaintList&>(*scene_.nodes[node].fills[0].paints)[0]; }
  std::deque<std::string> kept_;
};

TEST_F(ImagePaintTest, ImagesLieAsTheirModeSays) {
  const std::uint32_t index = AddImage(Quarters(32, 16), scene::ImageScaleMode::kFill);
  EXPECT_EQ(At(1, 1), kRed);  // cover: 40 x 20, cut at both sides
  EXPECT_EQ(At(18, 18), kWhite);
  PaintOf(index).scale_mode = scene::ImageScaleMode::kFit;
  EXPECT_EQ(At(1, 7), kRed);
  EXPECT_EQ(At(10, 1), kNothing);
  EXPECT_EQ(At(1, 5), kRed) << "to its very edge";
  PaintOf(index).scale_mode = scene::ImageScaleMode::kTile;
  PaintOf(index).tile_scale = 0.25;  // every eight units again, and every four
  EXPECT_EQ(At(9, 9), kRed);
  EXPECT_EQ(At(13, 9), kGreen);
  EXPECT_EQ(At(9, 11), kBlue);
  PaintOf(index).scale_mode = scene::ImageScaleMode::kStretch;
  PaintOf(index).to_node = {10, 0, 0, 20, 10, 0};
  EXPECT_EQ(At(10, 5), kRed) << "to its very edge";
  EXPECT_EQ(At(11, 5), kRed);
  EXPECT_EQ(At(18, 15), kWhite);
  EXPECT_EQ(At(5, 5), kNothing);
}

TEST_F(ImagePaintTest, ImagesTurnByQuarters) {
  const std::uint32_t index = AddImage(Quarters(20, 20), scene::ImageScaleMode::kFill);
  const std::uint32_t around[] = {kRed, kBlue, kWhite, kGreen};  // what comes to lie in the upper left
  for (int turn = 0; turn < 4; ++turn) {
    PaintOf(index).rotation = 90 * turn;
    EXPECT_EQ(At(2, 2), around[turn]) << turn;
  }
  PaintOf(index).rotation = -90;
  EXPECT_EQ(At(2, 2), kGreen);
  PaintOf(index).rotation = 1e30;
  EXPECT_EQ(Fails(), "");
}

TEST_F(ImagePaintTest, ACropShowsAPart) {
  const std::uint32_t index = AddImage(Quarters(20, 20), scene::ImageScaleMode::kStretch);
  PaintOf(index).to_node = {40, 0, 0, 40, -20, -20};  // its lower right quarter
  EXPECT_EQ(At(2, 2), kWhite);
  EXPECT_EQ(At(18, 18), kWhite);
}

TEST_F(ImagePaintTest, OpacityAppliesToImagesCutOrNot) {
  for (const auto mode : {scene::ImageScaleMode::kFill, scene::ImageScaleMode::kFit}) {
    Clear();
    const std::uint32_t index = AddImage(Quarters(40, 20), mode);
    PaintOf(index).opacity = 0.5F;
    EXPECT_TRUE(Near(At(2, 8), 0x80800000, 1));
    PaintOf(index).blend = BlendMode::kLinearBurn;
    EXPECT_TRUE(Near(At(2, 8), 0x80800000, 1));
    PaintOf(index).opacity = 1;
    EXPECT_EQ(At(2, 8), kRed);
  }
}

// Far fewer pixels than the image has: decoded halved, and what is seen is the same.
TEST_F(ImagePaintTest, LargeImagesAreHalvedAndLieWhereTheyShould) {
  const std::uint32_t index = AddImage(Quarters(1001, 999), scene::ImageScaleMode::kStretch);
  PaintOf(index).to_node = {20, 0, 0, 20, 0, 0};
  EXPECT_EQ(At(8, 8), kRed);
  EXPECT_EQ(At(11, 8), kGreen);
  EXPECT_EQ(At(8, 11), kBlue);
  EXPECT_EQ(At(19, 19), kWhite);
  EXPECT_EQ(At(0, 0), kRed);
  budget_.images_pixels = 64 * 64;
  EXPECT_EQ(Fails(), "") << "no more is kept than is needed";
}

TEST_F(ImagePaintTest, AllImagesTogetherAreWithinABudget) {
  for (int i = 0; i < 4; ++i) AddImage(Quarters(16, 16), scene::ImageScaleMode::kFill);
  budget_.images_pixels = 4 * 256;
  EXPECT_EQ(Fails(), "");
  budget_.images_pixels = 4 * 256 - 1;
  EXPECT_EQ(Fails(), "budget");
}

TEST_F(ImagePaintTest, ABrokenImageIsCheckersAndRemarked) {
  const std::uint32_t index = AddImage(Quarters(8, 8), scene::ImageScaleMode::kFill);
  for (const std::string& bytes : {std::string("no image"), std::string(), kept_[0].substr(0, 40)}) {
    PaintOf(index).image = fig::BytesOf(bytes);
    remarks_.clear();
    EXPECT_EQ(At(2, 2) >> 24, 0xffU);
    EXPECT_NE(At(2, 2), At(10, 2));
    ASSERT_EQ(remarks_.size(), 1U);
    EXPECT_NE(remarks_[0].find("image 1"), std::string::npos);
  }
}

TEST_F(ImagePaintTest, ABombInAFileIsABudget) {
  AddImage(Quarters(8, 8), scene::ImageScaleMode::kFill);
  budget_.image_pixels = 63;
  EXPECT_EQ(Fails(), "budget");
}

TEST_F(ImagePaintTest, AdjustmentsChangeColours) {
  const std::uint32_t index = AddImage(Quarters(8, 8), scene::ImageScaleMode::kFill);
  PaintOf(index).filter.emplace();
  EXPECT_EQ(At(2, 2), kRed) << "none of them";
  PaintOf(index).filter->saturation = -1;
  const std::uint32_t grey = At(2, 2);
  EXPECT_EQ(grey >> 16 & 0xff, grey & 0xff);
  PaintOf(index).filter.emplace().exposure = -1;
  EXPECT_LT(At(2, 2) >> 16 & 0xff, 140U);
}

}  // namespace
}  // namespace raster
