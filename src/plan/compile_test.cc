// What holds for every plan: its order, its reasons, the policy lines behind its ops.
#include <gtest/gtest.h>

#include <asm/unistd.h>

#include <algorithm>
#include <set>

#include "plan/testing.h"
#include "policy/load.h"

namespace moat::plan {
namespace {

using abi::Phase;
using abi::Stage;

std::string OriginOf(const Plan& plan, const abi::Op& op) {
  const auto* rows = reinterpret_cast<const abi::OriginRow*>(plan.bytes().data() + plan.header().origins);
  const abi::OriginRow& row = rows[op.origin];
  return row.file == 0 ? "" : std::string(plan.Text(row.file)) + ":" + std::to_string(row.line);
}

// Index of the last, and of the first, op with this number at or after `from`; -1: none.
int LastOf(const Plan& plan, unsigned number) {
  for (int i = static_cast<int>(plan.header().op_count) - 1; i >= 0; --i) {
    if (plan.ops()[i].number == number) return i;
  }
  return -1;
}
int FirstOf(const Plan& plan, unsigned number, Phase phase) {
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    if (plan.ops()[i].number == number && plan.ops()[i].phase == phase) return static_cast<int>(i);
  }
  return -1;
}

class CompileTest : public testing::Test {
 protected:
  Plan Compiled() {
    auto plan = case_.Compile();
    EXPECT_TRUE(plan.ok()) << plan.error().ToString();
    return plan.ok() ? *plan : Plan(std::string(sizeof(abi::Header), '\0'));
  }
  std::string ErrorText() {
    const auto plan = case_.Compile();
    return plan.ok() ? "compiled" : plan.error().ToString();
  }
  void SetFlag(const char* name, const char* value) { ASSERT_TRUE(policy::ApplyFlag(case_.model, name, value).ok()); }

  Case case_;
};

TEST_F(CompileTest, EveryOpHasAStageWithAReason) {
  case_.model = Shipped("default");
  const Plan plan = Compiled();
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    EXPECT_NE(StageName(plan.ops()[i].stage), "?") << i;
    EXPECT_FALSE(StageReason(plan.ops()[i].stage).empty()) << i;
  }
  std::set<std::string_view> names;
  for (unsigned i = 0; i < abi::kStages; ++i) names.insert(StageName(static_cast<Stage>(i)));
  EXPECT_EQ(names.size(), abi::kStages);
}

// namespaces, mounts, pivot, limits, ids, caps, no_new_privs, Landlock, seccomp, exec
TEST_F(CompileTest, TheOrderIsThatOfTheLaw) {
  case_.model = Shipped("default");
  case_.collect = Collect::kYes;
  const Plan plan = Compiled();
  const std::pair<const char*, int> order[] = {
      {"die with the launcher", FirstOf(plan, __NR_prctl, Phase::kBirth)},
      {"network", FirstOf(plan, __NR_unshare, Phase::kBirth)},
      {"gate", FirstOf(plan, static_cast<unsigned>(abi::Pseudo::kGate), Phase::kSettle)},
      {"first mount", FirstOf(plan, __NR_move_mount, Phase::kSettle)},
      {"pivot", LastOf(plan, __NR_pivot_root)},
      {"old root", LastOf(plan, __NR_umount2)},
      {"Landlock's rules", LastOf(plan, __NR_landlock_add_rule)},
      {"groups entered", FirstOf(plan, __NR_unshare, Phase::kSettle)},
      {"root closed", FirstOf(plan, __NR_mount_setattr, Phase::kSettle)},
      {"own descriptors", LastOf(plan, static_cast<unsigned>(abi::Pseudo::kTell))},
      {"last limit", LastOf(plan, __NR_prlimit64)},
      {"groups", LastOf(plan, __NR_setgroups)},
      {"gid", LastOf(plan, __NR_setresgid)},
      {"uid", LastOf(plan, __NR_setresuid)},
      {"capabilities", LastOf(plan, __NR_capset)},
      {"spawn", LastOf(plan, static_cast<unsigned>(abi::Pseudo::kSpawn))},
      {"no_new_privs", LastOf(plan, __NR_prctl)},
      {"Landlock", LastOf(plan, __NR_landlock_restrict_self)},
      {"descriptors", LastOf(plan, __NR_close_range)},
      {"seccomp", LastOf(plan, __NR_seccomp)},
      {"the job is known", FirstOf(plan, static_cast<unsigned>(abi::Pseudo::kGate), Phase::kProgram)},
      {"exec", LastOf(plan, __NR_execve)},
      {"root opened for an input", FirstOf(plan, __NR_mount_setattr, Phase::kJob)},
      {"inputs", FirstOf(plan, __NR_move_mount, Phase::kJob)},
      {"root closed behind it", LastOf(plan, __NR_mount_setattr)},
  };
  for (std::size_t i = 0; i < std::size(order); ++i) {
    EXPECT_GE(order[i].second, 0) << order[i].first;
    if (i == 0) continue;
    EXPECT_LT(order[i - 1].second, order[i].second) << order[i - 1].first << ", then " << order[i].first;
  }
  EXPECT_EQ(order[std::size(order) - 1].second, static_cast<int>(plan.header().op_count) - 1) << "the root stays closed";
  EXPECT_EQ(LastOf(plan, __NR_execve) + 1, static_cast<int>(plan.header().phase_begin[static_cast<unsigned>(Phase::kJob)]))
      << "exec is the program's last";
  EXPECT_EQ(LastOf(plan, __NR_seccomp) + 2, LastOf(plan, __NR_execve)) << "the filter need not allow our own calls";
}

