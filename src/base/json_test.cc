#include "base/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace moat::base {
namespace {

using nlohmann::json;

std::string Written(std::string_view bytes) {
  JsonWriter writer;
  writer.Text(bytes);
  return std::move(writer).Take();
}

std::string Decoded(const std::string& text) {
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    if (c == '=') break;
    group = group << 6 | static_cast<std::uint32_t>(alphabet.find(c));
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 0xff);
  }
  return bytes;
}

std::string ReadBack(const json& value) {
  return value.is_string() ? value.get<std::string>() : Decoded(value.at("base64").get<std::string>());
}

TEST(Base64, VectorsOfTheRfc) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(JsonWriter, LaysOut) {
  JsonWriter writer;
  writer.BeginObject().Key("a").Number(1).Key("b").BeginArray().Signed(-2).Bool(true).Null().EndArray();
  writer.Key("c").BeginArray().EndArray().Key("d").BeginObject().EndObject().EndObject();
  EXPECT_EQ(std::move(writer).Take(),
            "{\n  \"a\": 1,\n  \"b\": [\n    -2,\n    true,\n    null\n  ],\n  \"c\": [],\n  \"d\": {}\n}\n");
}

TEST(JsonWriter, NumbersToTheirEnds) {
  JsonWriter writer;
  writer.BeginArray().Number(std::numeric_limits<std::uint64_t>::max());
  writer.Signed(std::numeric_limits<std::int64_t>::min()).EndArray();
  const json read = json::parse(std::move(writer).Take());
  EXPECT_EQ(read[0].get<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read[1].get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
}

TEST(JsonWriter, TextIsInertInATerminal) {
  EXPECT_EQ(Written("a\n\x1b]52;c;x\x07"), "\"a\\n\\u001b]52;c;x\\u0007\"\n");
  EXPECT_EQ(Written("\x7f\xc2\x9b\xe2\x80\xae"), "\"\\u007f\\u009b\\u202e\"\n");
  EXPECT_EQ(Written("\xf3\xa0\x81\x81"), "\"\\udb40\\udc41\"\n");  // a tag character, as a pair
  EXPECT_EQ(Written("##vso[x]"), "\"#\\u0023vso[x]\"\n");
}

TEST(JsonWriter, OtherBytesSayThatTheyAre) {
  const json read = json::parse(Written("a\xff\n"));
  EXPECT_EQ(read.at("base64"), "Yf8K");
  EXPECT_EQ(read.at("printable"), "a\\xff\\x0a");
  // A guest that writes such an object as a name gets a string.
  EXPECT_TRUE(json::parse(Written("{\"base64\": \"Yf8K\"}")).is_string());
}

TEST(JsonWriter, EveryBytePairReadsBack) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      ASSERT_EQ(ReadBack(json::parse(Written(text))), text) << a << ' ' << b;
    }
  }
}

TEST(JsonWriter, AnyBytesReadBackAndNoneIsRaw) {
  const bool holds = rc::check("bytes -> JSON -> bytes", [](const std::vector<std::uint8_t>& bytes) {
    const std::string text(bytes.begin(), bytes.end());
    const std::string written = Written(text);
    RC_ASSERT(ReadBack(json::parse(written)) == text);
    RC_ASSERT(json::parse(written).is_string() == IsUtf8(text));
    RC_ASSERT(IsUtf8(written));
    for (const char c : written) RC_ASSERT(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  });
  EXPECT_TRUE(holds);
}

TEST(JsonWriter, AnyCharactersReadBackAndNoneIsTreacherous) {
  const bool holds = rc::check("UTF-8 -> JSON -> UTF-8", [](const std::vector<std::uint32_t>& codes) {
    std::string text;
    for (const std::uint32_t code : codes) {
      const std::uint32_t c = 0x10000 + code % 0x100000;  // four bytes each: the pairs are what is tried
      for (const std::uint32_t byte : {0xf0 | c >> 18, 0x80 | (c >> 12 & 63), 0x80 | (c >> 6 & 63), 0x80 | (c & 63)}) {
        text += static_cast<char>(byte);
      }
    }
    const std::string written = Written(text);
    RC_ASSERT(json::parse(written).get<std::string>() == text);
    for (std::string_view rest = written; !rest.empty();) {
      const Character character = DecodeUtf8(rest);
      RC_ASSERT(character.code == '\n' || !IsTreacherous(character.code));
      rest.remove_prefix(character.length);
    }
  });
  EXPECT_TRUE(holds);
}

}  // namespace
}  // namespace moat::base
