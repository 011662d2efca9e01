#include "figgen/schema_text.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "figgen/kiwi_writer.h"

namespace figgen {
namespace {

constexpr std::array<std::string_view, 8> kPrimitives = {"bool",  "byte",   "int",   "uint",
                                                         "float", "string", "int64", "uint64"};
constexpr std::array<std::string_view, 3> kKinds = {"enum", "struct", "message"};

[[noreturn]] void Wrong(const std::string& what) { throw std::invalid_argument("schema: " + what); }

std::vector<std::string> Words(std::string_view text) {
  constexpr std::string_view kSpace = " \n\t";
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(kSpace); at != text.npos;) {
    const std::size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kSpace, end);
  }
  return words;
}

template <std::size_t kSize>
int IndexOf(const std::array<std::string_view, kSize>& all, std::string_view word) {
  const auto at = std::find(all.begin(), all.end(), word);
  return at == all.end() ? -1 : static_cast<int>(at - all.begin());
}

using Word = std::vector<std::string>::const_iterator;

// `Point[] points`; the type is looked up when all definitions are known.
struct Unresolved {
  std::size_t definition;
  std::size_t field;
  std::string type;
};

// From `enum NAME {` to behind the `}`.
Word ReadDefinition(Word at, Word end, SchemaTable* schema, std::vector<Unresolved>* types) {
  SchemaDefinition definition;
  const int kind = IndexOf(kKinds, *at);
  if (kind < 0 || end - at < 3 || at[2] != "{") Wrong("no definition at " + *at);
  definition.kind = static_cast<SchemaDefinition::Kind>(kind);
  definition.name = at[1];
  const bool is_enum = definition.kind == SchemaDefinition::Kind::kEnum;
  for (at += 3; at != end && *at != "}"; ++at) {
    SchemaField field;
    if (!is_enum) types->push_back({schema->definitions.size(), definition.fields.size(), *at++});
    if (at == end) break;
    field.name = *at;
    field.id = static_cast<std::uint32_t>(definition.fields.size() + (is_enum ? 0 : 1));
    definition.fields.push_back(std::move(field));
  }
  if (at == end) Wrong("no end of " + definition.name);
  schema->definitions.push_back(std::move(definition));
  return at + 1;
}

void Resolve(const Unresolved& type, SchemaTable* schema) {
  SchemaField& field = schema->definitions[type.definition].fields[type.field];
  std::string name = type.type;
  field.array = name.size() > 2 && name.substr(name.size() - 2) == "[]";
  if (field.array) name.resize(name.size() - 2);
  const SchemaDefinition* definition = schema->Find(name);
  const int primitive = IndexOf(kPrimitives, name);
  if (definition == nullptr && primitive < 0) Wrong("no type " + name);
  field.type = primitive >= 0 ? ~primitive : static_cast<std::int32_t>(definition - schema->definitions.data());
}

}  // namespace

const SchemaField* SchemaDefinition::Find(std::string_view field) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const SchemaField& f) { return f.name == field; });
  return at == fields.end() ? nullptr : &*at;
}

const SchemaDefinition* SchemaTable::Find(std::string_view name) const {
  const auto at = std::find_if(definitions.begin(), definitions.end(),
                               [&](const SchemaDefinition& definition) { return definition.name == name; });
  return at == definitions.end() ? nullptr : &*at;
}

SchemaTable ParseSchemaText(std::string_view text) {
  const std::vector<std::string> words = Words(text);
  SchemaTable schema;
  std::vector<Unresolved> types;
  for (Word at = words.begin(); at != words.end();) at = ReadDefinition(at, words.end(), &schema, &types);
  for (const Unresolved& type : types) Resolve(type, &schema);
  return schema;
}

std::string EncodeSchema(const SchemaTable& schema) {
  KiwiWriter out;
  out.Uint(static_cast<std::uint32_t>(schema.definitions.size()));
  for (const SchemaDefinition& definition : schema.definitions) {
    out.String(definition.name);
    out.Byte(static_cast<std::uint8_t>(definition.kind));
    out.Uint(static_cast<std::uint32_t>(definition.fields.size()));
    for (const SchemaField& field : definition.fields) {
      out.String(field.name);
      out.Int(field.type);
      out.Byte(field.array ? 1 : 0);
      out.Uint(field.id);
    }
  }
  return out.bytes();
}

}  // namespace figgen
