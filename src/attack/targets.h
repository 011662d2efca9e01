// What can be attacked: a jail of moat's, a sealed process, another tool's sandbox, nothing at all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attack/battery.h"
#include "moat/result.h"

namespace moat::attack {

// `moat run` with a policy. `without`: layers to leave out, as moat-cli knows them; "" for none.
struct JailRequest {
  std::string launcher;  // bin/moat
  std::string policy;
  std::string without;
  std::string name;  // "" for one made of these
  // The launcher's caller, for root who wants to see an ordinary user's job; with a home of their own.
  std::optional<uid_t> as = std::nullopt;
  std::string home;
};
Target Jail(const Battery& battery, JailRequest request);

// A copy of this process that seals itself and then attacks from within. `seal`: applies it; in the child.
Target Sealed(std::string name, std::function<Status()> seal);

// A command in front of the probe: {"bwrap", ..., "--"}. Searched in PATH by the caller already. kNobody:
// for tools that an ordinary user runs, when root attacks.
enum class Who : unsigned char { kCaller, kNobody };
Target Command(std::string name, std::vector<std::string> prefix, Who who = Who::kCaller);

// An ordinary process of nobody's, or of the caller when it is not root: what there is without a sandbox.
Target Bare();

// crun with the configuration that `crun spec` writes: a bundle in `folder`, the host's /usr as its files.
Result<Target> Crun(const std::string& crun, const std::string& folder);

// The commands that are used when none is given; empty: this tool is not known. `tool` is a path.
std::vector<std::string> UsualCommand(const std::string& name, const std::string& tool);

}  // namespace moat::attack
