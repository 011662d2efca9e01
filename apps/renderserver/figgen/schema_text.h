// Schemas as text, in kiwi's own notation without numbers: they are counted, from 1 in messages and
// from 0 in enums.
//
//   enum Kind { RECTANGLE ELLIPSE }
//   struct Point { float x  float y }
//   message Shape { Kind kind  Point[] points  byte[] blob }
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace figgen {

struct SchemaField {
  std::string name;
  std::int32_t type = 0;  // >= 0: a definition; < 0: ~type is a primitive
  bool array = false;
  std::uint32_t id = 0;
};

struct SchemaDefinition {
  enum class Kind : std::uint8_t { kEnum, kStruct, kMessage };
  std::string name;
  Kind kind = Kind::kEnum;
  std::vector<SchemaField> fields;

  const SchemaField* Find(std::string_view field) const;  // null: none
};

// As in the file: bool byte int uint float string int64 uint64.
enum class Primitive : std::uint8_t { kBool, kByte, kInt, kUint, kFloat, kString, kInt64, kUint64 };

struct SchemaTable {
  std::vector<SchemaDefinition> definitions;

  const SchemaDefinition* Find(std::string_view name) const;  // null: none
};

// Throws std::invalid_argument: texts are part of the program.
SchemaTable ParseSchemaText(std::string_view text);

std::string EncodeSchema(const SchemaTable& schema);

// The schema of all samples: what a design file says that is drawn, and some that is not.
const SchemaTable& OwnSchema();

}  // namespace figgen
