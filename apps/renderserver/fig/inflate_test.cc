#include "fig/inflate.h"

#include "fig/testing.h"

namespace fig {
namespace {

// Runs of letters: inflates to a thousand times its size.
std::string Repeated(std::size_t size) { return std::string(size, 'a'); }

std::string Varied(std::size_t size) {
  std::string text;
  for (std::uint32_t state = 1; text.size() < size; state = state * 1664525 + 1013904223) {
    text += static_cast<char>(state >> 24);
  }
  return text;
}

using Function = Outcome<Buffer> (*)(Bytes, InflateBudget*, const std::string&);
struct Method {
  const char* name;
  std::string (*pack)(std::string_view);
  Function unpack;
};
const Method kMethods[] = {
    {"deflate", figgen::Deflate, Inflate},
    {"zstd", [](std::string_view bytes) { return figgen::Zstd(bytes); }, Unzstd},
    {"zstd without a size",
     [](std::string_view bytes) { return figgen::Zstd(bytes, figgen::ZstdSize::kOmitted); }, Unzstd},
};

class EachMethod : public testing::TestWithParam<Method> {
 protected:
  Outcome<Buffer> Unpack(const std::string& packed) {
    InflateBudget inflate(budget_);
    return GetParam().unpack(BytesOf(packed), &inflate, "test");
  }
  Budget budget_;
};
INSTANTIATE_TEST_SUITE_P(Inflate, EachMethod, testing::ValuesIn(kMethods), [](const auto& method) {
  return std::string(1, "dzu"[method.index]);
});

TEST_P(EachMethod, TheSameComesBack) {
  for (const std::string& text : {std::string(), std::string("x"), Varied(100'000), Varied(70'000) + Repeated(700'000)}) {
    const std::string packed = GetParam().pack(text);
    Outcome<Buffer> outcome = Unpack(packed);
    ASSERT_TRUE(outcome.ok()) << outcome.fault().ToString();
    EXPECT_EQ(outcome->view().text(), text);
  }
}

TEST_P(EachMethod, EndsEarly) {
  const std::string packed = GetParam().pack(Varied(5'000));
  for (std::size_t size = 0; size < packed.size(); size += 7) {
    EXPECT_EQ(WordOf(Unpack(packed.substr(0, size))), "compression") << size;
  }
}

TEST_P(EachMethod, TheSizeHasABudget) {
  const std::string packed = GetParam().pack(Varied(100'000));
  budget_.inflated_bytes = 100'000;
  EXPECT_EQ(WordOf(Unpack(packed)), "");
  budget_.inflated_bytes = 99'999;
  const auto unpacked = Unpack(packed);
  ASSERT_FALSE(unpacked.ok());
  EXPECT_EQ(unpacked.fault().kind, FaultClass::kBudget);
  EXPECT_LE(unpacked.fault().offset, packed.size());
}

TEST_P(EachMethod, TheRatioHasABudgetAboveTheFirstMiB) {
  EXPECT_EQ(WordOf(Unpack(GetParam().pack(Repeated(1 << 20)))), "");
  const std::string packed = GetParam().pack(Repeated(4 << 20));
  EXPECT_EQ(WordOf(Unpack(packed)), "budget");
  budget_.inflate_ratio = 100'000;
  EXPECT_EQ(WordOf(Unpack(packed)), "");
}

TEST_P(EachMethod, AllOfAFileHasABudget) {
  const std::string packed = GetParam().pack(Varied(60'000));
  budget_.inflated_total_bytes = 100'000;
  InflateBudget inflate(budget_);
  EXPECT_EQ(WordOf(GetParam().unpack(BytesOf(packed), &inflate, "test")), "");
  EXPECT_EQ(WordOf(GetParam().unpack(BytesOf(packed), &inflate, "test")), "budget");
}

TEST(Inflate, NoZlibHeaderNoOtherNonsense) {
  Budget budget;
  InflateBudget inflate(budget);
  EXPECT_EQ(WordOf(Inflate(BytesOf("\xFF\xFF nonsense"), &inflate, "test")), "compression");
  EXPECT_EQ(WordOf(Unzstd(BytesOf("nonsense"), &inflate, "test")), "compression");
}

TEST(Inflate, AFrameThatLiesAboutItsSize) {
  Budget budget;
  InflateBudget inflate(budget);
  const std::string honest = figgen::Zstd(Varied(300));
  ASSERT_EQ(static_cast<unsigned char>(honest[4]) >> 5, 3) << "two bytes of size, in one segment";
  for (const int change : {-1, 1, 100}) {
    std::string lying = honest;
    lying[5] = static_cast<char>(lying[5] + change);
    EXPECT_EQ(WordOf(Unzstd(BytesOf(lying), &inflate, "test")), "compression") << change;
  }
}

// Blocks are of at most 128 KiB: not to the byte, but near it.
TEST_P(EachMethod, TellsWhereItBreaks) {
  std::string text = Varied(2'000'000);
  for (char& letter : text) letter = static_cast<char>('a' + (letter & 15));  // else it is stored, and any byte will do
  const std::string packed = GetParam().pack(text);
  std::string torn = packed;
  torn.replace(torn.size() * 3 / 4, std::string::npos, std::string(torn.size() - torn.size() * 3 / 4, '\xff'));
  for (const std::string& broken : {torn, packed.substr(0, packed.size() * 3 / 4)}) {
    const Outcome<Buffer> unpacked = Unpack(broken);
    ASSERT_FALSE(unpacked.ok());
    EXPECT_EQ(unpacked.fault().kind, FaultClass::kCompression);
    EXPECT_GT(unpacked.fault().offset, packed.size() / 2) << unpacked.fault().ToString();
    EXPECT_LE(unpacked.fault().offset, packed.size()) << unpacked.fault().ToString();
  }
}

TEST(Inflate, ExactlyAsLongAsTheDirectorySays) {
  Budget budget;
  InflateBudget inflate(budget);
  const std::string packed = figgen::Deflate(Varied(1'000));
  EXPECT_EQ(WordOf(InflateExactly(BytesOf(packed), 1'000, &inflate, "test")), "");
  for (const std::uint64_t size : {0u, 999u, 1'001u}) {
    EXPECT_EQ(WordOf(InflateExactly(BytesOf(packed), size, &inflate, "test")), "compression") << size;
  }
  EXPECT_EQ(WordOf(InflateExactly(BytesOf(packed), 1ull << 40, &inflate, "test")), "budget");
  EXPECT_EQ(WordOf(InflateExactly(BytesOf(figgen::Deflate("")), 0, &inflate, "test")), "");
}

}  // namespace
}  // namespace fig
