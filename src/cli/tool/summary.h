// Many reports at once: how the sides of `enforce` compare, and what failed, by cause. Pure but for ReadReports().
#pragma once

#include <string>
#include <vector>

#include "moat/report.h"
#include "moat/result.h"

namespace moat::tool {

struct Reports {
  std::vector<Report> all;
  std::size_t others = 0;  // files that are no report
};
// Those of the files below `folder` whose name ends in .json.
Result<Reports> ReadReports(const std::string& folder);

struct Side {
  std::string name;  // "enforced", "reported", "off", "" for jobs of policies that divide none
  std::size_t jobs = 0, failed = 0;
  std::size_t would_fail = 0;  // had calls that were let through
};

// Jobs with the same trouble: a cause, a limit, a denied call.
struct Trouble {
  std::string what;                 // "the limit `output` was hit", "denied: ioctl(cmd=TCGETS)"
  std::vector<std::string> edits;   // that would allow it
  std::size_t jobs = 0, enforced = 0, reported = 0;
  std::vector<std::string> remarks; // what those jobs have in common
};

struct Digest {
  std::size_t jobs = 0, others = 0;
  std::vector<Side> sides;
  double chance = 1;  // that the enforced side fails so much more often by chance alone
  std::vector<Trouble> troubles;  // the most frequent first
};
Digest Digested(const Reports& reports);

std::string InWords(const Digest& digest);
std::string InJson(const Digest& digest);

}  // namespace moat::tool