// Who waits at the last gate uses two calls. A policy that refuses one of them gets its filter behind the gate.
TEST_F(CompileTest, AFilterThatForbidsToWaitIsInstalledBehindTheGate) {
  for (const char* call : {"futex", "ppoll"}) {
    case_.model = PolicyOf(std::string("moat = 1\nbase = \"default\"\n[[syscalls.rule]]\ncall = \"") + call +
                           "\"\ndo = \"kill\"\nreason = \"test\"\n");
    const Plan plan = Compiled();
    const int gate = FirstOf(plan, static_cast<unsigned>(abi::Pseudo::kGate), Phase::kProgram);
    EXPECT_LT(gate, LastOf(plan, __NR_seccomp)) << call;
    EXPECT_GT(gate, LastOf(plan, __NR_close_range)) << call;
  }
}

// The launcher closes what was opened before pid 1 had a table of its own while that one goes on.
TEST_F(CompileTest, NoPlaceForADescriptorIsWrittenOnBothSidesOfTheSplit) {
  case_.model = Shipped("default");
  case_.collect = Collect::kYes;
  const Plan plan = Compiled();
  std::set<abi::Offset> before, behind;
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    const abi::Op& op = plan.ops()[i];
    const bool own = op.phase == Phase::kSetup || op.phase == Phase::kProgram;
    if (op.result != 0) (own ? behind : before).insert(op.result);
    const bool forgets = op.number == __NR_close && op.kinds[0] == abi::Kind::kInt32;
    if (forgets) (own ? behind : before).insert(static_cast<abi::Offset>(op.args[0]));
  }
  EXPECT_FALSE(before.empty());
  EXPECT_FALSE(behind.empty());
  for (const abi::Offset place : behind) EXPECT_EQ(before.count(place), 0U) << place;
}

// The ops of a job that was prepared ahead are written anew while pid 1 goes through the first ones.
TEST_F(CompileTest, NothingUpToTheJobDependsOnItsInputs) {
  case_.model = Shipped("default");
  const Plan plan = Compiled();
  bool any = false;
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    if ((plan.ops()[i].flags & abi::kPerInput) == 0) continue;
    any = true;
    EXPECT_EQ(plan.ops()[i].phase, Phase::kJob) << i;
  }
  EXPECT_TRUE(any);
}

