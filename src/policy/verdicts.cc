#include "policy/verdicts.h"

#include <cerrno>

namespace moat::policy {
namespace {

constexpr std::uint8_t kHighestGroupTier = 2;

SyscallRule Refusal(std::string_view call, std::string_view when, std::string_view reason,
                    std::string_view mode) {
  SyscallRule rule;
  rule.call = call;
  rule.when = when;
  rule.action = {DoKind::kErrno, EPERM};
  rule.reason = reason;
  rule.origin.file = "network mode " + std::string(mode);
  return rule;
}

// Without it no libc gets as far as main(). Last in the list: a rule of the policy wins.
SyscallRule ThreadPointerRule() {
  SyscallRule rule;
  rule.call = "arch_prctl";
  rule.when = "option == ARCH_SET_FS";
  rule.reason = "every program sets its thread pointer before main()";
  rule.origin.file = "moat";
  return rule;
}

const Setting<std::string>* FindCover(const std::vector<Setting<std::string>>& list,
                                      const bpf::SyscallInfo& call, bool groups_reach_it) {
  for (const Setting<std::string>& entry : list) {
    const bool is_group = !entry.value.empty() && entry.value[0] == '@';
    if ((groups_reach_it || !is_group) && Covers(entry.value, call)) return &entry;
  }
  return nullptr;
}

}  // namespace

std::vector<SyscallRule> NetworkRules(NetworkMode mode) {
  if (mode == NetworkMode::kNone) {
    return {Refusal("socket", "domain != AF_UNIX", "no network: sockets between own processes only", "none")};
  }
  // Protocols by name: SCTP, MPTCP, raw and the rest of the kernel's list have no use on a
  // private loopback, and a long history of faults.
  return {
      Refusal("socket", "!(domain in [AF_UNIX, AF_INET, AF_INET6])",
              "loopback needs IP and local sockets only", "loopback"),
      Refusal("socket", "domain != AF_UNIX && type & 0xf != SOCK_STREAM && type & 0xf != SOCK_DGRAM",
              "no raw or other packet sockets", "loopback"),
      Refusal("socket", "domain != AF_UNIX && !(protocol in [0, IPPROTO_TCP, IPPROTO_UDP])",
              "TCP and UDP only", "loopback"),
  };
}

std::vector<SyscallRule> EffectiveRules(const Model& model) {
  std::vector<SyscallRule> rules = model.syscalls.rules;
  for (SyscallRule& rule : NetworkRules(model.network.value)) rules.push_back(std::move(rule));
  rules.push_back(ThreadPointerRule());
  return rules;
}

Verdict Fallback(const Model& model, const bpf::SyscallInfo& call) {
  if (IsVital(call.name)) return {{DoKind::kAllow, 0}, {}};
  const auto* denied = FindCover(model.syscalls.deny, call, true);
  if (denied != nullptr) return {model.syscalls.otherwise.value, denied->origin};
  const auto* allowed = FindCover(model.syscalls.allow, call, call.tier <= kHighestGroupTier);
  if (allowed != nullptr) return {{DoKind::kAllow, 0}, allowed->origin};
  return {model.syscalls.otherwise.value, model.syscalls.otherwise.origin};
}

bool IsVital(std::string_view call) {
  return call == "exit" || call == "exit_group" || call == "rt_sigreturn" || call == "restart_syscall";
}

bool Covers(std::string_view entry, const bpf::SyscallInfo& call) {
  if (entry.empty() || entry[0] != '@') return entry == call.name;
  return entry.substr(1) == call.group;
}

bool Grants(const Do& action) { return action.kind != DoKind::kErrno && action.kind != DoKind::kKill; }

const bpf::SyscallInfo* FindAnywhere(std::string_view name) {
  for (const bpf::Abi abi : {bpf::Abi::kX86_64, bpf::Abi::kAarch64}) {
    if (const bpf::SyscallInfo* call = bpf::FindSyscall(abi, name)) return call;
  }
  return nullptr;
}

}  // namespace moat::policy
