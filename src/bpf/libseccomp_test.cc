// libseccomp as an independent oracle: the same rules, compiled by both, evaluated on every
// number of every ABI that can reach the filter.
//
// Where the two mean different things, the filters are chosen so that they cannot differ:
//  - libseccomp has no first match. Rules of one call therefore share one action here.
//  - It compares all 64 bits, also of an int. For 32-bit arguments it gets a 32-bit mask.
//  - It takes one comparison per argument in a rule, and no rule that repeats the default.
//  - It has no action for unknown numbers: both get the default action.
//  - From 0x40000000 up, everything but -1 is x32 for it. For us 0x80000000..0xbfffffff
//    lacks the x32 bit and is an unknown number: these are left out.
//  - aarch64 has no x32 for it; for us such numbers are foreign there as well: left out.
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "bpf/filter.h"
#include "bpf/testing.h"

namespace moat::bpf {
namespace {

using testing::Below;
using testing::OneIn;
using testing::Rng;

constexpr std::uint32_t kArches[] = {
    0xc000003e,  // x86_64
    0x40000003,  // i386
    0xc00000b7,  // aarch64
    0x40000028,  // arm
};

std::uint32_t ScmpArch(Abi abi) { return abi == Abi::kX86_64 ? SCMP_ARCH_X86_64 : SCMP_ARCH_AARCH64; }

scmp_arg_cmp ToScmp(const Condition& condition, const SyscallInfo& call) {
  const bool masked = condition.compare == Compare::kMaskedEqual;
  const std::uint64_t width = Is32Bit(call.args[condition.arg].kind) ? 0xffffffff : ~0ULL;
  scmp_arg_cmp cmp{};
  cmp.arg = condition.arg;
  cmp.op = masked || width != ~0ULL ? SCMP_CMP_MASKED_EQ : SCMP_CMP_EQ;
  if (cmp.op == SCMP_CMP_EQ) {
    cmp.datum_a = condition.value;
  } else {
    cmp.datum_a = masked ? condition.mask & width : width;
    cmp.datum_b = condition.value & width;
  }
  return cmp;
}

std::vector<sock_filter> Export(scmp_filter_ctx context) {
  const int fd = memfd_create("filter", MFD_CLOEXEC);
  EXPECT_EQ(seccomp_export_bpf(context, fd), 0);
  std::vector<sock_filter> code(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)) / sizeof(sock_filter));
  const std::size_t bytes = code.size() * sizeof(sock_filter);
  EXPECT_EQ(pread(fd, code.data(), bytes, 0), static_cast<ssize_t>(bytes));
  close(fd);
  return code;
}

// libseccomp 2.5.4 does not know calls newer than itself.
bool BothKnow(Abi abi, const SyscallInfo& call) {
  const std::string name(call.name);
  return seccomp_syscall_resolve_name_arch(ScmpArch(abi), name.c_str()) == static_cast<int>(call.number);
}

std::vector<sock_filter> CompileByLibseccomp(const FilterSpec& spec) {
  const std::unique_ptr<void, decltype(&seccomp_release)> context(seccomp_init(spec.default_action.ToRet()),
                                                                  &seccomp_release);
  const std::uint32_t arch = ScmpArch(spec.abi);
  if (seccomp_arch_native() != arch) {
    EXPECT_EQ(seccomp_arch_add(context.get(), arch), 0);
    EXPECT_EQ(seccomp_arch_remove(context.get(), seccomp_arch_native()), 0);
  }
  EXPECT_EQ(seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, spec.foreign_action.ToRet()), 0);
  for (const Rule& rule : spec.rules) {
    const SyscallInfo& call = *FindSyscall(spec.abi, rule.number);
    std::vector<scmp_arg_cmp> conditions;
    for (const Condition& condition : rule.all_of) conditions.push_back(ToScmp(condition, call));
    // Rules are added by the native number, whatever the filter's architecture.
    const int number = seccomp_syscall_resolve_name(std::string(call.name).c_str());
    const int error = seccomp_rule_add_array(context.get(), rule.action.ToRet(), number,
                                             static_cast<unsigned>(conditions.size()), conditions.data());
    EXPECT_EQ(error, 0) << call.name;
  }
  return Export(context.get());
}

