#include "fig/decode_message.h"

#include "fig/testing.h"

namespace fig {
namespace {

using figgen::KiwiWriter;
using figgen::List;
using figgen::Object;

// A message by a schema of a few words; `bytes` are what follows.
class Case {
 public:
  explicit Case(std::string_view schema) : encoded_(figgen::EncodeSchema(figgen::ParseSchemaText(schema))) {}

  Outcome<Message> Decode(std::string bytes) {
    bytes_ = std::move(bytes);
    auto schema = ParseSchema(BytesOf(encoded_), budget);
    if (!schema.ok()) return std::move(schema.fault());
    return DecodeMessage(schema.value(), BytesOf(bytes_), budget);
  }
  std::string Word(std::string bytes) { return WordOf(Decode(std::move(bytes))); }

  Budget budget;

 private:
  std::string encoded_, bytes_;
};

std::string Many(std::size_t count, std::string_view bytes) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += bytes;
  return all;
}

constexpr std::string_view kNul("\0", 1);

TEST(DecodeMessage, NothingAtAll) {
  Case each("message Message { uint a }");
  EXPECT_EQ(each.Word(std::string(kNul)), "");
  EXPECT_EQ(each.Word(""), "message");
  EXPECT_EQ(each.Word(std::string(2, '\0')), "message") << "goes on behind its end";
  EXPECT_EQ(each.Word("\x02"), "message") << "an unknown field";
  EXPECT_EQ(Case("message Massage { uint a }").Word(""), "schema");
  EXPECT_EQ(Case("struct Message { uint a }").Word(""), "schema");
}

TEST(DecodeMessage, SkipsEveryType) {
  Case each(R"(enum E { A } struct S { uint u  string s } message T { S s  T t }
    message Message { bool a  byte b  int c  uint d  float e  string f  int64 g  uint64 h  E i  S j  T k
                      bool[] l  byte[] m  int[] n  float[] o  string[] p  uint64[] q  E[] r  S[] s  T[] t  uint last })");
  KiwiWriter out;
  std::uint32_t id = 0;
  const auto field = [&] { out.Uint(++id); };
  const auto structure = [&] { out.Uint(300), out.String("text"); };
  const auto message = [&] { out.Uint(1), structure(), out.Uint(2), out.Uint(0), out.Uint(0); };
  field(), out.Byte(1), field(), out.Byte(2), field(), out.Int(-300), field(), out.Uint(300);
  field(), out.Float(1.5f), field(), out.String("text"), field(), out.Int64(-5), field(), out.Uint64(UINT64_MAX);
  field(), out.Uint(7), field(), structure(), field(), message();
  field(), out.Uint(2), out.Raw("ab"), field(), out.Uint(3), out.Raw("abc");
  field(), out.Uint(2), out.Int(1), out.Int(-1000), field(), out.Uint(2), out.Float(0), out.Float(2);
  field(), out.Uint(2), out.String(""), out.String("x"), field(), out.Uint(1), out.Uint64(1ull << 60);
  field(), out.Uint(2), out.Uint(0), out.Uint(400), field(), out.Uint(2), structure(), structure();
  field(), out.Uint(2), message(), message(), field(), out.Uint(1), out.Uint(0);
  EXPECT_EQ(TextOf(each.Decode(out.bytes())), "");
  for (std::size_t size = 0; size < out.bytes().size(); ++size) {
    EXPECT_EQ(each.Word(out.bytes().substr(0, size)), "message") << size;
  }
}

TEST(DecodeMessage, NodesKnowWhereTheyBegin) {
  Case each("message NodeChange { string name  uint other } message Message { uint first  NodeChange[] nodeChanges }");
  const auto message = each.Decode(std::string("\1\7" "\2\2" "\1" "a\0" "\2\5\0" "\1" "b\0\0" "\0", 15));
  ASSERT_TRUE(message.ok()) << message.fault().ToString();
  ASSERT_EQ(message.value().nodes.size(), 2u);
  EXPECT_EQ(message.value().nodes[0].offset, 4u);
  EXPECT_EQ(message.value().nodes[1].offset, 10u);
  EXPECT_EQ(NodeChange().offset, Fault::kNowhere) << "one that was in no message";
}

TEST(DecodeMessage, DepthHasABudget) {
  Case each("message Message { Message m  Message[] n }");
  const auto nested = [](std::size_t depth, std::string_view open) {
    return Many(depth - 1, open) + std::string(depth, '\0');
  };
  each.budget.kiwi_depth = 64;
  for (const std::string_view open : {"\x01", "\x02\x01"}) {
    EXPECT_EQ(each.Word(nested(64, open)), "");
    EXPECT_EQ(each.Word(nested(65, open)), "budget");
    EXPECT_EQ(each.Word(nested(1'000'000, open)), "budget");
  }
}

TEST(DecodeMessage, BoundObjectsHaveTheSameDepth) {
  Case each("message NodeChange { NodeChange[] derivedSymbolData } message Message { NodeChange[] nodeChanges }");
  EXPECT_EQ(each.Word(Many(63, "\x01\x01") + std::string(64, '\0')), "");
  EXPECT_EQ(each.Word(Many(64, "\x01\x01") + std::string(65, '\0')), "budget");
}

TEST(DecodeMessage, ArraysAreNoLongerThanTheirBytes) {
  Case each(R"(struct P { uint x  uint y } message Message { uint[] u  P[] p  byte[] b  Message[] m })");
  for (const std::string_view id : {"\x01", "\x02", "\x03", "\x04"}) {
    const std::string huge = std::string(id) + "\xFF\xFF\xFF\xFF\x0F";
    EXPECT_EQ(TextOf(each.Decode(huge + "abc")).substr(0, 8), "message:");
  }
  EXPECT_EQ(TextOf(each.Decode("\x02\x02" "abc")), "message: array of 2 elements in 3 bytes (at byte 2 of message)");
}

TEST(DecodeMessage, ElementsWithoutBytesAreRefused) {
  Case each("struct Z { } struct Y { Z z } message Message { Z[] a  Y[] b  Z c  Y d }");
  for (const std::string id : {"\x01", "\x02"}) {
    EXPECT_EQ(each.Word(id + "\xFF\xFF\xFF\xFF\x0F"), "message");
    EXPECT_EQ(each.Word(id + "\x01" + std::string(10, '\0')), "message");
    EXPECT_EQ(each.Word(id + std::string(2, '\0')), "") << "none of them is fine";
  }
  EXPECT_EQ(each.Word("\x03\x04" + std::string(1, '\0')), "") << "single ones too";
}

// Each struct twice in the next: 2^40 of the innermost, of no bytes.
TEST(DecodeMessage, StructsWithoutBytesTakeNoTime) {
  std::string text = "struct S0 { } ";
  for (int i = 1; i <= 40; ++i) {
    const std::string below = "S" + std::to_string(i - 1);
    text += "struct S" + std::to_string(i) + " { " + below + " a " + below + " b } ";
  }
  EXPECT_EQ(Case(text + "message Message { S40 s }").Word("\x01" + std::string(1, '\0')), "");
  EXPECT_EQ(Case(text + "struct T { S40 s  byte b } message Message { T[] t }").Word("\x01\x03" "abc" + std::string(1, '\0')), "");
}

TEST(DecodeMessage, NoMoreObjectsThanBytes) {
  std::string text = "struct S0 { byte b } ";
  for (int i = 1; i <= 50; ++i) text += "struct S" + std::to_string(i) + " { S" + std::to_string(i - 1) + " s } ";
  Case each(text + "message Message { S50[] s  byte[] b }");
  KiwiWriter out;
  out.Uint(1), out.Uint(5'000), out.Raw(std::string(5'000, 'x')), out.Uint(0);
  EXPECT_EQ(each.Word(out.bytes()), "budget");
}

