#include "fig/schema.h"

#include "fig/testing.h"

namespace fig {
namespace {

using figgen::KiwiWriter;

std::string SchemaWord(const std::string& bytes, const Budget& budget = {}) {
  return WordOf(ParseSchema(BytesOf(bytes), budget));
}
std::string Encoded(std::string_view text) { return figgen::EncodeSchema(figgen::ParseSchemaText(text)); }

std::uint32_t LeastSize(std::string_view text, std::string_view name) {
  const std::string bytes = Encoded(text);
  auto schema = ParseSchema(BytesOf(bytes), Budget{});
  return schema.ok() ? schema->definitions[schema->Find(name)].least_size : 999;
}

TEST(Schema, DefinitionsAndFields) {
  const std::string bytes = Encoded("enum E { A B } struct S { E e  float[] f } message M { S s  M m }");
  auto schema = ParseSchema(BytesOf(bytes), Budget{});
  ASSERT_TRUE(schema.ok()) << schema.fault().ToString();
  ASSERT_EQ(schema->definitions.size(), 3u);
  EXPECT_EQ(schema->Find("S"), 1u);
  EXPECT_EQ(schema->Find("T"), Schema::kNone);
  const Definition& message = schema->definitions[2];
  EXPECT_EQ(message.kind, DefinitionKind::kMessage);
  ASSERT_EQ(message.field_count, 2u);
  const Field& self = schema->fields[message.first_field + 1];
  EXPECT_EQ(self.name, "m");
  EXPECT_EQ(self.definition, 2u);
  EXPECT_EQ(self.id, 2u);
  const Field& floats = schema->fields[schema->definitions[1].first_field + 1];
  EXPECT_TRUE(floats.array);
  EXPECT_EQ(floats.type, Builtin::kFloat);
}

TEST(Schema, TheFewestBytesOfAValue) {
  EXPECT_EQ(LeastSize("enum E { A } message M { uint u } struct S { E e  M m  M[] n  uint64 u }", "S"), 4u);
  EXPECT_EQ(LeastSize("struct A { B b  B c } struct B { float x  float y }", "A"), 4u);
  EXPECT_EQ(LeastSize("struct A { B b } struct B { C c } struct C { }", "A"), 0u);
  std::string doubling = "struct S0 { byte b } ";
  for (int i = 1; i < 40; ++i) {
    const std::string below = "S" + std::to_string(i - 1);
    doubling += "struct S" + std::to_string(i) + " { " + below + " a " + below + " b } ";
  }
  EXPECT_GE(LeastSize(doubling, "S39"), 1u << 20) << "and not what is left of a number that is too large";
}

TEST(Schema, AStructWithoutEndIsAFault) {
  EXPECT_EQ(SchemaWord(Encoded("struct S { S s }")), "schema");
  EXPECT_EQ(SchemaWord(Encoded("struct A { uint u  B b } struct B { C c } struct C { A a }")), "schema");
  EXPECT_EQ(SchemaWord(Encoded("struct S { S[] s }")), "");
  EXPECT_EQ(SchemaWord(Encoded("struct S { M m } message M { S s }")), "");
}

TEST(Schema, ALongChainOfStructsNeedsNoStack) {
  std::string text;
  for (int i = 0; i < 3'000; ++i) {
    text += "struct S" + std::to_string(i) + " { S" + std::to_string(i + 1) + " s } ";
  }
  EXPECT_EQ(SchemaWord(Encoded(text + "struct S3000 { byte b }")), "");
}

// uint count; each: text, kind, uint count; each: text, int type, is array, uint id
std::string OneField(int kind, int type, unsigned definitions = 1, unsigned fields = 1) {
  KiwiWriter out;
  out.Uint(definitions);
  out.String("M");
  out.Byte(static_cast<std::uint8_t>(kind));
  out.Uint(fields);
  out.String("f");
  out.Int(type);
  out.Byte(0);
  out.Uint(1);
  return out.bytes();
}

TEST(Schema, NumbersOutOfRange) {
  EXPECT_EQ(SchemaWord(OneField(2, 0)), "");
  EXPECT_EQ(SchemaWord(OneField(3, 0)), "schema") << "kind";
  EXPECT_EQ(SchemaWord(OneField(2, 1)), "schema") << "definition";
  EXPECT_EQ(SchemaWord(OneField(2, INT32_MAX)), "schema") << "definition";
  EXPECT_EQ(SchemaWord(OneField(2, -8)), "") << "the last primitive";
  EXPECT_EQ(SchemaWord(OneField(2, -9)), "schema") << "no primitive";
  EXPECT_EQ(SchemaWord(OneField(2, INT32_MIN)), "schema") << "no primitive";
  EXPECT_EQ(SchemaWord(OneField(0, 4711)), "") << "an enum's values have no type";
  EXPECT_EQ(SchemaWord(OneField(2, 0, 2)), "schema") << "one definition of two";
  EXPECT_EQ(SchemaWord(OneField(2, 0, 0xFFFFFFFF)), "schema") << "definitions";
  EXPECT_EQ(SchemaWord(OneField(2, 0, 1, 2)), "schema") << "one field of two";
  EXPECT_EQ(SchemaWord(OneField(2, 0, 1, 0xFFFFFFFF)), "schema") << "fields";
  EXPECT_EQ(SchemaWord(OneField(2, 0) + "x"), "schema") << "goes on";
  EXPECT_EQ(SchemaWord(Encoded("enum E { A } enum E { B }")), "schema") << "a name twice";
}

TEST(Schema, CutOffAnywhere) {
  const std::string bytes = figgen::EncodeSchema(figgen::OwnSchema());
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_EQ(SchemaWord(bytes.substr(0, size)), "schema") << size;
}

TEST(Schema, CountsHaveBudgets) {
  const std::string bytes = Encoded("struct A { uint a  uint b } struct B { uint c }");
  Budget budget;
  budget.schema_definitions = 2;
  budget.schema_fields = 3;
  EXPECT_EQ(SchemaWord(bytes, budget), "");
  budget.schema_fields = 2;
  EXPECT_EQ(SchemaWord(bytes, budget), "budget");
  budget.schema_fields = 3;
  budget.schema_definitions = 1;
  EXPECT_EQ(SchemaWord(bytes, budget), "budget");
}

TEST(Schema, TheFaultSaysWhere) {
  const std::string bytes = OneField(2, 1);
  EXPECT_EQ(TextOf(ParseSchema(BytesOf(bytes), Budget{})), "schema: field \"f\" has type 1 (at byte 5 of schema)");
}

}  // namespace
}  // namespace fig
