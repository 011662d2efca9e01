#include "fig/schema.h"

#include <algorithm>
#include <string>

#include "fig/kiwi.h"

namespace fig {
namespace {

constexpr std::uint32_t kBuiltins = static_cast<std::uint32_t>(Builtin::kDefined);
constexpr std::uint32_t kLargestLeast = 1 << 20;  // larger ones need not be told apart
constexpr std::size_t kSmallestDefinition = 3, kSmallestField = 4;

class Parser {
 public:
  Parser(Bytes bytes, const Budget& budget) : in_(bytes, FaultClass::kSchema, "schema"), budget_(budget) {}

  Outcome<Schema> Parse() {
    const std::uint32_t count = Count(kSmallestDefinition, budget_.schema_definitions);
    schema_.definitions.resize(count);
    for (std::uint32_t i = 0; i < count && in_.ok(); ++i) ReadDefinition(&schema_.definitions[i]);
    if (in_.ok() && in_.left() != 0) in_.Fail("goes on behind its end");
    if (!in_.ok()) return in_.TakeFault();
    FIG_TRY(CheckNames());
    FIG_TRY(FindLeastSizes());
    return std::move(schema_);
  }

 private:
  // A number of things that take at least `smallest` bytes each.
  std::uint32_t Count(std::size_t smallest, std::uint64_t most) {
    const std::uint32_t count = in_.Uint();
    if (count > in_.left() / smallest) {
      return in_.Fail(std::to_string(count) + " of something in " + std::to_string(in_.left()) + " bytes"), 0;
    }
    if (count > most) return in_.FailAs(FaultClass::kBudget, "more than " + std::to_string(most)), 0;
    return count;
  }

  void ReadDefinition(Definition* definition) {
    definition->name = in_.String();
    const std::uint8_t kind = in_.Byte();
    if (kind > static_cast<std::uint8_t>(DefinitionKind::kMessage)) return in_.Fail("an unknown kind of definition");
    definition->kind = static_cast<DefinitionKind>(kind);
    definition->first_field = static_cast<std::uint32_t>(schema_.fields.size());
    definition->field_count = Count(kSmallestField, budget_.schema_fields - schema_.fields.size());
    for (std::uint32_t i = 0; i < definition->field_count && in_.ok(); ++i) ReadField(definition->kind);
  }

  void ReadField(DefinitionKind kind) {
    Field field;
    field.offset = static_cast<std::uint32_t>(in_.offset());
    field.name = in_.String();
    const std::int32_t type = in_.Int();
    field.array = (in_.Byte() & 1) != 0;
    field.id = in_.Uint();
    if (kind != DefinitionKind::kEnum && !SetType(type, &field)) {
      in_.FailWith({FaultClass::kSchema, "field " + Quoted(field.name) + " has type " + std::to_string(type),
                    field.offset, "schema"});
    }
    schema_.fields.push_back(field);
  }

  bool SetType(std::int32_t type, Field* field) const {
    if (type < 0) {
      const auto builtin = static_cast<std::uint32_t>(~type);
      field->type = static_cast<Builtin>(builtin);
      return builtin < kBuiltins;
    }
    field->type = Builtin::kDefined;
    field->definition = static_cast<std::uint32_t>(type);
    return field->definition < schema_.definitions.size();
  }

  Check CheckNames() const {
    std::vector<std::string_view> names;
    names.reserve(schema_.definitions.size());
    for (const Definition& definition : schema_.definitions) names.push_back(definition.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice == names.end()) return Nothing{};
    return Fault{FaultClass::kSchema, "two definitions " + Quoted(*twice), Fault::kNowhere, "schema"};
  }

  // Depth first over structs, which alone are as large as their parts; the stack is our own.
  Check FindLeastSizes();

  struct Visit {
    std::uint32_t definition;
    std::uint32_t next_field = 0;
    std::uint32_t sum = 0;
  };
  enum class Colour : std::uint8_t { kNew, kOpen, kDone };

  Reader in_;
  const Budget& budget_;
  Schema schema_;
};

Check Parser::FindLeastSizes() {
  std::vector<Colour> colours(schema_.definitions.size(), Colour::kDone);
  for (std::size_t i = 0; i < colours.size(); ++i) {
    schema_.definitions[i].least_size = 1;  // an enum's value, a message's end
    if (schema_.definitions[i].kind == DefinitionKind::kStruct) colours[i] = Colour::kNew;
  }
  std::vector<Visit> stack;
  for (std::uint32_t start = 0; start < colours.size(); ++start) {
    if (colours[start] == Colour::kNew) stack.push_back({start});
    while (!stack.empty()) {
      Visit& visit = stack.back();
      Definition& definition = schema_.definitions[visit.definition];
      colours[visit.definition] = Colour::kOpen;
      if (visit.next_field == definition.field_count) {
        definition.least_size = visit.sum;
        colours[visit.definition] = Colour::kDone;
        stack.pop_back();
        continue;
      }
      const Field& field = schema_.fields[definition.first_field + visit.next_field];
      const bool nested = field.type == Builtin::kDefined && !field.array;
      if (nested && colours[field.definition] == Colour::kOpen) {
        return Fault{FaultClass::kSchema, "struct " + Quoted(definition.name) + " contains itself without end",
                     field.offset, "schema"};
      }
      if (nested && colours[field.definition] == Colour::kNew) {
        stack.push_back({field.definition});
        continue;
      }
      visit.sum = std::min(kLargestLeast, visit.sum + (field.array ? 1 : schema_.LeastSize(field)));
      ++visit.next_field;
    }
  }
  return Nothing{};
}

}  // namespace

std::uint32_t Schema::Find(std::string_view name) const {
  for (std::uint32_t i = 0; i < definitions.size(); ++i) {
    if (definitions[i].name == name) return i;
  }
  return kNone;
}

Outcome<Schema> ParseSchema(Bytes bytes, const Budget& budget) { return Parser(bytes, budget).Parse(); }

}  // namespace fig
