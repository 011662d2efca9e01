#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/sha256_blocks.h"

namespace moat::base {
namespace {

// FIPS 180-4 examples and the NIST example of a million letters.
TEST(Sha256, NistVectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
                      "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// NIST CAVP, SHA256ShortMsg: one and four bytes.
TEST(Sha256, ShortVectors) {
  EXPECT_EQ(Sha256Hex("\xd3"), "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1");
  EXPECT_EQ(Sha256Hex("\x74\xba\x25\x21"), "b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e");
}

// Where the padding begins matters: each length around the end of a block, cut everywhere.
TEST(Sha256, PiecesMakeNoDifference) {
  for (std::size_t length = 0; length <= 130; ++length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text += static_cast<char>(i * 7 + length);
    const std::string whole = Sha256Hex(text);
    for (std::size_t cut = 0; cut <= length; ++cut) {
      Sha256 hash;
      hash.Update(std::string_view(text).substr(0, cut));
      hash.Update(std::string_view(text).substr(cut));
      ASSERT_EQ(hash.Hex(), whole) << length << " cut at " << cut;
    }
  }
}

TEST(Sha256, BothFormsAgree) {
  if (!HasShaInstructions()) return;  // then there is one form only
  std::vector<std::uint8_t> bytes(64 * 1000);
  std::uint32_t seed = 1;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  Sha256State plain = {1, 2, 3, 4, 5, 6, 7, 8}, fast = plain;
  for (std::size_t block = 0; block + 3 < 1000; block += 3) {
    CompressPlain(plain, &bytes[64 * block], block % 4);
    CompressFast(fast, &bytes[64 * block], block % 4);
    ASSERT_EQ(plain, fast) << block;
  }
}

TEST(Sha256, ZerosCountLikeBytes) {
  Sha256 hash;
  hash.Update("x");
  hash.UpdateZeros(10000);
  EXPECT_EQ(hash.Hex(), Sha256Hex("x" + std::string(10000, '\0')));
}

}  // namespace
}  // namespace moat::base