TEST_F(CompileTest, TheSpawnOpEndsTheSetup) {
  const Plan plan = Compiled();  // pid 1 names it so when clone fails
  EXPECT_EQ(plan.ops()[plan.header().phase_begin[static_cast<unsigned>(Phase::kProgram)] - 1].number, static_cast<std::uint16_t>(abi::Pseudo::kSpawn));
}

TEST_F(CompileTest, EachLineThatMakesAnOpIsNamedByIt) {
  case_.host.Folder("/data/in").Folder("/data/out").Folder("/data/hidden");
  case_.model = PolicyOf(R"(moat = 1
[files]
read = ["/usr", "/bin?", "/lib?", "/lib64?",
  "/data/in"]
write = ["/data/out"]
hide = ["/usr/share/secret"]
input = "/job/in"
output = "/job/out"
cwd = "/tmp"
[files.scratch]
"/tmp" = "16M"
[network]
mode = "loopback"
[limits]
memory = "64M"
pids = 5
cpus = 0.5
files = 64
file_size = "1M"
stack = "2M"
address_space = "1G"
locked = "64K"
nice = 5
[syscalls]
allow = ["@essential"]
)");
  case_.collect = Collect::kYes;
  const Plan plan = Compiled();
  std::set<std::string> named;
  for (abi::Index i = 0; i < plan.header().op_count; ++i) named.insert(OriginOf(plan, plan.ops()[i]));
  for (const int line : {3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23}) {
    EXPECT_EQ(named.count("test.toml:" + std::to_string(line)), 1U) << "line " << line;
  }
}

TEST_F(CompileTest, NamesOfDescriptorsAndCallsAreKnownToTheLauncher) {
  case_.model = Shipped("default");
  const Plan plan = Compiled();
  const auto* rows = reinterpret_cast<const abi::CallNameRow*>(plan.bytes().data() + plan.header().call_names);
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    const abi::Op& op = plan.ops()[i];
    const bool named = std::any_of(rows, rows + plan.header().call_name_count,
                                   [&](const abi::CallNameRow& row) { return row.number == op.number && row.name != 0; });
    EXPECT_TRUE(named) << "op " << i << ", number " << op.number;
  }
}

TEST_F(CompileTest, TheSameRequestGivesTheSameBytes) {
  case_.model = Shipped("imagemagick");
  case_.program = "convert";
  EXPECT_EQ(Compiled().bytes(), Compiled().bytes());
}

TEST_F(CompileTest, NoOpRefersBeyondTheBlob) {
  case_.model = Shipped("default");
  case_.collect = Collect::kYes;
  const Plan plan = Compiled();
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    const abi::Op& op = plan.ops()[i];
    EXPECT_LT(op.result, plan.bytes().size());
    EXPECT_LT(op.origin, plan.header().origin_count);
    for (int a = 0; a < 6; ++a) {
      const bool refers = op.kinds[a] != abi::Kind::kValue;
      EXPECT_TRUE(!refers || op.args[a] < plan.bytes().size()) << "op " << i << " argument " << a;
    }
  }
}

TEST_F(CompileTest, OldKernelsAreRefusedByWhatTheyLack) {
  case_.facts.mount_api = No("open_tree: ENOSYS");
  EXPECT_NE(ErrorText().find("mount API"), std::string::npos) << ErrorText();
  case_.facts = ModernRoot(Hierarchy::kV1);
  case_.facts.clone3 = No("ENOSYS");
  EXPECT_NE(ErrorText().find("clone3"), std::string::npos) << ErrorText();
}

TEST_F(CompileTest, SeccompIsRequired) {
  case_.facts.seccomp = No("seccomp: EINVAL");
  EXPECT_NE(ErrorText().find("seccomp filters cannot be installed"), std::string::npos);
  SetFlag("best-effort", "");
  const Plan plan = Compiled();
  EXPECT_EQ(LastOf(plan, __NR_seccomp), -1);
}

TEST_F(CompileTest, WhatCannotBeLimitedIsRefusedWithItsLine) {
  case_.facts = ModernUser();
  case_.model = PolicyOf("moat = 1\n[files]\nread = [\"/usr\", \"/lib64?\"]\n[limits]\ncpus = 2\n[syscalls]\nallow = [\"@essential\"]\n");
  EXPECT_NE(ErrorText().find("test.toml:5"), std::string::npos) << ErrorText();
  EXPECT_NE(ErrorText().find("cpus"), std::string::npos) << ErrorText();
}

