// The command line of `moat run`, split into what only concerns this one job (files, report,
// command) and what the plan depends on (policy and its flags).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"

namespace moat::launcher {

struct PolicyFlag {
  std::string name, value;
};

struct Invocation {
  std::string policy = "default";
  std::vector<PolicyFlag> policy_flags;  // in the order given
  std::vector<std::string> inputs;       // PATH or PATH=NAME
  std::vector<std::string> environment;  // NAME (passed on) or NAME=value
  std::string output_dir;
  std::string report;                    // FILE or fd:N
  std::string key;                       // of the job, for `enforce`
  bool no_cache = false;
  bool help = false, version = false;
  bool watch = false;                    // every refusal listed, by moat-cli
  int watcher = -1;                      // hidden: its socket
  std::string inject;                    // tests: OP:ERRNO, hidden
  std::string without;                   // moat attack: layers left out, for moat-probe alone; hidden
  std::vector<std::string> command;
};

// What decides on which side of `enforce` a job is: --key, else the names of its inputs, else its command.
std::string KeyOf(const Invocation& run);
// Was `--enforce off` given? It is no share: nobody is to ask for it in a file.
bool EnforcesNothing(const Invocation& run);

// `args` begins behind the word "run". Flags end at `--` or at the first word that is none.
Result<Invocation> ParseRun(const std::vector<std::string>& args);

}  // namespace moat::launcher
