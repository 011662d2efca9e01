// `moat doctor`: what this host can enforce, layer by layer, what a layer that is missing
// means for a job, and the one thing that would bring it back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "plan/host_facts.h"
#include "probe/hardening.h"

namespace moat::cli {

enum class Colour : std::uint8_t { kNever, kAlways };

enum class Verdict : std::uint8_t {
  kWorks,
  kSpare,    // missing, and the default profile has no use for it
  kWeaker,   // missing: the default profile runs with a weaker wall and says so
  kRefused,  // missing: the default profile is refused
};

struct Diagnosis {
  std::string group;   // "namespaces"
  std::string layer;   // "user namespace"
  Verdict verdict = Verdict::kWorks;
  std::string detail;  // what was seen
  std::string means;   // for a job; "" when it works and there is nothing to say
  std::string fix;
  int error_number = 0;
};

// Pure: the same facts, the same answers.
std::vector<Diagnosis> Diagnose(const plan::HostFacts& facts);
std::string DoctorText(const plan::HostFacts& facts, std::span<const probe::Note> notes, Colour colour);
std::string DoctorJson(const plan::HostFacts& facts, std::span<const probe::Note> notes);
// 0: the default profile is enforced in full; 1: something that it needs is missing.
int DoctorExitCode(std::span<const Diagnosis> diagnoses);

// The command: args are those after `doctor`. Returns the exit code; 125 for a wrong argument
// or a host that cannot be asked. With --clean it only removes what killed launchers left, and
// returns 0. The answer is appended to `out`, an error to `errors`.
int Doctor(std::span<const std::string> args, Colour colour, std::string& out, std::string& errors);

}  // namespace moat::cli
