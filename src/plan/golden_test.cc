// Plans for hosts that exist and hosts that are imagined, as text, against
// tests/golden/plans/*.txt. After a change of the compiler that is meant:
//
//   MOAT_UPDATE_GOLDEN=1 MOAT_SOURCE_DIR=$PWD build/dev/tests/plan_golden_test
//
// writes the files anew; read their difference line by line before it is committed. Nothing is
// normalised: the invented hosts have no clocks, inodes or paths of this machine in them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "plan/testing.h"
#include "policy/load.h"

namespace moat::plan {
namespace {

std::string FileOf(const std::string& name) {
  const char* source = std::getenv("MOAT_SOURCE_DIR");
  return std::string(source != nullptr ? source : ".") + "/tests/golden/plans/" + name + ".txt";
}

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// The first line that differs tells more than two screens side by side.
std::string FirstDifference(const std::string& got, const std::string& wanted) {
  std::istringstream left(got), right(wanted);
  for (int line = 1;; ++line) {
    std::string a, b;
    const bool more_a = static_cast<bool>(std::getline(left, a)), more_b = static_cast<bool>(std::getline(right, b));
    if (!more_a && !more_b) return "no line differs";
    if (a != b || more_a != more_b) {
      return "line " + std::to_string(line) + "\n  is      " + (more_a ? a : "(the end)") + "\n  was     " +
             (more_b ? b : "(the end)");
    }
  }
}

class GoldenPlan : public testing::Test {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "the golden plans are those of x86_64";
#endif
  }

  // A refusal is a plan as well: its words are what the user reads.
  void Matches(const std::string& name) const {
    const Result<Plan> plan = case_.Compile();
    const std::string text = plan.ok() ? Print(*plan) : "refused: " + plan.error().ToString() + "\n";
    const std::string file = FileOf(name);
    if (std::getenv("MOAT_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(file) << text;
      return;
    }
    const std::string wanted = Read(file);
    EXPECT_EQ(text == wanted, true) << file << ", " << FirstDifference(text, wanted);
  }

  Case case_;
};

TEST_F(GoldenPlan, RootOnHybridCgroups) { Matches("root_v1"); }

TEST_F(GoldenPlan, RootOnPureV2) {
  case_.facts = ModernRoot(Hierarchy::kV2);
  Matches("root_v2");
}

TEST_F(GoldenPlan, RootOnPureV2WithEveryLimit) {
  case_.facts = ModernRoot(Hierarchy::kV2);
  case_.model = PolicyOf(std::string(kSmallPolicy) +
                         "[limits]\nmemory = \"64M\"\npids = 5\ncpus = 0.5\nfiles = 64\nfile_size = \"1M\"\n"
                         "stack = \"2M\"\naddress_space = \"1G\"\nlocked = \"64K\"\nnice = 5\n");
  Matches("root_v2_limits");
}

TEST_F(GoldenPlan, RootOnHybridCgroupsWithEveryLimit) {
  case_.model = PolicyOf(std::string(kSmallPolicy) + "[limits]\nmemory = \"64M\"\npids = 5\ncpus = 0.5\n");
  Matches("root_v1_limits");
}

TEST_F(GoldenPlan, UserWithoutGroups) {
  case_.facts = ModernUser();
  Matches("user");
}

TEST_F(GoldenPlan, WithoutLandlockItIsRefused) {
  case_.facts.kernel = "5.12.0";
  case_.facts.landlock_abi = 0;
  case_.facts.landlock = No("landlock_create_ruleset: ENOSYS");
  Matches("no_landlock");
}

TEST_F(GoldenPlan, WithoutLandlockBestEffortIsDegraded) {
  case_.facts.kernel = "5.12.0";
  case_.facts.landlock_abi = 0;
  case_.facts.rlimit_nproc_per_ns = No("counted per user (before Linux 5.14)");
  ASSERT_TRUE(policy::ApplyFlag(case_.model, "best-effort", "true").ok());
  Matches("no_landlock_best_effort");
}

TEST_F(GoldenPlan, LandlockAbi1) {
  case_.facts.landlock_abi = 1;
  Matches("landlock_1");
}

TEST_F(GoldenPlan, LandlockAbi3) {
  case_.facts.landlock_abi = 3;
  Matches("landlock_3");
}

TEST_F(GoldenPlan, LandlockAbi4) {
  case_.facts.landlock_abi = 4;
  Matches("landlock_4");
}

TEST_F(GoldenPlan, LandlockAbi6) {
  case_.facts.landlock_abi = 6;
  Matches("landlock_6");
}

TEST_F(GoldenPlan, RootWithoutUserNamespaces) {
  case_.facts.user_ns = No("clone3: ENOSPC, user.max_user_namespaces is 0");
  Matches("root_no_userns");
}

TEST_F(GoldenPlan, UserWithoutUserNamespaces) {
  case_.facts = ModernUser();
  case_.facts.user_ns = No("unshare: EPERM", "sysctl kernel.unprivileged_userns_clone=1");
  Matches("user_no_userns");
}

TEST_F(GoldenPlan, WithoutSubsetOfProc) {
  case_.facts.procfs_subset = No("fsconfig subset: EINVAL");
  Matches("no_procfs_subset");
}

TEST_F(GoldenPlan, WithoutSubsetOfProcBestEffort) {
  case_.facts.procfs_subset = No("fsconfig subset: EINVAL");
  ASSERT_TRUE(policy::ApplyFlag(case_.model, "best-effort", "true").ok());
  Matches("no_procfs_subset_best_effort");
}

TEST_F(GoldenPlan, WithoutCgroupNamespace) {
  case_.facts.cgroup_ns = No("clone3: EINVAL");
  ASSERT_TRUE(policy::ApplyFlag(case_.model, "best-effort", "true").ok());
  Matches("no_cgroup_namespace");
}

TEST_F(GoldenPlan, Loopback) {
  ASSERT_TRUE(policy::ApplyFlag(case_.model, "network", "loopback").ok());
  Matches("loopback");
}

TEST_F(GoldenPlan, WithoutExecTheLaunchersOwnIsKnownByANumber) {
  case_.model = PolicyOf("moat = 1\n[files]\nread = [\"/usr\", \"/lib64?\"]\n[syscalls]\nallow = [\"read\"]\n");
  Matches("no_exec");
}

TEST_F(GoldenPlan, OutputFolder) {
  case_.collect = Collect::kYes;
  Matches("collect");
}

TEST_F(GoldenPlan, AskedMemoryWithoutControllerIsRefused) {
  case_.facts = ModernUser();
  case_.model = PolicyOf(std::string(kSmallPolicy) + "[limits]\nmemory = \"64M\"\n");
  Matches("user_asked_memory");
}

TEST_F(GoldenPlan, DefaultMemoryWithoutControllerIsDegraded) {
  case_.facts = ModernUser();
  case_.model = PolicyOf(std::string(kSmallPolicy) + "[limits]\nmemory = \"64M\"\n", "profiles/small.toml");
  Matches("user_default_memory");
}

TEST_F(GoldenPlan, ShippedDefault) {
  case_.model = Shipped("default");
  Matches("shipped_default");
}

TEST_F(GoldenPlan, ShippedImagemagick) {
  case_.model = Shipped("imagemagick");
  case_.program = "convert";
  case_.collect = Collect::kYes;
  Matches("shipped_imagemagick");
}

}  // namespace
}  // namespace moat::plan
