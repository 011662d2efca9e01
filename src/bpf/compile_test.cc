#include <gtest/gtest.h>

#include <algorithm>

#include "bpf/filter.h"
#include "bpf/testing.h"

namespace moat::bpf {
namespace {

using testing::MakeData;
using testing::MakeRule;
using testing::MakeSpec;

constexpr Abi kAbi = Abi::kX86_64;

Condition Is(std::uint8_t arg, Compare compare, std::uint64_t value, std::uint64_t mask = ~0ULL) {
  return {arg, compare, value, mask};
}

std::uint32_t Decide(const FilterSpec& spec, const seccomp_data& data) {
  const auto program = Compile(spec);
  EXPECT_TRUE(program.ok()) << program.error().ToString();
  const auto evaluation = Evaluate(program->code, data);
  EXPECT_TRUE(evaluation.ok()) << evaluation.error().ToString();
  EXPECT_EQ(evaluation->ret, Interpret(spec, data).ToRet());
  return evaluation->ret;
}

std::uint32_t RunCall(const FilterSpec& spec, std::string_view call, std::vector<std::uint64_t> args) {
  return Decide(spec, MakeData(spec.abi, FindSyscall(spec.abi, call)->number, std::move(args)));
}

std::string ErrorOf(std::string_view call, Condition condition) {
  const auto program = Compile(MakeSpec(kAbi, {MakeRule(kAbi, call, {condition}, Allow())}, Errno(1)));
  EXPECT_FALSE(program.ok()) << call;
  if (program.ok()) return "";
  EXPECT_EQ(program.error().kind, ErrorKind::kPolicy);
  return program.error().ToString();
}

TEST(Compile, GrammarInItsOrder) {
  FilterSpec spec = MakeSpec(kAbi, {MakeRule(kAbi, "read", {}, Allow())}, Errno(1));
  EXPECT_EQ(RunCall(spec, "read", {}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(RunCall(spec, "write", {}), Errno(1).ToRet());
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 0x40000000)), SECCOMP_RET_KILL_PROCESS);  // x32 read
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 0xfffffffe)), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 0xffffffff)), Errno(38).ToRet());  // a tracer's skip
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 0x80000000)), Errno(38).ToRet());
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 400)), Errno(38).ToRet());  // a gap of the table
  EXPECT_EQ(Decide(spec, testing::MakeForeign(0x40000003, 0)), SECCOMP_RET_KILL_PROCESS);
}

TEST(Compile, FirstMatchDecides) {
  const FilterSpec spec = MakeSpec(kAbi,
                                   {MakeRule(kAbi, "ioctl", {Is(1, Compare::kEqual, 0x5401)}, Errno(25)),
                                    MakeRule(kAbi, "ioctl", {Is(1, Compare::kEqual, 0x5401)}, Errno(22)),
                                    MakeRule(kAbi, "ioctl", {}, Allow()),
                                    MakeRule(kAbi, "ioctl", {Is(1, Compare::kEqual, 0x5412)}, KillProcess())},
                                   Errno(1));
  EXPECT_EQ(RunCall(spec, "ioctl", {0, 0x5401}), Errno(25).ToRet());
  EXPECT_EQ(RunCall(spec, "ioctl", {0, 0x5412}), SECCOMP_RET_ALLOW);  // unreachable rule
}

