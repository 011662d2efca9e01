// What a message says, before it is encoded: objects by the names of their fields.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace figgen {

class Value;
using List = std::vector<Value>;

// Fields in the order in which they were first set.
class Object {
 public:
  Object& Set(std::string_view name, Value value);  // replaces one of that name
  const Value* Get(std::string_view name) const;    // null: not set
  Value* Get(std::string_view name);

  const std::vector<std::pair<std::string, Value>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, Value>> fields_;
};

// A number (also of a bool), a text (also bytes, and the name of an enum's value), an object, a list.
class Value {
 public:
  Value(bool value) : value_(value ? 1.0 : 0.0) {}                            // NOLINT: implicit, as all are
  Value(int value) : value_(static_cast<double>(value)) {}                    // NOLINT
  Value(unsigned value) : value_(static_cast<double>(value)) {}               // NOLINT
  Value(std::size_t value) : value_(static_cast<double>(value)) {}            // NOLINT
  Value(double value) : value_(value) {}                                      // NOLINT
  Value(const char* text) : value_(std::string(text)) {}                      // NOLINT
  Value(std::string_view text) : value_(std::string(text)) {}                 // NOLINT
  Value(std::string text) : value_(std::move(text)) {}                        // NOLINT
  Value(Object object) : value_(std::move(object)) {}                         // NOLINT
  Value(List list) : value_(std::move(list)) {}                               // NOLINT

  // Throw std::bad_variant_access: a sample that does not fit its schema is a bug.
  double number() const { return std::get<double>(value_); }
  const std::string& text() const { return std::get<std::string>(value_); }
  const Object& object() const { return std::get<Object>(value_); }
  Object& object() { return std::get<Object>(value_); }
  const List& list() const { return std::get<List>(value_); }
  List& list() { return std::get<List>(value_); }

 private:
  std::variant<double, std::string, Object, List> value_;
};

inline const Value* Object::Get(std::string_view name) const {
  for (const auto& field : fields_) {
    if (field.first == name) return &field.second;
  }
  return nullptr;
}
inline Value* Object::Get(std::string_view name) {
  return const_cast<Value*>(static_cast<const Object*>(this)->Get(name));
}
inline Object& Object::Set(std::string_view name, Value value) {
  if (Value* known = Get(name)) {
    *known = std::move(value);
  } else {
    fields_.emplace_back(name, std::move(value));
  }
  return *this;
}

}  // namespace figgen
