#include "fig/kiwi.h"

#include <cmath>
#include <limits>

#include "fig/testing.h"

namespace fig {
namespace {

using figgen::KiwiWriter;

Reader ReaderOf(const std::string& bytes) { return Reader(BytesOf(bytes), FaultClass::kMessage, "test"); }

TEST(Kiwi, NumbersComeBack) {
  for (const std::uint32_t value : {0u, 1u, 127u, 128u, 300u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
    KiwiWriter out;
    out.Uint(value);
    out.Int(static_cast<std::int32_t>(value));
    Reader in = ReaderOf(out.bytes());
    EXPECT_EQ(in.Uint(), value);
    EXPECT_EQ(in.Int(), static_cast<std::int32_t>(value));
    EXPECT_EQ(in.left(), 0u);
    EXPECT_TRUE(in.ok());
  }
}

TEST(Kiwi, LongNumbersComeBack) {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{128}, std::uint64_t{1} << 55, std::uint64_t{1} << 56,
                                    std::uint64_t{1} << 63, UINT64_MAX}) {
    KiwiWriter out;
    out.Uint64(value);
    Reader in = ReaderOf(out.bytes());
    EXPECT_EQ(in.Uint64(), value);
    EXPECT_EQ(in.left(), 0u);
  }
}

TEST(Kiwi, FloatsComeBack) {
  for (const float value : {0.0f, 1.0f, -1.5f, 3.4e38f, 1.2e-38f, std::numeric_limits<float>::infinity()}) {
    KiwiWriter out;
    out.Float(value);
    Reader in = ReaderOf(out.bytes()), skip = ReaderOf(out.bytes());
    EXPECT_EQ(in.Float(), value);
    skip.SkipFloat();
    EXPECT_EQ(in.left(), 0u);
    EXPECT_EQ(skip.left(), 0u);
  }
  KiwiWriter out;
  out.Float(std::nanf(""));
  EXPECT_TRUE(std::isnan(ReaderOf(out.bytes()).Float()));
  out = KiwiWriter();
  out.Float(1e-40f);  // too small for a float with a first digit: the writer's business, one byte
  EXPECT_EQ(out.bytes().size(), 1u);
}

TEST(Kiwi, ANumberOfMoreThan32BitsIsAFault) {
  const std::string largest("\xFF\xFF\xFF\xFF\x0F", 5), larger("\xFF\xFF\xFF\xFF\x10", 5), longer("\x80\x80\x80\x80\x80\x00", 6);
  EXPECT_EQ(ReaderOf(largest).Uint(), 0xFFFFFFFFu);
  for (const std::string& bytes : {larger, longer}) {
    Reader in = ReaderOf(bytes);
    EXPECT_EQ(in.Uint(), 0u);
    EXPECT_FALSE(in.ok());
  }
}

TEST(Kiwi, TheFirstFaultStaysAndNothingIsLeft) {
  const std::string bytes = "ab";
  Reader in = ReaderOf(bytes);
  EXPECT_EQ(in.String(), "");
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.left(), 0u);
  in.Raw(7);
  EXPECT_EQ(in.Byte(), 0);
  EXPECT_EQ(in.TakeFault().ToString(), "message: a text without its end (at byte 0 of test)");
}

TEST(Kiwi, EveryReadEndsAtTheEnd) {
  for (int which = 0; which < 7; ++which) {
    const std::string bytes = which == 1 ? "\x80" : which == 2 ? "\x81\x82\x83" : "";
    Reader in = ReaderOf(bytes);
    switch (which) {
      case 0: in.Byte(); break;
      case 1: in.Uint(); break;
      case 2: in.Uint64(); break;
      case 3: in.Float(); break;
      case 4: in.SkipFloat(); break;
      case 5: in.String(); break;
      default: in.Raw(UINT64_MAX);
    }
    EXPECT_FALSE(in.ok()) << which;
  }
}

TEST(Kiwi, RawBytesAndTextsAreViews) {
  const std::string bytes("ab\0\0cd", 6);
  Reader in = ReaderOf(bytes);
  EXPECT_EQ(in.String(), "ab");
  EXPECT_EQ(in.String(), "");
  EXPECT_EQ(in.Raw(2).data, BytesOf(bytes).data + 4);
  EXPECT_EQ(in.offset(), 6u);
}

}  // namespace
}  // namespace fig
