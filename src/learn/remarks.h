// What a learned policy says about itself, in remarks at its end that each `moat learn` writes anew: how much is
// unseen, what its code could reach and never did, and what it was made with. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "learn/estimate.h"
#include "learn/observations.h"
#include "learn/scan.h"
#include "moat/result.h"
#include "policy/model.h"

namespace moat::learn {

// Calls that the code could make, that no input made, and that `model` has no word about yet (no rule, no
// list grants it): the riskiest first.
Result<std::vector<Reachable>> Undecided(const policy::Model& model, const Observations& seen, const std::vector<Object>& objects);

struct About {
  Estimate estimate;
  std::vector<Reachable> undecided;
  std::vector<std::string> in_vain;  // files that were looked for, and not shown while learning
  std::vector<std::string> command;
  std::vector<std::string> made;  // "kernel 6.1", "libc 2.36", "BUILD-ID of PATH"
};
// `text` without its old remarks, and with these.
std::string WithRemarks(std::string_view text, const About& about);

// The remarks of a policy: what it was made with, its command (empty: not learned), its estimate ("" ...).
std::vector<std::string> MadeWith(std::string_view text);
std::vector<std::string> CommandOf(std::string_view text);
std::string UnseenOf(std::string_view text);
std::vector<std::string> InVainOf(std::string_view text);
std::vector<std::string> ReachableOf(std::string_view text);  // names of calls

}  // namespace moat::learn
