// What `moat test` found, for people and for machines. Pure.
#pragma once

#include <string>
#include <vector>

#include "moat/report.h"

namespace moat::tool {

struct Tried {
  std::string input;
  Report report;
  std::string error;       // there was no job
  std::string difference;  // from the reference
  std::vector<std::string> in_vain;  // files that are known to be looked for in vain
};

// Denials that count: a file that the policy hides or does not let be written only where the program failed, and
// never one of `in_vain`; and not those answered with ENOSYS, which is what an old kernel would say and what libraries
// fall back on.
std::vector<Denial> Counted(const Tried& tried);

// Why the input failed, one a line; empty: it passed. A program that fails by itself is not the policy's doing.
std::vector<std::string> Complaints(const Tried& tried);

struct Tested {
  std::string policy;
  std::vector<Tried> inputs;
  std::vector<std::string> drift;  // what has changed since the policy was learned
  std::vector<std::string> spare;  // entries that no input needed
  std::string unseen;              // what the policy says of itself
};
std::size_t Failed(const Tested& tested);

std::string Summary(const Tested& tested);
std::string Json(const Tested& tested);
std::string JUnit(const Tested& tested);
// Annotations that GitHub's runners read from standard output.
std::string Annotations(const Tested& tested);

}  // namespace moat::tool
