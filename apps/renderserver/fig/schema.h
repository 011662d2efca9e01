// The schema that each file carries: which fields its message may have, under which numbers.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "fig/budget.h"
#include "fig/bytes.h"
#include "fig/fault.h"

namespace fig {

enum class DefinitionKind : std::uint8_t { kEnum = 0, kStruct = 1, kMessage = 2 };

// What a field holds: a primitive, or (kDefined) what a definition says.
enum class Builtin : std::uint8_t { kBool, kByte, kInt, kUint, kFloat, kString, kInt64, kUint64, kDefined };

struct Field {
  std::string_view name;
  Builtin type = Builtin::kBool;
  std::uint32_t definition = 0;  // of kDefined: an index, in range
  bool array = false;
  std::uint32_t id = 0;          // of an enum: the value
  std::uint32_t offset = 0;      // in the schema
};

struct Definition {
  std::string_view name;
  DefinitionKind kind = DefinitionKind::kEnum;
  std::uint32_t first_field = 0, field_count = 0;
  // The fewest bytes that a value takes, capped. 0: a struct without fields, or of nothing but those.
  std::uint32_t least_size = 0;
};

// Checked: types are in range, no struct contains itself without end, names of definitions are
// unique. Whether ids are is known when a definition is used (plan.h). Views into the bytes it is from.
struct Schema {
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::vector<Definition> definitions;
  std::vector<Field> fields;

  std::uint32_t Find(std::string_view name) const;  // kNone: there is none
  // The fewest bytes that one value, or one element of an array, of a field takes.
  std::uint32_t LeastSize(const Field& field) const {
    return field.type == Builtin::kDefined ? definitions[field.definition].least_size : 1;
  }
};

Outcome<Schema> ParseSchema(Bytes bytes, const Budget& budget);

}  // namespace fig
