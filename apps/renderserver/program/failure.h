// Why something did not work, as this program says it: a line for people, and the exit code.
#pragma once

#include <cstdint>
#include <string>

#include "fig/fault.h"
#include "moat/result.h"

namespace program {

constexpr int kSystemCode = 1;

struct Failure {
  enum class Of : std::uint8_t { kOther, kMemory };

  int code = 0;  // 0: none
  std::string text;
  Of of = Of::kOther;
};

inline Failure From(const fig::Fault& fault) {
  const auto of = fault.kind == fig::FaultClass::kMemory ? Failure::Of::kMemory : Failure::Of::kOther;
  return {fig::ExitCode(fault.kind), fault.ToString(), of};
}
inline Failure From(const moat::Error& error) { return {kSystemCode, "system: " + error.ToString(), Failure::Of::kOther}; }

// Text of a file or a command line as one line of a terminal: control characters and the like dropped,
// broken UTF-8 replaced.
std::string Printable(std::string_view text);

}  // namespace program
