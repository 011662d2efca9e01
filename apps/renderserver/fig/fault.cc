#include "fig/fault.h"

#include <array>

namespace fig {
namespace {

struct Row {
  FaultClass kind;
  const char* word;
  int code;
};

// In the order of the enumeration.
constexpr std::array<Row, 12> kRows = {{
    {FaultClass::kNotADesignFile, "not-a-design-file", 10},
    {FaultClass::kContainer, "container", 11},
    {FaultClass::kCompression, "compression", 12},
    {FaultClass::kSchema, "schema", 13},
    {FaultClass::kMessage, "message", 14},
    {FaultClass::kGraph, "graph", 15},
    {FaultClass::kGeometry, "geometry", 16},
    {FaultClass::kImage, "image", 17},
    {FaultClass::kBudget, "budget", 18},
    {FaultClass::kNotFound, "not-found", 19},
    {FaultClass::kOutput, "output", 20},
    {FaultClass::kMemory, "memory", 1},
}};

constexpr bool InOrder() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(InOrder());

}  // namespace

const char* Word(FaultClass kind) { return kRows[static_cast<std::size_t>(kind)].word; }

int ExitCode(FaultClass kind) { return kRows[static_cast<std::size_t>(kind)].code; }

std::string Fault::ToString() const {
  std::string text = std::string(Word(kind)) + ": " + detail;
  if (where.empty()) return text;
  text += offset == kNowhere ? " (in " : " (at byte " + std::to_string(offset) + " of ";
  return text + where + ")";
}

}  // namespace fig
