// Properties that hold for every filter. Seeds come from rapidcheck; RC_PARAMS="seed=..."
// repeats a run.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>

#include "bpf/filter.h"
#include "bpf/testing.h"

namespace moat::bpf {
namespace {

using testing::InterestingInputs;
using testing::InterestingNumbers;
using testing::MakeData;
using testing::Rng;

constexpr std::uint32_t kArchI386 = 0x40000003;

Abi RandomAbi(Rng& rng) { return testing::OneIn(rng, 3) ? Abi::kAarch64 : Abi::kX86_64; }

Program MustCompile(const FilterSpec& spec) {
  Result<Program> program = Compile(spec);
  if (!program.ok()) RC_FAIL(program.error().ToString());
  const Status checked = CheckProgram(program->code);
  if (!checked.ok()) RC_FAIL(checked.error().ToString());
  return *std::move(program);
}

std::string Describe(const seccomp_data& data) {
  std::string text = "nr " + std::to_string(static_cast<std::uint32_t>(data.nr)) + " args";
  for (const auto arg : data.args) text += " " + std::to_string(arg);
  return text;
}

void RequireAgreement(Rng& rng, const FilterSpec& spec) {
  const Program program = MustCompile(spec);
  const auto agree = [&](const seccomp_data& data) {
    const std::uint32_t ret = RunChecked(program.code, data).ret;
    if (ret != Interpret(spec, data).ToRet()) {
      RC_FAIL(Describe(data) + "\n" + Disassemble(program.code, spec.abi));
    }
  };
  for (const std::uint32_t number : InterestingNumbers(spec.abi)) {
    agree(MakeData(spec.abi, number));
    agree(testing::MakeForeign(kArchI386, number));
  }
  std::set<std::uint32_t> with_rules;
  for (const Rule& rule : spec.rules) with_rules.insert(rule.number);
  for (const std::uint32_t number : with_rules) {
    for (const seccomp_data& data : InterestingInputs(rng, spec, number)) agree(data);
  }
}

RC_GTEST_PROP(FilterProperty, ProgramMeansWhatTheRulesSay, (std::uint64_t seed)) {
  Rng rng(seed);
  RequireAgreement(rng, testing::RandomSpec(rng, RandomAbi(rng), testing::Below(rng, 60)));
}

// Many rules of one call that begin with the same question, some with more behind it: every
// combination of small arguments, as those are what the rules tell apart.
RC_GTEST_PROP(FilterProperty, RulesOfOneCallMeanWhatTheySay, (std::uint64_t seed)) {
  constexpr std::uint64_t kValues = 4;
  Rng rng(seed);
  FilterSpec spec = testing::MakeSpec(Abi::kX86_64, {}, Errno(1));
  const std::size_t rules = 1 + testing::Below(rng, 14);
  for (std::size_t i = 0; i < rules; ++i) {
    std::vector<Condition> conditions;
    for (std::uint8_t arg = 0; arg < 3; ++arg) {
      if (arg > 0 && testing::OneIn(rng, 2)) continue;
      const Compare compare = arg == 0 || testing::OneIn(rng, 2) ? Compare::kEqual : Compare::kMaskedEqual;
      conditions.push_back({arg, compare, testing::Below(rng, kValues), compare == Compare::kEqual ? ~0ULL : 3});
    }
    spec.rules.push_back(testing::MakeRule(spec.abi, "socket", conditions, Errno(static_cast<std::uint16_t>(2 + testing::Below(rng, 3)))));
  }
  const Program program = MustCompile(spec);
  for (std::uint64_t i = 0; i <= kValues * kValues * kValues; ++i) {
    const seccomp_data data = MakeData(spec.abi, spec.rules.front().number, {i % kValues, i / kValues % kValues, i / kValues / kValues});
    if (RunChecked(program.code, data).ret != Interpret(spec, data).ToRet()) {
      RC_FAIL(Describe(data) + "\n" + Disassemble(program.code, spec.abi));
    }
  }
}

// Programs of a thousand and more instructions, where conditional jumps do not reach. Few
// and with fixed seeds: each takes a second.
TEST(FilterProperty, LargeProgramsMeanWhatTheRulesSay) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    Rng rng(seed);
    const FilterSpec spec = testing::RandomSpec(rng, Abi::kX86_64, 1000);
    EXPECT_GT(MustCompile(spec).code.size(), 1500U);
    RequireAgreement(rng, spec);
  }
}