// Without what it refuses: data beside TRAP, and NOTIFY as the default.
Action ActionForBoth(Rng& rng) {
  Action action = testing::RandomAction(rng);
  if (action.kind == ActionKind::kNotify) action.kind = ActionKind::kLog;
  if (action.kind != ActionKind::kErrno) action.data = 0;
  return action;
}

Condition EqualityOn(Rng& rng, const SyscallInfo& call) {
  Condition condition = testing::RandomCondition(rng, call);
  condition.compare = OneIn(rng, 2) ? Compare::kEqual : Compare::kMaskedEqual;
  if (condition.compare == Compare::kMaskedEqual && condition.mask == ~0ULL) {
    condition.mask = 1 + Below(rng, 0xffff);
  }
  if (condition.compare == Compare::kMaskedEqual) condition.value &= condition.mask;
  if (Is32Bit(call.args[condition.arg].kind)) condition.value &= 0xffffffff;
  return condition;
}

void AddRules(Rng& rng, FilterSpec& spec, const SyscallInfo& call) {
  Action action = ActionForBoth(rng);
  while (action == spec.default_action) action = ActionForBoth(rng);
  const bool checked = testing::HasUsableArgument(call) && !OneIn(rng, 3);
  const std::size_t rules = checked ? 1 + Below(rng, 3) : 1;
  for (std::size_t i = 0; i < rules; ++i) {
    Rule rule;
    rule.number = call.number;
    rule.action = action;
    std::set<std::uint8_t> used;
    for (std::size_t tries = 0; checked && tries < 1 + Below(rng, 3); ++tries) {
      const Condition condition = EqualityOn(rng, call);
      if (used.insert(condition.arg).second) rule.all_of.push_back(condition);
    }
    spec.rules.push_back(rule);
  }
}

FilterSpec RandomEqualitySpec(Rng& rng, Abi abi) {
  FilterSpec spec = testing::MakeSpec(abi, {}, ActionForBoth(rng));
  spec.unknown_action = spec.default_action;
  for (const SyscallInfo& call : Syscalls(abi)) {
    if (BothKnow(abi, call) && OneIn(rng, 2)) AddRules(rng, spec, call);
  }
  return spec;
}

bool LeftOut(const FilterSpec& spec, std::uint32_t number) {
  if (number == 0xffffffff) return false;
  if (spec.abi == Abi::kAarch64) return (number & 0x40000000) != 0;
  return number >= 0x80000000 && number < 0xc0000000;
}

void RequireSameVerdicts(Rng& rng, const FilterSpec& spec) {
  const Result<Program> ours = Compile(spec);
  ASSERT_TRUE(ours.ok());
  const std::vector<sock_filter> theirs = CompileByLibseccomp(spec);
  ASSERT_TRUE(CheckProgram(ours->code).ok());
  ASSERT_TRUE(CheckProgram(theirs).ok());
  std::size_t differences = 0;
  const auto agree = [&](const seccomp_data& data) {
    if (RunChecked(ours->code, data).ret == RunChecked(theirs, data).ret) return;
    ADD_FAILURE() << "number " << data.nr << " arch " << data.arch;
    ++differences;
  };
  for (const std::uint32_t number : testing::InterestingNumbers(spec.abi)) {
    if (LeftOut(spec, number)) continue;
    for (const std::uint32_t arch : kArches) {
      seccomp_data data = testing::MakeData(spec.abi, number);
      data.arch = arch;
      agree(data);
    }
  }
  for (const Rule& rule : spec.rules) {
    for (const seccomp_data& data : testing::InterestingInputs(rng, spec, rule.number)) agree(data);
  }
  if (differences == 0) return;
  FAIL() << Disassemble(ours->code, spec.abi) << "\nlibseccomp\n" << Disassemble(theirs, spec.abi);
}

class LibseccompOracle : public ::testing::TestWithParam<Abi> {};

TEST_P(LibseccompOracle, SameVerdictOnEveryNumberAndBoundary) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    RequireSameVerdicts(rng, RandomEqualitySpec(rng, GetParam()));
  }
}

INSTANTIATE_TEST_SUITE_P(Abis, LibseccompOracle, ::testing::Values(Abi::kX86_64, Abi::kAarch64),
                         [](const auto& test) { return std::string(AbiName(test.param)); });

}  // namespace
}  // namespace moat::bpf