TEST(DecodeMessage, NodesHaveABudget) {
  Case each("message NodeChange { uint x } message Message { NodeChange[] nodeChanges }");
  each.budget.nodes = 5;
  EXPECT_EQ(each.Word("\x01\x05" + std::string(6, '\0')), "");
  EXPECT_EQ(each.Word("\x01\x06" + std::string(7, '\0')), "budget");
}

TEST(DecodeMessage, WhatIsKeptHasABudget) {
  Case each(R"(message NodeChange { NodeChange[] derivedSymbolData  string name  float[] dashPattern }
    struct Blob { byte[] bytes } message Message { NodeChange[] nodeChanges  Blob[] blobs })");
  each.budget.decoded_bytes = 1 << 20;
  KiwiWriter nested, texts, floats, blobs;
  nested.Raw("\x01\x01\x01"), nested.Uint(3'000), nested.Raw(std::string(3'002, '\0'));
  EXPECT_EQ(each.Word(nested.bytes()), "budget") << "a node is hundreds of bytes";
  texts.Raw("\x01\x01");
  for (int i = 0; i < 3; ++i) texts.Raw("\x02"), texts.String(std::string(500'000, 'x'));
  texts.Raw(std::string(2, '\0'));
  EXPECT_EQ(each.Word(texts.bytes()), "budget") << "also when the next replaces the last";
  floats.Raw("\x01\x01\x03"), floats.Uint(300'000), floats.Raw(std::string(300'002, '\0'));
  EXPECT_EQ(each.Word(floats.bytes()), "budget") << "a zero is one byte there and four here";
  blobs.Raw("\x02"), blobs.Uint(100'000), blobs.Raw(std::string(100'001, '\0'));
  EXPECT_EQ(each.Word(blobs.bytes()), "budget");
  each.budget = Budget{};
  for (const auto& bytes : {nested.bytes(), texts.bytes(), floats.bytes(), blobs.bytes()}) EXPECT_EQ(each.Word(bytes), "");
}