// The upper half of a 32-bit argument is not looked at.
RC_GTEST_PROP(FilterProperty, UpperHalfOfIntsChangesNothing, (std::uint64_t seed)) {
  Rng rng(seed);
  const FilterSpec spec = testing::RandomSpec(rng, RandomAbi(rng), 30);
  const Program program = MustCompile(spec);
  for (const Rule& rule : spec.rules) {
    const SyscallInfo& call = *FindSyscall(spec.abi, rule.number);
    for (seccomp_data data : InterestingInputs(rng, spec, rule.number)) {
      const std::uint32_t before = RunChecked(program.code, data).ret;
      for (std::size_t i = 0; i < 6; ++i) {
        if (Is32Bit(call.args[i].kind)) data.args[i] ^= rng() << 32;
      }
      RC_ASSERT(RunChecked(program.code, data).ret == before);
    }
  }
}

RC_GTEST_PROP(FilterProperty, DenyingFirstNeverAllowsMore, (std::uint64_t seed)) {
  Rng rng(seed);
  const FilterSpec before = testing::RandomSpec(rng, RandomAbi(rng), 20);
  FilterSpec after = before;
  Rule deny = testing::RandomRule(rng, before.abi);
  deny.action = testing::OneIn(rng, 2) ? KillProcess() : Errno(1);
  after.rules.insert(after.rules.begin(), deny);
  const Program loose = MustCompile(before);
  const Program strict = MustCompile(after);
  const auto check = [&](const seccomp_data& data) {
    const bool allowed = RunChecked(strict.code, data).ret == SECCOMP_RET_ALLOW;
    RC_ASSERT(!allowed || RunChecked(loose.code, data).ret == SECCOMP_RET_ALLOW);
  };
  for (const std::uint32_t number : InterestingNumbers(before.abi)) check(MakeData(before.abi, number));
  for (const Rule& rule : after.rules) {
    for (const seccomp_data& data : InterestingInputs(rng, after, rule.number)) check(data);
  }
}

// Only the order among the rules of one call means anything.
RC_GTEST_PROP(FilterProperty, OrderOfDifferentCallsDoesNotMatter, (std::uint64_t seed)) {
  Rng rng(seed);
  FilterSpec spec = testing::RandomSpec(rng, RandomAbi(rng), 40);
  const Program before = MustCompile(spec);
  std::map<std::uint32_t, std::uint64_t> place;
  for (const Rule& rule : spec.rules) place.emplace(rule.number, rng());
  std::stable_sort(spec.rules.begin(), spec.rules.end(),
                   [&](const Rule& a, const Rule& b) { return place.at(a.number) < place.at(b.number); });
  const Program after = MustCompile(spec);
  RC_ASSERT(Disassemble(before.code, spec.abi) == Disassemble(after.code, spec.abi));
}

// What keeps a call in the kernel's bitmap.
RC_GTEST_PROP(FilterProperty, UnconditionalVerdictsNeverReadArguments, (std::uint64_t seed)) {
  Rng rng(seed);
  const FilterSpec spec = testing::RandomSpec(rng, RandomAbi(rng), 60);
  const Program program = MustCompile(spec);
  for (const std::uint32_t number : InterestingNumbers(spec.abi)) {
    bool conditional = false;
    for (const Rule& rule : spec.rules) {
      if (rule.number != number) continue;
      conditional = !rule.all_of.empty();
      break;
    }
    const Evaluation evaluation = RunChecked(program.code, MakeData(spec.abi, number));
    // Only allowed calls are in the bitmap: favouring the installation, others may read what they like.
    const bool matters = spec.favour == Favour::kCalls || evaluation.ret == SECCOMP_RET_ALLOW;
    if (!conditional && matters) RC_ASSERT(!evaluation.read_arguments);
  }
}

// What seccomp_is_const_allow walks when a filter is installed: up to a verdict, or to a load that
// is not of the number nor of the architecture.
std::size_t AnalysedSteps(const Program& program, std::uint32_t number) {
  std::size_t steps = 0;
  for (std::size_t at = 0; at < program.code.size(); ++at) {
    const sock_filter& now = program.code[at];
    ++steps;
    if (BPF_CLASS(now.code) == BPF_RET) break;
    if (BPF_CLASS(now.code) == BPF_LD) {
      if (now.k != offsetof(seccomp_data, nr) && now.k != offsetof(seccomp_data, arch)) break;
      continue;
    }
    if (at == 1) continue;  // the architecture is ours
    if (BPF_OP(now.code) == BPF_JA) at += now.k;
    if (BPF_OP(now.code) == BPF_JEQ) at += number == now.k ? now.jt : now.jf;
    if (BPF_OP(now.code) == BPF_JGE) at += number >= now.k ? now.jt : now.jf;
  }
  return steps;
}

