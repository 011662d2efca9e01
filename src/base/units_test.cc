#include "base/units.h"

#include <gtest/gtest.h>

#include "base/similar.h"

namespace moat::base {
namespace {

std::string Size(std::string_view text) {
  const auto result = ParseSize(text);
  return result.ok() ? std::to_string(*result) : result.error().ToString();
}

std::string Duration(std::string_view text) {
  const auto result = ParseDuration(text);
  return result.ok() ? std::to_string(*result) : result.error().ToString();
}

TEST(Units, SizesAreExact) {
  EXPECT_EQ(Size("0B"), "0");
  EXPECT_EQ(Size("1K"), "1024");
  EXPECT_EQ(Size("1KiB"), "1024");
  EXPECT_EQ(Size("1M"), "1048576");
  EXPECT_EQ(Size("1.5G"), "1610612736");
  EXPECT_EQ(Size("1.50G"), "1610612736");
  EXPECT_EQ(Size("0.5B"), "`0.5B` is not a whole number of bytes");
  EXPECT_EQ(Size("1.3K"), "`1.3K` is not a whole number of bytes");
  EXPECT_EQ(Size("0.0009765625K"), "1");
  EXPECT_EQ(Size("4294967296B"), "4294967296");
  EXPECT_EQ(Size("0.000000000000000001T"), "`0.000000000000000001T` is not a whole number of bytes");
  EXPECT_EQ(Size("0.0000000000009094947017729282379150390625T"),
            "`0.0000000000009094947017729282379150390625T` is not a whole number of bytes")
      << "2^-40 T is one byte, but nobody writes it with forty digits";
  EXPECT_EQ(Size("9223372036854775807B"), "9223372036854775807");
}

TEST(Units, NoUnitIsGuessed) {
  EXPECT_EQ(Size("4294967296"),
            "`4294967296` has no unit, and none is guessed; write it as `4294967296B` if that is "
            "meant; units are B, K, M, G and T, each 1024 of the one before");
  EXPECT_EQ(Duration("30"),
            "`30` has no unit, and none is guessed; write it as `30s` if that is meant; units are "
            "ns, us, ms, s, m and h");
  EXPECT_EQ(Size("10MB"),
            "`10MB` can mean steps of 1000 or of 1024; write `10M` for 1024, or the exact bytes with `B`");
  EXPECT_EQ(Size("10MBB"),
            "`10MBB`: `MBB` is not a unit of size; units are B, K, M, G and T, each 1024 of the one before");
  EXPECT_EQ(Size("512m"), "`512m`: `m` is not a unit of size; did you mean `M`?");
  EXPECT_EQ(Duration("1min"), "`1min`: `min` is not a unit of duration; units are ns, us, ms, s, m and h");
  EXPECT_EQ(Duration("1h30m"), "`1h30m`: `h30m` is not a unit of duration; units are ns, us, ms, s, m and h");
  EXPECT_EQ(Duration("5S"), "`5S`: `S` is not a unit of duration; did you mean `s`?");
}

TEST(Units, WhatIsNoQuantityIsRefused) {
  EXPECT_EQ(Size(""), "an empty size");
  EXPECT_EQ(Size("-1"), "`-1`: a size cannot be negative");
  EXPECT_EQ(Duration("-1s"), "`-1s`: a duration cannot be negative");
  EXPECT_EQ(Size("+1M"), "`+1M` is not a size");
  EXPECT_EQ(Size(" 1M"), "` 1M` is not a size");
  EXPECT_EQ(Size("1 M"),
            "`1 M`: ` M` is not a unit of size; units are B, K, M, G and T, each 1024 of the one before");
  EXPECT_EQ(Size(".5M"), "`.5M` is not a size");
  EXPECT_EQ(Size("5.M"), "`5.M` is not a size");
  EXPECT_EQ(Size("0x10M"),
            "`0x10M`: `x10M` is not a unit of size; units are B, K, M, G and T, each 1024 of the one before");
  EXPECT_EQ(Size("1e3M"),
            "`1e3M`: `e3M` is not a unit of size; units are B, K, M, G and T, each 1024 of the one before");
}

TEST(Units, WhatDoesNotFitIsRefused) {
  EXPECT_EQ(Size("18446744073709551616B"), "`18446744073709551616B` is too large a size");
  EXPECT_EQ(Size("9223372036854775808B"), "`9223372036854775808B` is too large a size");
  EXPECT_EQ(Size("8388608T"), "`8388608T` is too large a size");
  EXPECT_EQ(Size("8388607T"), "9223370937343148032");
  EXPECT_EQ(Size("99999999999999999999999999999999999999999999T"),
            "`99999999999999999999999999999999999999999999T` is too large a size");
  EXPECT_EQ(Duration("9223372036854775807ns"), "9223372036854775807");
  EXPECT_EQ(Duration("2562048h"), "`2562048h` is too large a duration");
}

TEST(Units, DurationsAreExact) {
  EXPECT_EQ(Duration("0s"), "0");
  EXPECT_EQ(Duration("1.5h"), "5400000000000");
  EXPECT_EQ(Duration("10m"), "600000000000");
  EXPECT_EQ(Duration("1.0000000001s"), "`1.0000000001s` is not a whole number of nanoseconds");
  EXPECT_EQ(Duration("20us"), "20000");
}

TEST(Units, ShortestFormReadsBack) {
  EXPECT_EQ(FormatSize(0), "0B");
  EXPECT_EQ(FormatSize(1 << 20), "1M");
  EXPECT_EQ(FormatSize((1 << 20) + 1), "1048577B");
  EXPECT_EQ(FormatSize(1536), "1536B");
  EXPECT_EQ(FormatDuration(0), "0s");
  EXPECT_EQ(FormatDuration(600'000'000'000), "10m");
  EXPECT_EQ(FormatDuration(90'000'000'000), "90s");
  EXPECT_EQ(FormatDuration(1), "1ns");
  for (const std::uint64_t value : {1ULL, 1023ULL, 1024ULL, 3ULL << 40, ~0ULL >> 1}) {
    EXPECT_EQ(*ParseSize(FormatSize(value)), value);
    EXPECT_EQ(*ParseDuration(FormatDuration(static_cast<std::int64_t>(value))),
              static_cast<std::int64_t>(value));
  }
}

TEST(Units, Numbers) {
  EXPECT_EQ(*ParseCount("64"), 64u);
  EXPECT_FALSE(ParseCount("1.5").ok());
  EXPECT_FALSE(ParseCount("64K").ok());
  EXPECT_FALSE(ParseCount("18446744073709551616").ok());
  EXPECT_EQ(*ParseDecimal("0.1"), 0.1);
  EXPECT_FALSE(ParseDecimal("1.").ok());
  EXPECT_FALSE(ParseDecimal("1234567890.1234567890").ok());
  EXPECT_EQ(FormatDecimal(0.5), "0.5");
  EXPECT_EQ(FormatDecimal(12.0), "12");
}

TEST(Similar, NearWordsOnly) {
  const std::vector<std::string> words = {"memory", "wall", "output_files", "cpu", "cpus"};
  EXPECT_EQ(Closest("memmory", words), "memory");
  EXPECT_EQ(Closest("memroy", words), "memory");
  EXPECT_EQ(Closest("output-files", words), "output_files");
  EXPECT_EQ(Closest("wal", words), "wall");
  EXPECT_EQ(Closest("cpu", words), "cpu");
  EXPECT_EQ(Closest("zebra", words), "");
  EXPECT_EQ(Closest("", words), "");
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

}  // namespace
}  // namespace moat::base