TEST(DecodeMessage, ObjectsThatReplaceEachOtherHaveABudget) {
  Case each(R"(message TextData { string characters } message NodeChange { TextData textData }
    message Message { NodeChange[] nodeChanges })");
  each.budget.decoded_bytes = 1 << 20;
  const std::string texts = Many(20'000, std::string("\x01\0", 2));
  EXPECT_EQ(each.Word("\x01\x01" + texts + std::string(2, '\0')), "budget");
  each.budget = Budget{};
  EXPECT_EQ(each.Word("\x01\x01" + texts + std::string(2, '\0')), "");
}

TEST(DecodeMessage, TheLastOfAFieldHolds) {
  Case each("message NodeChange { string name  float[] dashPattern } message Message { NodeChange[] nodeChanges }");
  KiwiWriter out;
  out.Raw("\x01\x01");
  out.Uint(1), out.String("first"), out.Uint(2), out.Uint(2), out.Float(1), out.Float(2);
  out.Uint(1), out.String("last"), out.Uint(2), out.Uint(1), out.Float(3);
  out.Raw(std::string(2, '\0'));
  auto message = each.Decode(out.bytes());
  ASSERT_TRUE(message.ok()) << message.fault().ToString();
  ASSERT_EQ(message->nodes.size(), 1u);
  EXPECT_EQ(message->nodes[0].name, "last");
  EXPECT_EQ(message->nodes[0].dash_pattern, std::vector<float>{3});
}

// Other numbers, other orders, more values: what counts is the name.
TEST(DecodeMessage, FieldsAreBoundByName) {
  Case each(R"(enum NodeType { LATER TEXT FRAME } struct Vector { uint new  float y  float x }
    message NodeChange { uint pad  Vector size  NodeType type  bool visible } message Message { NodeChange[] nodeChanges })");
  KiwiWriter out;
  out.Raw("\x01\x03");
  out.Uint(2), out.Uint(9), out.Float(2), out.Float(1), out.Uint(3), out.Uint(2), out.Uint(4), out.Byte(0), out.Uint(0);
  out.Uint(3), out.Uint(0), out.Uint(0);
  out.Uint(3), out.Uint(4711), out.Uint(0);
  out.Uint(0);
  auto message = each.Decode(out.bytes());
  ASSERT_TRUE(message.ok()) << message.fault().ToString();
  const auto& nodes = message->nodes;
  ASSERT_EQ(nodes.size(), 3u);
  EXPECT_EQ(nodes[0].size->x, 1);
  EXPECT_EQ(nodes[0].size->y, 2);
  EXPECT_EQ(nodes[0].type, NodeType::kFrame);
  EXPECT_EQ(nodes[0].visible, false);
  EXPECT_FALSE(nodes[0].opacity.has_value());
  EXPECT_EQ(nodes[1].type, NodeType::kOther) << "a value that we do not know";
  EXPECT_EQ(nodes[2].type, NodeType::kOther) << "a value that the schema does not know";
}

TEST(DecodeMessage, AKnownNameOfAnotherTypeIsAFault) {
  for (const char* field : {"string opacity", "float[] opacity", "uint opacity", "float name", "bool[] visible", "uint type",
                            "NodeChange size", "float size", "Point[] size", "Point type", "float dashPattern"}) {
    const std::string schema = "struct Point { float x  float y } message NodeChange { " + std::string(field) +
                               " } message Message { NodeChange[] nodeChanges }";
    const bool fits = std::string(field) == "NodeChange size";  // any object will do; its fields are looked at in turn
    EXPECT_EQ(Case(schema).Word("\x01\x01" + std::string(2, '\0')), fits ? "" : "schema") << field;
  }
  EXPECT_EQ(Case("message Message { string nodeChanges }").Word(std::string(1, '\0')), "schema");
}

TEST(DecodeMessage, NumbersOfFieldsAreUnique) {
  for (const unsigned id : {0u, 1u}) {
    figgen::SchemaTable table = figgen::ParseSchemaText("message Message { uint a  uint b }");
    table.definitions[0].fields[1].id = id;
    const std::string encoded = figgen::EncodeSchema(table);
    auto schema = ParseSchema(BytesOf(encoded), Budget{});
    ASSERT_TRUE(schema.ok());
    EXPECT_EQ(WordOf(DecodeMessage(schema.value(), BytesOf(std::string(1, '\0')), Budget{})), "schema") << id;
  }
}

TEST(DecodeMessage, LargeNumbersOfFields) {
  figgen::SchemaTable table = figgen::ParseSchemaText("message Message { uint a  uint b  uint c }");
  table.definitions[0].fields[0].id = 0xFFFFFFFF;
  table.definitions[0].fields[1].id = 4'096;
  const std::string encoded = figgen::EncodeSchema(table);
  auto schema = ParseSchema(BytesOf(encoded), Budget{});
  ASSERT_TRUE(schema.ok());
  for (const std::uint32_t id : {0xFFFFFFFFu, 4'096u, 3u}) {
    KiwiWriter out;
    out.Uint(id), out.Uint(7), out.Uint(0);
    EXPECT_EQ(WordOf(DecodeMessage(schema.value(), BytesOf(out.bytes()), Budget{})), "") << id;
  }
  KiwiWriter out;
  out.Uint(4'095), out.Uint(7), out.Uint(0);
  EXPECT_EQ(WordOf(DecodeMessage(schema.value(), BytesOf(out.bytes()), Budget{})), "message");
}

}  // namespace
}  // namespace fig