TEST(FilterProperty, FavouringTheInstallationShortensTheAnalysis) {
  Rng rng(1);
  FilterSpec spec = testing::MakeSpec(Abi::kX86_64, {}, Errno(1));
  for (const char* call : {"getpid", "gettid", "futex", "brk", "munmap", "exit", "rt_sigaction", "exit_group"}) {
    spec.rules.push_back(testing::MakeRule(spec.abi, call, {}, Allow()));
  }
  for (const char* call : {"ioctl", "lseek", "prctl", "uname", "statx", "getrandom", "rseq", "ptrace", "openat"}) {
    spec.rules.push_back(testing::MakeRule(spec.abi, call, {}, Errno(static_cast<int>(testing::Below(rng, 9)) + 2)));
  }
  std::size_t steps[2] = {};
  for (const Favour favour : {Favour::kCalls, Favour::kInstall}) {
    spec.favour = favour;
    const Program program = MustCompile(spec);
    for (std::uint32_t number = 0; number < 472; ++number) steps[favour == Favour::kInstall] += AnalysedSteps(program, number);
  }
  EXPECT_LT(steps[1] * 10, steps[0] * 8) << steps[0] << " " << steps[1];
}

// One rule for each of 300 calls.
FilterSpec RuleForEachOf300Calls(Rng& rng) {
  FilterSpec spec = testing::MakeSpec(Abi::kX86_64, {}, Errno(1));
  std::vector<SyscallInfo> calls(Syscalls(spec.abi).begin(), Syscalls(spec.abi).end());
  std::shuffle(calls.begin(), calls.end(), rng);
  calls.resize(300);
  for (const SyscallInfo& call : calls) {
    Rule rule;
    rule.number = call.number;
    rule.action = testing::RandomAction(rng);
    if (testing::HasUsableArgument(call)) rule.all_of = {testing::RandomCondition(rng, call)};
    spec.rules.push_back(rule);
  }
  return spec;
}

// The worst call costs the search, its one check of at most 7 steps, and what leads to both.
TEST(FilterProperty, StepsGrowWithTheLogarithm) {
  const double limit = 2 * std::log2(300.0) + 6;
  std::uint32_t worst = 0;
  std::size_t longest = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Rng rng(seed);
    const FilterSpec spec = RuleForEachOf300Calls(rng);
    const Program program = MustCompile(spec);
    longest = std::max(longest, program.code.size());
    for (const std::uint32_t number : InterestingNumbers(spec.abi)) {
      for (const seccomp_data& data : InterestingInputs(rng, spec, number)) {
        worst = std::max(worst, RunChecked(program.code, data).steps);
      }
    }
  }
  EXPECT_LE(worst, limit);
  RecordProperty("worst_steps", static_cast<int>(worst));
  RecordProperty("longest_program", static_cast<int>(longest));
}

// Anything at all may be handed to the evaluator and the disassembler.
RC_GTEST_PROP(FilterProperty, RandomProgramsAreRefusedOrRun, (std::uint64_t seed)) {
  static constexpr std::uint16_t kCodes[] = {
      BPF_LD | BPF_W | BPF_ABS,  BPF_LD | BPF_MEM,
      BPF_LDX | BPF_IMM,         BPF_ST,
      BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JSET | BPF_X,
      BPF_JMP | BPF_JA,          BPF_ALU | BPF_DIV | BPF_X,
      BPF_ALU | BPF_LSH | BPF_X, BPF_RET | BPF_A,
      BPF_ALU | BPF_XOR | BPF_K, BPF_MISC | BPF_TAX,
  };
  Rng rng(seed);
  std::vector<sock_filter> code(testing::Below(rng, 12));
  for (sock_filter& instruction : code) {
    instruction.code = testing::OneIn(rng, 30) ? static_cast<std::uint16_t>(rng())
                                               : kCodes[testing::Below(rng, std::size(kCodes))];
    instruction.jt = static_cast<std::uint8_t>(testing::Below(rng, 4));
    instruction.jf = static_cast<std::uint8_t>(testing::Below(rng, 4));
    instruction.k = static_cast<std::uint32_t>(testing::OneIn(rng, 20) ? rng() : testing::Below(rng, 4) * 4);
  }
  if (!code.empty() && !testing::OneIn(rng, 8)) code.back() = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const Result<Evaluation> result = Evaluate(code, MakeData(Abi::kX86_64, 0, {1, 2, 3, 4, 5, 6}));
  if (result.ok()) RC_ASSERT(result->steps >= 1U);
  if (result.ok()) RC_ASSERT(result->steps <= code.size());
  const std::string text = Disassemble(code, Abi::kX86_64);
  RC_ASSERT(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) == code.size());
}

}  // namespace
}  // namespace moat::bpf
