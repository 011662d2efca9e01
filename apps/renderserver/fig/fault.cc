#include "fig/fault.h"

#include <array>

namespace fig {
namespace {

struct Row {
  FaultClass kind;
  const char* word;
};

// In the order of the enumeration: the exit code is 10 and the place in it.
constexpr std::array<Row, 11> kRows = {{
    {FaultClass::kNotADesignFile, "not-a-design-file"},
    {FaultClass::kContainer, "container"},
    {FaultClass::kCompression, "compression"},
    {FaultClass::kSchema, "schema"},
    {FaultClass::kMessage, "message"},
    {FaultClass::kGraph, "graph"},
    {FaultClass::kGeometry, "geometry"},
    {FaultClass::kImage, "image"},
    {FaultClass::kBudget, "budget"},
    {FaultClass::kNotFound, "not-found"},
    {FaultClass::kOutput, "output"},
}};
constexpr int kFirstExitCode = 10;

constexpr bool InOrder() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].kind) != i) return false;
  }
  return true;
}
static_assert(InOrder());

}  // namespace

const char* Word(FaultClass kind) { return kRows[static_cast<std::size_t>(kind)].word; }

int ExitCode(FaultClass kind) { return kFirstExitCode + static_cast<int>(kind); }

std::string Fault::ToString() const {
  std::string text = std::string(Word(kind)) + ": " + detail;
  if (where.empty()) return text;
  text += offset == kNowhere ? " (in " : " (at byte " + std::to_string(offset) + " of ";
  return text + where + ")";
}

}  // namespace fig
