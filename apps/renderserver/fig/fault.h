// What can be wrong with a design file, and Outcome<T>, which carries it.
//
// Everything that a file can do wrong ends as a Fault: never as a signal, an exception that leaves
// the decoder, or an allocation without a budget. Value types; no threads shared.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace fig {

// One class per kind of fault; each has an exit code and a word of its own (fault.cc). All but kMemory are
// the document's or the caller's fault, and come again however often it is tried.
enum class FaultClass : std::uint8_t {
  kNotADesignFile,  // neither a ZIP with a canvas nor a canvas
  kContainer,       // the ZIP's directory or an entry, a chunk's length, a header
  kCompression,     // the deflate or zstd stream
  kSchema,          // the embedded schema: type out of range, recursion without end
  kMessage,         // the message does not follow its schema, or ends early
  kGraph,           // parents in a circle, an instance of itself, no document
  kGeometry,        // a path blob, a number that is no number, a size out of range
  kImage,           // an image that its decoder refuses
  kBudget,          // more than a budget allows (budget.h)
  kNotFound,        // no such page or node, when one was asked for by name
  kOutput,          // the picture could not be written
  kMemory,          // the system has no memory: the same document may go well where there is more
};

struct [[nodiscard]] Fault {
  static constexpr std::uint64_t kNowhere = UINT64_MAX;

  FaultClass kind = FaultClass::kMessage;
  std::string detail;               // one line, lower case, no full stop; no bytes of the file unescaped
  std::uint64_t offset = kNowhere;  // in `where`
  std::string where;                // "file", "schema", "message", "blob 17", "images/ab12..."

  // "message: array of 4294967295 elements in 30 bytes (kiwi, at byte 4711 of message)"
  std::string ToString() const;
};

const char* Word(FaultClass kind);  // "container", "budget" ...: stable, for logs and tests
int ExitCode(FaultClass kind);      // 10 and up, one each; kMemory: 1, the system's

// Whether a fault met in a part (an image) is one of the whole: it is not drawn over.
inline bool EndsAll(FaultClass kind) { return kind == FaultClass::kBudget || kind == FaultClass::kMemory; }

template <typename T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Outcome(Fault fault) : state_(std::in_place_index<1>, std::move(fault)) {}  // NOLINT: implicit

  bool ok() const { return state_.index() == 0; }
  // Precondition of the first three: ok(). A wrong call throws std::bad_variant_access: a bug.
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  Fault& fault() { return std::get<1>(state_); }
  const Fault& fault() const { return std::get<1>(state_); }

 private:
  std::variant<T, Fault> state_;
};

// Short, where the memory for more may be missing. `where` as in Fault.
inline Fault NoMemory(std::string where) { return {FaultClass::kMemory, "no memory", Fault::kNowhere, std::move(where)}; }

struct Nothing {};
using Check = Outcome<Nothing>;

}  // namespace fig

// FIG_TRY(expression): the value, or returns the fault to the caller.
#define FIG_TRY(expression)                                          \
  ({                                                                 \
    auto fig_outcome_ = (expression);                                \
    if (!fig_outcome_.ok()) return std::move(fig_outcome_.fault());  \
    std::move(fig_outcome_.value());                                 \
  })