// One group of v2 for all: where the controller that ends highest up still is.
TEST_F(CompileTest, OneUnifiedGroupHasEveryControllerAskedFor) {
  case_.facts = ModernRoot(Hierarchy::kV2);
  case_.facts.cgroups.memory.folder = "/cg/slice/user";
  case_.facts.cgroups.pids.folder = case_.facts.cgroups.cpuacct.folder = "/cg/slice/user/session";
  case_.facts.cgroups.cpu.folder = "/cg/slice";
  SetFlag("memory", "64M");
  SetFlag("pids", "20");
  SetFlag("cpu", "1s");
  const auto parents = [&] {
    const Plan plan = Compiled();
    const auto* rows = reinterpret_cast<const abi::CgroupRow*>(plan.bytes().data() + plan.header().cgroups);
    std::vector<std::string> found;
    for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) found.emplace_back(plan.Text(rows[i].parent));
    return found;
  };
  EXPECT_EQ(parents(), std::vector<std::string>{"/cg/slice/user"});
  SetFlag("cpus", "0.5");
  EXPECT_EQ(parents(), std::vector<std::string>{"/cg/slice"});
}

// A process that nobody waits for is counted by a group alone, and a refusal by nothing else.
TEST_F(CompileTest, EveryJobHasTheGroupsThatCount) {
  const Plan plan = Compiled();
  const auto* rows = reinterpret_cast<const abi::CgroupRow*>(plan.bytes().data() + plan.header().cgroups);
  std::vector<abi::CgroupKind> kinds;
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) kinds.push_back(rows[i].kind);
  EXPECT_EQ(kinds, (std::vector<abi::CgroupKind>{abi::CgroupKind::kV1Memory, abi::CgroupKind::kV1Pids, abi::CgroupKind::kV1Cpuacct}));
  EXPECT_NE(plan.header().flags & abi::kCountsPids, 0U);
}

// As most distributions mount it: a second group of the same name could not be made there.
TEST_F(CompileTest, ControllersOfOneHierarchyShareAGroup) {
  case_.facts.cgroups.cpu.folder = case_.facts.cgroups.cpuacct.folder = "/cg/cpu,cpuacct/x";
  SetFlag("cpus", "0.5");
  const Plan plan = Compiled();
  int made = 0, entered = 0;
  for (abi::Index i = 0; i < plan.header().op_count; ++i) {
    const abi::Op& op = plan.ops()[i];
    made += op.number == __NR_mkdirat && op.phase == abi::Phase::kGroups;
    entered += op.number == __NR_openat && op.phase == abi::Phase::kSettle && plan.Text(op.subject) == "tasks";
  }
  EXPECT_EQ(made, 3);
  EXPECT_EQ(entered, 3);
  EXPECT_EQ(plan.header().cgroup_count, 4U);
}

TEST_F(CompileTest, CpuAloneIsCountedByAUnifiedGroup) {
  case_.facts = ModernRoot(Hierarchy::kV2);
  case_.facts.cgroups.memory.writable = case_.facts.cgroups.pids.writable = case_.facts.cgroups.cpu.writable = false;
  case_.facts.cgroups.memory.problem = "not passed on";
  SetFlag("memory", "unlimited");
  SetFlag("pids", "unlimited");
  SetFlag("cpu", "1s");
  const Plan plan = Compiled();
  EXPECT_EQ(plan.header().cgroup_count, 1U);
  EXPECT_NE(plan.header().clone_cgroup, 0U);
  case_.facts.cgroups.cpuacct.writable = false;
  case_.facts.cgroups.cpuacct.problem = "no group can be made";
  EXPECT_NE(ErrorText().find("the limit `cpu` cannot be enforced for the whole job here: no group can be made"), std::string::npos)
      << ErrorText();
}

}  // namespace
}  // namespace moat::plan
