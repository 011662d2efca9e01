// What is known about each probe, without running it. The rows are those of spec/probes.toml.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace moat::attack {

enum class Severity : std::uint8_t { kLow, kMedium, kHigh, kCritical };

// Where it is seen whether the probe worked.
enum class Witness : std::uint8_t {
  kNone,       // it sees that itself
  kSurvivors,  // who lives when the command has ended
  kStreams,    // who still writes then
  kTime,       // whether it ends at all
  kResults,    // what is in the folder of results
  kFlags,      // what became of the caller's pipe
};

struct Entry {
  std::string_view name;        // "unshare-user"
  std::string_view id;          // "B8": the family and number that it is known by
  std::string_view family;      // "namespaces"
  std::string_view attempt;     // in words, behind "to"
  std::string_view observe;     // what counts as success
  Severity severity;
  std::string_view layers;      // "seccomp, capabilities"
  std::string_view sealed;      // why a seal does not claim to stop it; "": it does
  Witness witness;
};

std::span<const Entry> Entries();
std::span<const std::string_view> Classes();  // in the order of print
const Entry* FindEntry(std::string_view name);
std::string_view SeverityName(Severity severity);

}  // namespace moat::attack
