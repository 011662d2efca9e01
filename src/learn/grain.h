// How fine a learned policy tells one call from another: what is widened because the next libc will take a
// sibling, and which arguments are worth a rule. Pure.
#pragma once

#include <string>
#include <map>
#include <string_view>
#include <vector>

#include "bpf/syscall_table.h"
#include "learn/observations.h"

namespace moat::learn {

// The entry of a policy that a call falls under once loader and libc noise is widened: a harmless group
// whole ("@io"), so that the next libc, which takes a sibling, is not stopped; else the call.
std::string EntryFor(const bpf::SyscallInfo& call);
// Calls that do the same for different libc versions: with one come the others.
std::vector<std::string_view> Siblings(std::string_view call);
// What starting and aborting need, whether the corpus showed it or not; of those with NoiseOf(), these values.
const std::vector<std::string>& AlwaysNeeded();

// How the uses of a call with telling arguments become rules.
enum class Grain : std::uint8_t {
  kCall,      // the arguments do not matter, or take too many values
  kShape,     // mmap, mprotect, clone: what was never done is refused
  kOne,       // `argument in [a, b]`
  kTogether,  // several arguments: each combination by itself
};
Grain GrainOf(const bpf::SyscallInfo& call, const std::map<std::string, Evidence>& uses);
// "cmd == TCGETS" -> "TCGETS". Of a condition on several arguments the first one's; "" for none.
std::string ValueOf(const std::string& when);
// Values of the call's telling argument that libc takes of itself: allowed wherever the call is.
std::vector<std::string_view> NoiseOf(std::string_view call);

}  // namespace moat::learn
