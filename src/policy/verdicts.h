// What the [syscalls] section adds up to, call by call: what the plan compiles and what the
// checks examine. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "bpf/syscall_table.h"
#include "moat/result.h"
#include "policy/model.h"

namespace moat::policy {

// The model's rules in the order in which they decide, followed by those that the network
// mode brings (their origin is "network mode NAME", line 0). First match decides.
std::vector<SyscallRule> EffectiveRules(const Model& model);

// The rules of the network mode alone. They only refuse: `socket` must be allowed as well.
std::vector<SyscallRule> NetworkRules(NetworkMode mode);

// What the call gets when no rule decides: allowed by name or by its group, taken out by
// `deny`, else `default`. A group brings tiers 0 to 2 only. exit, exit_group, rt_sigreturn and
// restart_syscall are always allowed: a process that cannot leave spins for ever.
struct Verdict {
  Do action;
  Origin origin;  // the line that decided; empty: always so, or moat's default
};
Verdict Fallback(const Model& model, const bpf::SyscallInfo& call);

// The calls whose refusal hangs or spins a process.
bool IsVital(std::string_view call);

// Whether "@group" or a name covers the call, tiers aside.
bool Covers(std::string_view entry, const bpf::SyscallInfo& call);

// Lets the call happen, or lets somebody decide that it may: allow, log, notify.
bool Grants(const Do& action);

// The call by name in any ABI that moat knows; nullptr when there is none.
const bpf::SyscallInfo* FindAnywhere(std::string_view name);

}  // namespace moat::policy
