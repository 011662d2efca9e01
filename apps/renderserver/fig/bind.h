// How objects of a message become ours: for each kind of object a table of rows, one per field that
// is drawn, by the field's name. Nothing else of a file is kept.
//
// A row knows what the schema must say about its field and what to do with a value. The tables are
// bound to the numbers of a file's own schema once per file (plan.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fig/budget.h"
#include "fig/bytes.h"

namespace fig {

// A primitive as it was read; which member counts is what the row wants.
struct Value {
  std::uint32_t word = 0;  // kBool, kUint; kChoice: ours, by the row's choices
  float number = 0;        // kFloat
  std::string_view text;   // kText
  Bytes bytes;             // kBytes
};

enum class Want : std::uint8_t { kBool, kUint, kFloat, kText, kBytes, kChoice, kObject };
enum class Many : std::uint8_t { kOne, kArray };

// A value of an enum, by its name in the schema.
struct Choice {
  std::string_view name;
  std::uint32_t ours;
};
struct Choices {
  std::span<const Choice> all;
  std::uint32_t other = 0;  // for what is not among them
};

struct Kind;

struct Row {
  std::string_view name;
  Want want = Want::kUint;
  Many many = Many::kOne;
  // Primitives: takes the value, or one element.
  void (*put)(void* object, const Value& value) = nullptr;
  // Arrays: the field is there and has so many elements to come.
  void (*start)(void* object, std::size_t count) = nullptr;
  // Objects: where the one to come goes; null: it is not wanted after all.
  void* (*open)(void* object) = nullptr;
  const Kind& (*kind)() = nullptr;             // of what open() returns
  std::size_t size = 0;                        // of an element or object in memory, for the budget
  const Choices* choices = nullptr;
  std::uint64_t Budget::*most = nullptr;       // arrays: elements
};

struct Kind {
  std::string_view name;
  std::span<const Row> rows;
  // Where in the message an object begins, for those that keep it.
  void (*begins)(void* object, std::uint64_t offset) = nullptr;
};

// The table for objects of type T; each is defined in one of bind_*.cc.
template <typename T>
const Kind& KindOf();

namespace bind {

template <typename Pointer>
struct MemberTraits;
template <typename Object, typename Type>
struct MemberTraits<Type Object::*> {
  using Class = Object;
  using Value = Type;
};
template <auto kMember>
using ValueOf = typename MemberTraits<decltype(kMember)>::Value;

template <auto kMember>
ValueOf<kMember>& At(void* object) {
  return static_cast<typename MemberTraits<decltype(kMember)>::Class*>(object)->*kMember;
}

// What is inside: the type without optional<> and shared_ptr<const>.
template <typename T>
struct Inside {
  using Type = T;
  static T* Fresh(T& place) { return &(place = T{}); }
  static T& Now(T& place) { return place; }
};
template <typename T>
struct Inside<std::optional<T>> {
  using Type = T;
  static T* Fresh(std::optional<T>& place) { return &place.emplace(); }
  static T& Now(std::optional<T>& place) { return *place; }
};
template <typename T>
struct Inside<std::shared_ptr<const T>> {
  using Type = T;
  static T* Fresh(std::shared_ptr<const T>& place) {
    auto fresh = std::make_shared<T>();
    T* inside = fresh.get();
    place = std::move(fresh);
    return inside;
  }
  // It was made above, and nobody else has it before the document is done.
  static T& Now(std::shared_ptr<const T>& place) { return const_cast<T&>(*place); }
};
template <auto kMember>
using InsideOf = Inside<ValueOf<kMember>>;

// Where a value goes after the reader's type.
template <typename T>
T From(const Value& value) {
  if constexpr (std::is_same_v<T, float>) {
    return value.number;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return std::string(value.text);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value.word != 0;
  } else {
    return static_cast<T>(value.word);
  }
}
template <typename T>
constexpr Want WantOf() {
  if (std::is_same_v<T, float>) return Want::kFloat;
  if (std::is_same_v<T, bool>) return Want::kBool;
  if (std::is_same_v<T, std::string>) return Want::kText;
  if (std::is_same_v<T, std::uint32_t>) return Want::kUint;
  return Want::kObject;
}

}  // namespace bind

// A bool, uint, float or text; the member's type says which.
template <auto kMember>
constexpr Row One(std::string_view name) {
  using Type = typename bind::InsideOf<kMember>::Type;
  static_assert(bind::WantOf<Type>() != Want::kObject);
  Row row{name, bind::WantOf<Type>()};
  row.put = [](void* object, const Value& value) { bind::At<kMember>(object) = bind::From<Type>(value); };
  return row;
}

// An enum.
template <auto kMember>
constexpr Row OneOf(std::string_view name, const Choices& choices) {
  using Type = typename bind::InsideOf<kMember>::Type;
  Row row{name, Want::kChoice};
  row.put = [](void* object, const Value& value) { bind::At<kMember>(object) = static_cast<Type>(value.word); };
  row.choices = &choices;
  return row;
}

// An object.
template <auto kMember>
constexpr Row Object(std::string_view name) {
  using In = bind::InsideOf<kMember>;
  Row row{name, Want::kObject};
  row.open = [](void* object) -> void* { return In::Fresh(bind::At<kMember>(object)); };
  row.kind = &KindOf<typename In::Type>;
  row.size = sizeof(typename In::Type);
  return row;
}

// An object of the file whose fields are members of the object around it, by a table of its own.
constexpr Row Unfold(std::string_view name, const Kind& (*kind)()) {
  Row row{name, Want::kObject};
  row.open = [](void* object) { return object; };
  row.kind = kind;
  return row;
}

// An array of primitives or objects.
template <auto kMember>
constexpr Row List(std::string_view name) {
  using In = bind::InsideOf<kMember>;
  using Element = typename In::Type::value_type;
  Row row{name, bind::WantOf<Element>(), Many::kArray};
  row.size = sizeof(Element);
  row.start = [](void* object, std::size_t count) { In::Fresh(bind::At<kMember>(object))->reserve(count); };
  if constexpr (bind::WantOf<Element>() == Want::kObject) {
    row.open = [](void* object) -> void* { return &In::Now(bind::At<kMember>(object)).emplace_back(); };
    row.kind = &KindOf<Element>;
  } else {
    row.put = [](void* object, const Value& value) {
      In::Now(bind::At<kMember>(object)).push_back(bind::From<Element>(value));
    };
  }
  return row;
}

}  // namespace fig
