// Layout of a program:
//
//   ld [arch]; is it ours?   else foreign
//   ld [nr]
//   a balanced search over ranges of numbers, the x32 range and the gaps between known
//     numbers among them, so that every number there is has its verdict
//   the argument checks, shared between calls that are checked alike
//   one RET per verdict (with copies where the search is too far away to jump there)
//
// Since Linux 5.11 the kernel finds out per call whether a filter allows it without looking
// at an argument, and then no longer runs the filter for it. Its analysis follows loads of
// nr and arch, jumps and constants only, which is all that the search consists of.
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "base/flat_map.h"
#include "base/text.h"
#include "bpf/assembler.h"
#include "bpf/checks.h"
#include "bpf/decision.h"
#include "bpf/filter.h"
#include "bpf/search.h"

namespace moat::bpf {
namespace {

using Label = Assembler::Label;

constexpr std::uint32_t kMaxErrno = 4095;  // the kernel cuts higher ones down to this
constexpr std::uint32_t kX32Bit = 0x40000000U;
constexpr std::uint32_t kNoCall = 0xffffffffU;  // -1: what a tracer leaves of a skipped call

// The kernel's bitmap answers unconditional allows: of the calls that still walk the search,
// those with argument checks come most often.
constexpr std::uint32_t kCheckedWeight = 4;

using RuleGroups = base::FlatMap<std::uint32_t, std::vector<const Rule*>>;

struct KnownCall {
  std::uint32_t number = 0;
  std::size_t decision = 0;  // index
};

// The table's calls with their decisions; equal decisions are stored once.
struct Decisions {
  std::vector<Decision> distinct;
  std::vector<KnownCall> calls;  // ascending
};

Status CheckAction(const Action& action) {
  if (action.kind != ActionKind::kErrno || action.data <= kMaxErrno) return {};
  return PolicyError("errno " + base::Number(action.data) + " is above " + base::Number(kMaxErrno) +
                     ", the highest that a filter can return");
}

Result<RuleGroups> GroupRules(const FilterSpec& spec) {
  RuleGroups groups;
  MOAT_TRY(CheckAction(spec.default_action));
  MOAT_TRY(CheckAction(spec.unknown_action));
  MOAT_TRY(CheckAction(spec.foreign_action));
  for (const Rule& rule : spec.rules) {
    MOAT_TRY(CheckAction(rule.action));
    if (FindSyscall(spec.abi, rule.number) == nullptr) {
      return PolicyError("no system call has the number " + base::Number(rule.number) + " on " +
                         std::string(AbiName(spec.abi)));
    }
    groups[rule.number].push_back(&rule);
  }
  return groups;
}

Result<Decisions> DecideAll(const FilterSpec& spec) {
  const auto groups = MOAT_TRY(GroupRules(spec));
  const std::vector<const Rule*> no_rules;
  Decisions all;
  for (const SyscallInfo& call : Syscalls(spec.abi)) {
    const bool ascending = all.calls.empty() || all.calls.back().number < call.number;
    if (!ascending || call.number >= kX32Bit) {
      return BugError("system call table is out of order at " + std::string(call.name));
    }
    const auto* group = groups.Find(call.number);
    Decision decision =
        MOAT_TRY(Decide(call, group == nullptr ? no_rules : *group, spec.default_action));
    const auto same = std::find(all.distinct.begin(), all.distinct.end(), decision);
    const auto index = static_cast<std::size_t>(same - all.distinct.begin());
    if (same == all.distinct.end()) all.distinct.push_back(std::move(decision));
    all.calls.push_back({call.number, index});
  }
  return all;
}

// Allocates the leaves first, which puts them at the end of the program.
void EmitLeaves(Assembler& out, const FilterSpec& spec, const Decisions& decisions) {
  out.Return(spec.foreign_action.ToRet());
  out.Return(spec.unknown_action.ToRet());
  for (const Decision& decision : decisions.distinct) {
    out.Return(decision.otherwise.ToRet());
    for (const Arm& arm : decision.arms) out.Return(arm.action.ToRet());
  }
}

SegmentList Ranges(const FilterSpec& spec, const Decisions& decisions, const std::vector<Label>& labels,
                   Assembler& out) {
  const Label foreign = out.Return(spec.foreign_action.ToRet());
  const Label unknown = out.Return(spec.unknown_action.ToRet());
  SegmentList list;
  list.From(0, unknown);
  for (const KnownCall& call : decisions.calls) {
    const bool checked = !decisions.distinct[call.decision].arms.empty();
    list.From(call.number, labels[call.decision], checked ? kCheckedWeight : 1);
    list.From(call.number + 1, unknown);
  }
  list.From(kX32Bit, foreign);
  list.From(kX32Bit << 1, unknown);
  list.From(kX32Bit << 1 | kX32Bit, foreign);
  list.From(kNoCall, unknown);
  return list;
}

Label EmitNumbers(Assembler& out, const FilterSpec& spec, const SegmentList& ranges) {
  if (spec.favour == Favour::kCalls) return EmitSearch(out, ranges);
  AnalysedSearch how;
  how.allow = out.Return(Allow().ToRet());
  how.numbers = Syscalls(spec.abi).back().number + 1;
  how.number_offset = offsetof(seccomp_data, nr);
  how.other_offset = offsetof(seccomp_data, args);
  return EmitAnalysedSearch(out, ranges, how);
}

}  // namespace

Result<Program> Compile(const FilterSpec& spec) {
  const Decisions decisions = MOAT_TRY(DecideAll(spec));
  Assembler out;
  EmitLeaves(out, spec, decisions);
  std::vector<Label> labels(decisions.distinct.size());
  for (std::size_t i = labels.size(); i-- > 0;) {  // backwards: the listing then ascends
    labels[i] = EmitDecision(out, decisions.distinct[i]);
  }
  const Label search = EmitNumbers(out, spec, Ranges(spec, decisions, labels, out));
  const Label number = out.Load(offsetof(seccomp_data, nr), search);
  const Label foreign = out.Return(spec.foreign_action.ToRet());
  const Label ours = out.Branch(BPF_JEQ, AuditArch(spec.abi), number, foreign);
  const Label start = out.Load(offsetof(seccomp_data, arch), ours);
  Program program;
  program.abi = spec.abi;
  program.code = out.Finish(start);
  if (program.code.size() > BPF_MAXINSNS) {
    return WithFix(PolicyError("the system call filter needs " + base::Number(program.code.size()) +
                               " instructions, and the kernel takes " + base::Number(BPF_MAXINSNS)),
                   "use fewer or simpler argument rules");
  }
  return program;
}

}  // namespace moat::bpf