// What several values ask alike behind the value stands in the program once.
TEST(Compile, ValuesThatAskTheSameShareIt) {
  const auto size = [](std::uint64_t values) {
    FilterSpec spec = MakeSpec(kAbi, {}, Errno(1));
    for (std::uint64_t value = 0; value < values; ++value) {
      spec.rules.push_back(MakeRule(kAbi, "fcntl", {Is(0, Compare::kEqual, value), Is(1, Compare::kMaskedEqual, 1, 0xfffffffd)}, Allow()));
    }
    EXPECT_EQ(RunCall(spec, "fcntl", {values - 1, 3}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(RunCall(spec, "fcntl", {values - 1, 2}), Errno(1).ToRet());
    EXPECT_EQ(RunCall(spec, "fcntl", {values, 3}), Errno(1).ToRet());
    return Compile(spec)->code.size();
  };
  EXPECT_LE(size(16), size(2) + 1);
}

TEST(Compile, IntArgumentsIgnoreTheUpperHalf) {
  const FilterSpec spec =
      MakeSpec(kAbi, {MakeRule(kAbi, "socket", {Is(0, Compare::kEqual, 1)}, Allow())}, Errno(1));
  EXPECT_EQ(RunCall(spec, "socket", {0x100000001}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(RunCall(spec, "socket", {0x100000002}), Errno(1).ToRet());
}

TEST(Compile, LongArgumentsCompareBothHalves) {
  const FilterSpec spec = MakeSpec(
      kAbi, {MakeRule(kAbi, "munmap", {Is(1, Compare::kLessEqual, 0x100000000)}, Allow())}, Errno(1));
  EXPECT_EQ(RunCall(spec, "munmap", {0, 0xffffffff}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(RunCall(spec, "munmap", {0, 0x100000000}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(RunCall(spec, "munmap", {0, 0x100000001}), Errno(1).ToRet());
  EXPECT_EQ(RunCall(spec, "munmap", {0, 0x8000000000000000}), Errno(1).ToRet());
}

TEST(Compile, OrderIsSignedWhereTheKernelReadsSigned) {
  const FilterSpec narrow =
      MakeSpec(kAbi, {MakeRule(kAbi, "close", {Is(0, Compare::kLess, 3)}, Errno(9))}, Allow());
  EXPECT_EQ(RunCall(narrow, "close", {2}), Errno(9).ToRet());
  EXPECT_EQ(RunCall(narrow, "close", {0xffffffff}), Errno(9).ToRet());  // -1 < 3
  EXPECT_EQ(RunCall(narrow, "close", {3}), SECCOMP_RET_ALLOW);
  const FilterSpec wide =
      MakeSpec(kAbi, {MakeRule(kAbi, "lseek", {Is(1, Compare::kGreaterEqual, ~0ULL)}, Errno(22))}, Allow());
  EXPECT_EQ(RunCall(wide, "lseek", {0, ~0ULL}), Errno(22).ToRet());  // -1 >= -1
  EXPECT_EQ(RunCall(wide, "lseek", {0, 5}), Errno(22).ToRet());
  EXPECT_EQ(RunCall(wide, "lseek", {0, ~1ULL}), SECCOMP_RET_ALLOW);
}

TEST(Compile, NegativeValuesOfIntsMayComeSignExtended) {
  const auto at_fdcwd = static_cast<std::uint64_t>(-100);
  const FilterSpec spec =
      MakeSpec(kAbi, {MakeRule(kAbi, "openat", {Is(0, Compare::kEqual, at_fdcwd)}, Allow())}, Errno(1));
  EXPECT_EQ(RunCall(spec, "openat", {at_fdcwd}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(RunCall(spec, "openat", {0xffffff9c}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(RunCall(spec, "openat", {5}), Errno(1).ToRet());
}

TEST(Compile, RefusesConditionsThatCannotBeMeant) {
  EXPECT_NE(ErrorOf("close", Is(1, Compare::kEqual, 0)).find("close has no argument 1 (it has 1"),
            std::string::npos);
  EXPECT_NE(ErrorOf("close", Is(7, Compare::kEqual, 0)).find("no argument 7"), std::string::npos);
  EXPECT_NE(ErrorOf("read", Is(1, Compare::kEqual, 0)).find("`buf` of read is an address"),
            std::string::npos);
  EXPECT_NE(ErrorOf("close", Is(0, Compare::kEqual, 1ULL << 32)).find("value 0x100000000 is too wide"),
            std::string::npos);
  EXPECT_NE(ErrorOf("ioctl", Is(1, Compare::kEqual, ~0ULL)).find("too wide"), std::string::npos);  // unsigned
  EXPECT_NE(ErrorOf("ioctl", Is(1, Compare::kMaskedEqual, 1, 1ULL << 40)).find("mask 0x10000000000"),
            std::string::npos);
}

TEST(Compile, ChecksRulesThatNoCallReaches) {
  const auto program = Compile(MakeSpec(
      kAbi,
      {MakeRule(kAbi, "read", {}, Allow()), MakeRule(kAbi, "read", {Is(1, Compare::kEqual, 0)}, Allow())},
      Errno(1)));
  EXPECT_FALSE(program.ok());
}

TEST(Compile, RefusesNumbersOutsideTheTable) {
  for (const std::uint32_t number : {400U, 0x40000000U, 0xffffffffU}) {
    Rule rule;
    rule.number = number;
    rule.action = Allow();
    const auto program = Compile(MakeSpec(kAbi, {rule}, Errno(1)));
    ASSERT_FALSE(program.ok());
    EXPECT_EQ(program.error().kind, ErrorKind::kPolicy);
  }
  EXPECT_FALSE(Compile(MakeSpec(kAbi, {}, Errno(4096))).ok());
}

// A rule that falls through to the same verdict is not worth a look at the arguments.
TEST(Compile, UselessChecksVanish) {
  const auto program = Compile(MakeSpec(kAbi,
                                        {MakeRule(kAbi, "ioctl", {Is(1, Compare::kEqual, 1)}, Allow()),
                                         MakeRule(kAbi, "ioctl", {Is(1, Compare::kGreaterEqual, 0)}, Allow()),
                                         MakeRule(kAbi, "fcntl", {Is(1, Compare::kLess, 0)}, Errno(5))},
                                        Errno(1)));
  ASSERT_TRUE(program.ok());
  for (const sock_filter& instruction : program->code) {
    const bool load = instruction.code == (BPF_LD | BPF_W | BPF_ABS);
    EXPECT_FALSE(load && instruction.k >= 16) << Disassemble(program->code, kAbi);
  }
}

TEST(Compile, CallsThatAreCheckedAlikeShareTheirCode) {
  std::vector<Rule> rules;
  for (const char* call : {"setuid", "setgid", "setfsuid", "setfsgid"}) {
    rules.push_back(MakeRule(kAbi, call, {Is(0, Compare::kEqual, 1000)}, Allow()));
  }
  const auto program = Compile(MakeSpec(kAbi, rules, Errno(1)));
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(
      std::count_if(program->code.begin(), program->code.end(),
                    [](const sock_filter& i) { return i.code == (BPF_LD | BPF_W | BPF_ABS) && i.k >= 16; }),
      1);
}

TEST(Compile, ListsOfValuesAreSearched) {
  std::vector<Rule> rules;
  for (std::uint32_t i = 0; i < 64; ++i) {
    rules.push_back(MakeRule(kAbi, "ioctl", {Is(1, Compare::kEqual, 0x5400 + 3 * i)}, Allow()));
  }
  const FilterSpec spec = MakeSpec(kAbi, rules, Errno(1));
  const auto program = Compile(spec);
  ASSERT_TRUE(program.ok());
  for (std::uint32_t command = 0x53f0; command < 0x5500; ++command) {
    const auto data = MakeData(kAbi, FindSyscall(kAbi, "ioctl")->number, {0, command});
    const auto evaluation = Evaluate(program->code, data);
    ASSERT_TRUE(evaluation.ok());
    EXPECT_EQ(evaluation->ret, Interpret(spec, data).ToRet()) << command;
    EXPECT_LE(evaluation->steps, 20U);
  }
}

TEST(Compile, OneVerdictForEverythingStillChecksTheArchitecture) {
  FilterSpec spec = MakeSpec(kAbi, {}, Allow());
  spec.unknown_action = Allow();
  EXPECT_EQ(RunCall(spec, "read", {}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 0x40000001)), SECCOMP_RET_KILL_PROCESS);
  spec.foreign_action = Allow();
  EXPECT_EQ(Decide(spec, MakeData(kAbi, 0x40000001)), SECCOMP_RET_ALLOW);
  EXPECT_EQ(Decide(spec, testing::MakeForeign(1, 1)), SECCOMP_RET_ALLOW);
}

// Wide ranges cannot be listed; up to the limit everything must be exact, then refused.
TEST(Compile, UpToTheLengthThatTheKernelTakes) {
  FilterSpec spec = MakeSpec(kAbi, {}, Errno(1));
  std::size_t last = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    spec.rules.push_back(MakeRule(kAbi, "ioctl", {Is(1, Compare::kMaskedEqual, i, 0xffff)},
                                  Errno(static_cast<int>(i % 7 + 2))));
    spec.rules.push_back(MakeRule(kAbi, i % 2 == 0 ? "socket" : "mmap", {Is(2, Compare::kGreater, i + 1)},
                                  Errno(static_cast<int>(i % 5 + 9))));
    if (i % 50 != 0) continue;
    const auto program = Compile(spec);
    if (!program.ok()) {
      EXPECT_EQ(program.error().kind, ErrorKind::kPolicy);
      EXPECT_NE(program.error().message.find("instructions, and the kernel takes 4096"), std::string::npos);
      EXPECT_GT(last, 3500U);
      return;
    }
    last = program->code.size();
    for (std::uint32_t value = 0; value < i + 3; value += 13) {
      const std::vector<std::uint64_t> args = {1, value, value};
      for (const char* call : {"ioctl", "socket", "mmap", "read"}) {
        const auto data = MakeData(kAbi, FindSyscall(kAbi, call)->number, args);
        ASSERT_EQ(Evaluate(program->code, data)->ret, Interpret(spec, data).ToRet());
      }
    }
  }
  FAIL() << "no program was too long";
}

TEST(Action, InWords) {
  EXPECT_EQ(Allow().ToString(), "allow");
  EXPECT_EQ(Errno(1).ToString(), "errno EPERM");
  EXPECT_EQ(Errno(0).ToString(), "errno 0");
  EXPECT_EQ(Errno(600).ToString(), "errno 600");
  EXPECT_EQ(KillProcess().ToString(), "kill-process");
  EXPECT_EQ((Action{ActionKind::kTrap, 7}).ToString(), "trap 7");
  EXPECT_EQ((Action{ActionKind::kNotify, 0}).ToString(), "notify");
  EXPECT_EQ((Action{ActionKind::kLog, 0}).ToString(), "log");
}

}  // namespace
}  // namespace moat::bpf
