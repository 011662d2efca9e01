#include "figgen/encode.h"

#include <stdexcept>

#include "figgen/kiwi_writer.h"

namespace figgen {
namespace {

using Kind = SchemaDefinition::Kind;

[[noreturn]] void Wrong(const SchemaDefinition& definition, std::string_view field, const char* what) {
  throw std::invalid_argument(definition.name + "." + std::string(field) + what);
}

class Encoder {
 public:
  explicit Encoder(const SchemaTable& schema) : schema_(schema) {}

  void WriteObject(const SchemaDefinition& definition, const Object& object) {
    if (definition.kind == Kind::kStruct) return WriteStruct(definition, object);
    for (const auto& [name, value] : object.fields()) {
      const SchemaField* field = definition.Find(name);
      if (field == nullptr) Wrong(definition, name, " is not in the schema");
      out_.Uint(field->id);
      WriteField(*field, value);
    }
    out_.Uint(0);
  }

  const std::string& bytes() const { return out_.bytes(); }

 private:
  void WriteStruct(const SchemaDefinition& definition, const Object& object) {
    for (const auto& [name, value] : object.fields()) {
      if (definition.Find(name) == nullptr) Wrong(definition, name, " is not in the schema");
    }
    for (const SchemaField& field : definition.fields) {
      const Value* value = object.Get(field.name);
      if (value == nullptr) Wrong(definition, field.name, " is missing");
      WriteField(field, *value);
    }
  }

  void WriteField(const SchemaField& field, const Value& value) {
    if (!field.array) return WriteOne(field, value);
    if (field.type == ~static_cast<int>(Primitive::kByte)) {
      out_.Uint(static_cast<std::uint32_t>(value.text().size()));
      return out_.Raw(value.text());
    }
    out_.Uint(static_cast<std::uint32_t>(value.list().size()));
    for (const Value& element : value.list()) WriteOne(field, element);
  }

  void WriteOne(const SchemaField& field, const Value& value) {
    if (field.type < 0) return WritePrimitive(static_cast<Primitive>(~field.type), value);
    const SchemaDefinition& definition = schema_.definitions[static_cast<std::size_t>(field.type)];
    if (definition.kind != Kind::kEnum) return WriteObject(definition, value.object());
    const SchemaField* choice = definition.Find(value.text());
    if (choice == nullptr) Wrong(definition, value.text(), " is not in the schema");
    out_.Uint(choice->id);
  }

  void WritePrimitive(Primitive type, const Value& value) {
    switch (type) {
      case Primitive::kBool:
      case Primitive::kByte: return out_.Byte(static_cast<std::uint8_t>(value.number()));
      case Primitive::kInt: return out_.Int(static_cast<std::int32_t>(value.number()));
      case Primitive::kUint: return out_.Uint(static_cast<std::uint32_t>(value.number()));
      case Primitive::kFloat: return out_.Float(static_cast<float>(value.number()));
      case Primitive::kString: return out_.String(value.text());
      case Primitive::kInt64: return out_.Int64(static_cast<std::int64_t>(value.number()));
      case Primitive::kUint64: return out_.Uint64(static_cast<std::uint64_t>(value.number()));
    }
  }

  const SchemaTable& schema_;
  KiwiWriter out_;
};

}  // namespace

std::string Encode(const SchemaTable& schema, std::string_view name, const Object& object) {
  const SchemaDefinition* definition = schema.Find(name);
  if (definition == nullptr) throw std::invalid_argument("no definition " + std::string(name));
  Encoder encoder(schema);
  encoder.WriteObject(*definition, object);
  return encoder.bytes();
}

}  // namespace figgen
