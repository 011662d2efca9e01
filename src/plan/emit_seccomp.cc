#include <asm/unistd.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <set>

#include "base/errno_name.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "plan/emit.h"
#include "plan/filter_spec.h"
#include "policy/when.h"

namespace moat::plan {
namespace {

constexpr int kPrSetNoNewPrivs = 38;
constexpr std::uint16_t kEperm = 1;

bpf::Action ActionOf(const policy::Do& wanted) {
  switch (wanted.kind) {
    case policy::DoKind::kAllow: return bpf::Allow();
    case policy::DoKind::kErrno: return bpf::Errno(wanted.error_number);
    case policy::DoKind::kKill: return bpf::KillProcess();
    case policy::DoKind::kNotify: return {bpf::ActionKind::kNotify, 0};
    case policy::DoKind::kLog: return {bpf::ActionKind::kLog, 0};
  }
  return bpf::KillProcess();
}

// "@io" or "read" -> numbers of the ABI. A name that this ABI lacks (open on aarch64) is no
// error: there is nothing to allow.
std::vector<std::uint32_t> Numbers(bpf::Abi abi, const std::string& name) {
  std::vector<std::uint32_t> numbers;
  for (const bpf::SyscallInfo& call : bpf::Syscalls(abi)) {
    if (name[0] == '@' ? call.group == std::string_view(name).substr(1) : call.name == name) {
      numbers.push_back(call.number);
    }
  }
  return numbers;
}

Status AddWhen(bpf::FilterSpec& spec, std::string_view call, std::string_view when, const bpf::Action& action,
               const Origin& origin, std::uint32_t id) {
  for (const std::uint32_t number : Numbers(spec.abi, std::string(call))) {
    if (when.empty()) {
      spec.rules.push_back({number, {}, action, id});
      continue;
    }
    const bpf::SyscallInfo* info = bpf::FindSyscall(spec.abi, number);
    for (auto& conditions : MOAT_TRY(policy::ParseWhen(when, *info, origin))) {
      spec.rules.push_back({number, std::move(conditions), action, id});
    }
  }
  return {};
}

// What `[network]` adds in front of a policy's own rules: which sockets can be made at all.
// Local ones are the policy's own affair (allow `socket` or @sockets); with loopback the
// two internet families come in, their ordinary protocols only.
Status AddNetworkRules(bpf::FilterSpec& spec, const policy::Model& model) {
  const Origin& origin = model.network.origin;
  if (model.network.value == policy::NetworkMode::kLoopback) {
    for (const char* family : {"AF_INET", "AF_INET6"}) {
      for (const auto& [kind, protocol] : {std::pair{"SOCK_STREAM", "IPPROTO_TCP"}, {"SOCK_DGRAM", "IPPROTO_UDP"}}) {
        // The low nibble of `type` is the kind, the rest are SOCK_CLOEXEC and SOCK_NONBLOCK.
        const std::string when = std::string("family == ") + family + " && type & 15 == " + kind + " && protocol in [0, " +
                                 protocol + "]";
        MOAT_TRY(AddWhen(spec, "socket", when, bpf::Allow(), origin, 0));
      }
    }
  }
  return AddWhen(spec, "socket", "family != AF_UNIX", bpf::Errno(kEperm), origin, 0);
}

}  // namespace

Result<bpf::FilterSpec> FilterSpecOf(const policy::Model& model, bpf::Abi abi) {
  bpf::FilterSpec spec;
  spec.abi = abi;
  spec.default_action = ActionOf(model.syscalls.otherwise.value);
  spec.unknown_action = ActionOf(model.syscalls.unknown.value);
  spec.foreign_action = bpf::KillProcess();
  MOAT_TRY(AddNetworkRules(spec, model));
  std::uint32_t id = 1;
  for (const policy::SyscallRule& rule : model.syscalls.rules) {
    MOAT_TRY(AddWhen(spec, rule.call, rule.when, ActionOf(rule.action), rule.origin, id++));
  }
  std::set<std::uint32_t> denied;
  for (const auto& deny : model.syscalls.deny) {
    for (const std::uint32_t number : Numbers(abi, deny.value)) denied.insert(number);
  }
  std::set<std::uint32_t> allowed;
  std::vector<policy::Setting<std::string>> allow_list = model.syscalls.allow;
  if (model.network.value == policy::NetworkMode::kLoopback) {
    allow_list.emplace_back("@sockets");  // no use in a loopback that nobody may bind or connect to
  }
  for (const auto& allow : allow_list) {
    for (const std::uint32_t number : Numbers(abi, allow.value)) {
      if (denied.count(number) == 0 && allowed.insert(number).second) {
        spec.rules.push_back({number, {}, bpf::Allow(), id});
      }
    }
    ++id;
  }
  return spec;
}

void EmitNoNewPrivs(Blob& blob) {
  blob.At(abi::Phase::kProgram, abi::Stage::kNoNewPrivs);
  blob.Add(__NR_prctl, {Signed(kPrSetNoNewPrivs), Value(1), Value(0), Value(0), Value(0)});
  blob.Layer("no_new_privs", abi::LayerState::kEnforced, "");
}

Status EmitSeccomp(Blob& blob, const Request& request) {
  const HostFacts& facts = request.facts;
  if (!facts.seccomp.works) {
    if (!BestEffort(request)) {
      return HostError("seccomp filters cannot be installed on this host: " + facts.seccomp.detail, facts.seccomp.fix);
    }
    blob.Layer("seccomp", abi::LayerState::kDegraded, facts.seccomp.detail);
    return {};
  }
  const bpf::FilterSpec spec = MOAT_TRY(FilterSpecOf(request.model, bpf::NativeAbi()));
  const bpf::Program program = MOAT_TRY(bpf::Compile(spec));
  const abi::Offset code = blob.Bytes(
      std::string_view(reinterpret_cast<const char*>(program.code.data()), program.code.size() * sizeof(sock_filter)));
  blob.header().filter = code;
  blob.header().filter_count = static_cast<abi::Index>(program.code.size());
  struct {
    std::uint16_t length;
    std::uint16_t pad[3];
    std::uint64_t code;
  } fprog{static_cast<std::uint16_t>(program.code.size()), {}, 0};
  const abi::Offset descriptor = blob.Struct(fprog);
  blob.Relocate(descriptor + 8, code);
  blob.At(abi::Phase::kProgram, abi::Stage::kSeccomp);
  blob.For(request.model.name, {});
  blob.Add(__NR_seccomp, {Value(SECCOMP_SET_MODE_FILTER), Value(0), Address(descriptor)});
  blob.Layer("seccomp", abi::LayerState::kEnforced,
             base::Number(program.code.size()) + " instructions, unknown calls " + spec.unknown_action.ToString());
  return {};
}

}  // namespace moat::plan
