// The command line of `moat attack`.
#pragma once

#include <string>
#include <vector>

#include "moat/result.h"

namespace moat::tool {

struct AttackOptions {
  std::string policy = "default";
  std::string sealed;                 // a preset or a policy; "": a jail is attacked
  std::vector<std::string> without;   // one try each
  std::vector<std::string> against;   // other tools
  std::vector<std::string> command;   // of the last of them, behind `--`
  std::vector<std::string> only;      // names of probes, or families' letters; empty: all
  std::string html;                   // a file
  bool alone = false;  // one layer at a time, the others left out
  bool json = false, help = false, quiet = false;
};

extern const char kAttackUsage[];
Result<AttackOptions> ParseAttack(const std::vector<std::string>& args);

}  // namespace moat::tool
