// The filter of a spawner: to whoever has no number it is the policy's own, whatever he calls; the numbers open what
// they are for.
#include <asm/unistd.h>
#include <gtest/gtest.h>
#include <linux/sched.h>

#include <csignal>
#include <random>

#include "bpf/filter.h"
#include "bpf/syscall_table.h"
#include "plan/testing.h"

namespace moat::plan {
namespace {

struct Filters {
  std::vector<sock_filter> own, spawner;
};

Filters FiltersOf(const policy::Model& model) {
  Case test;
  test.model = model;
  const auto plan = test.Compile();
  EXPECT_TRUE(plan.ok()) << plan.error().ToString();
  if (!plan.ok()) return {};
  const abi::Header& header = plan->header();
  EXPECT_NE(header.flags & abi::kInheritable, 0U);
  const auto at = [&](abi::Offset offset, abi::Index count) {
    const auto* code = reinterpret_cast<const sock_filter*>(plan->bytes().data() + offset);
    return std::vector<sock_filter>(code, code + count);
  };
  return {at(header.filter, header.filter_count), at(header.spawner_filter, header.spawner_filter_count)};
}

seccomp_data Data(std::uint32_t number) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = bpf::AuditArch(bpf::NativeAbi());
  return data;
}

std::uint32_t Ask(const std::vector<sock_filter>& code, const seccomp_data& data) { return bpf::RunChecked(code, data).ret; }

bool Allows(const std::vector<sock_filter>& code, std::uint32_t number, std::uint64_t place, std::uint64_t first = 0, std::uint64_t second = 0) {
  seccomp_data data = Data(number);
  data.args[0] = first;
  data.args[1] = second;
  data.args[5] = place;
  return Ask(code, data) == SECCOMP_RET_ALLOW;
}

class SpawnerFilter : public testing::TestWithParam<const char*> {
 protected:
  const Filters filters_ = FiltersOf(Shipped(GetParam()));
};

// Arguments that rules ask for, that are near the numbers, and any.
std::uint64_t SomeWord(std::mt19937_64& random) {
  const std::uint64_t places[] = {abi::kPlaceSetUp, abi::kPlaceBeside};
  const std::uint64_t place = places[random() % 2];
  switch (random() % 6) {
    case 0: return place ^ (1ULL << random() % 64);
    case 1: return place & 0xffffffff;
    case 2: return place >> 32 << 32;
    case 3: return random() % 128;
    case 4: return 1ULL << random() % 64;
    default: return random();
  }
}

TEST_P(SpawnerFilter, IsThePolicysOwnToWhoeverHasNoNumber) {
  std::mt19937_64 random(1);  // NOLINT: the same every time
  ASSERT_TRUE(bpf::CheckProgram(filters_.spawner).ok());
  for (std::uint32_t number = 0; number < 600; ++number) {
    for (int i = 0; i < 200; ++i) {
      seccomp_data data = Data(number);
      for (auto& arg : data.args) arg = SomeWord(random);
      EXPECT_EQ(Ask(filters_.spawner, data), Ask(filters_.own, data)) << "call " << number;
    }
  }
}

TEST_P(SpawnerFilter, IsThePolicysOwnToOtherArchitectures) {
  seccomp_data data = Data(__NR_clone);
  data.args[5] = abi::kPlaceSetUp;
  for (const std::uint32_t arch : {0x40000003U, 0x28U, 0xc00000f3U}) {
    data.arch = arch;
    EXPECT_EQ(Ask(filters_.spawner, data), Ask(filters_.own, data));
  }
}

TEST_P(SpawnerFilter, BesideTheGuestThereIsNothingToBeHad) {
  const std::uint32_t closed[] = {__NR_unshare, __NR_setns, __NR_clone3, __NR_open_tree, __NR_move_mount, __NR_fsopen, __NR_fsmount,
                                  __NR_mount_setattr, __NR_pivot_root, __NR_umount2, __NR_mount, __NR_setresuid, __NR_capset,
                                  __NR_ptrace, __NR_process_vm_readv, __NR_bpf, __NR_io_uring_setup, __NR_keyctl};
  for (const std::uint32_t call : closed) {
    EXPECT_EQ(Allows(filters_.spawner, call, abi::kPlaceBeside), Allows(filters_.own, call, 0)) << call;
  }
  const std::uint64_t namespaces[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWUSER | SIGCHLD};
  for (const std::uint64_t flags : namespaces) {
    EXPECT_FALSE(Allows(filters_.spawner, __NR_clone, abi::kPlaceBeside, flags));
    EXPECT_FALSE(Allows(filters_.spawner, __NR_clone, abi::kPlaceSetUp, flags));
    EXPECT_FALSE(Allows(filters_.spawner, __NR_unshare, abi::kPlaceBeside, flags));
  }
}

TEST_P(SpawnerFilter, LetsPid1DoItsWork) {
  for (const std::uint64_t place : {abi::kPlaceSetUp, abi::kPlaceBeside}) {
    for (const std::uint32_t call : {__NR_futex, __NR_ppoll, __NR_kill, __NR_wait4, __NR_read, __NR_write, __NR_exit_group,
                                     __NR_signalfd4, __NR_close_range, __NR_pidfd_getfd, __NR_restart_syscall}) {
      EXPECT_TRUE(Allows(filters_.spawner, call, place)) << call;
    }
    EXPECT_TRUE(Allows(filters_.spawner, __NR_ioctl, place, 3, 0xc0502100));
    EXPECT_TRUE(Allows(filters_.spawner, __NR_clone, place, CLONE_VM | CLONE_FILES | SIGCHLD));
  }
  for (const std::uint32_t call : {__NR_clone3, __NR_madvise, __NR_move_mount, __NR_pivot_root, __NR_capset, __NR_landlock_restrict_self}) {
    EXPECT_TRUE(Allows(filters_.spawner, call, abi::kPlaceSetUp)) << call;
  }
  EXPECT_TRUE(Allows(filters_.spawner, __NR_unshare, abi::kPlaceSetUp, CLONE_NEWNET));
  EXPECT_FALSE(Allows(filters_.spawner, __NR_unshare, abi::kPlaceSetUp, CLONE_NEWUSER));
}

INSTANTIATE_TEST_SUITE_P(Shipped, SpawnerFilter, testing::Values("default", "imagemagick"));

TEST(SpawnerFilterOf, AWatchedJobIsNone) {
  const Case test;
  Request request = test.ToRequest();
  request.watched = Watched::kYes;
  const auto plan = Compile(request);
  ASSERT_TRUE(plan.ok()) << plan.error().ToString();
  EXPECT_EQ(plan->header().flags & abi::kInheritable, 0U);
  EXPECT_EQ(plan->header().spawner_filter_count, 0U);
}

std::uint32_t FlagsOf(const Case& test) {
  const auto plan = test.Compile();
  EXPECT_TRUE(plan.ok()) << plan.error().ToString();
  return plan.ok() ? plan->header().flags : 0;
}

// An empty network namespace is handed on where nothing but local sockets can be in it, and Landlock scopes their names.
TEST(SpawnerFilterOf, NetworksAreHandedOnWhereTheyStayAsTheyAre) {
  Case test;
  test.model = Shipped("default");
  EXPECT_NE(FlagsOf(test) & abi::kHandsOnNetwork, 0U);
  test.facts.landlock_abi = 5;
  EXPECT_EQ(FlagsOf(test) & abi::kHandsOnNetwork, 0U);
  test.facts.landlock_abi = 6;
  EXPECT_NE(FlagsOf(test) & abi::kHandsOnNetwork, 0U);
  for (const char* rule : {"call = \"socket\"\ndo = \"allow\"\n", "call = \"socket\"\nwhen = \"domain == 16\"\ndo = \"allow\"\n",
                           "call = \"socket\"\nwhen = \"domain == 2\"\ndo = \"log\"\n", "call = \"io_uring_setup\"\ndo = \"allow\"\n"}) {
    test.model = PolicyOf(std::string("moat = 1\nbase = \"default\"\n[[syscalls.rule]]\nreason = \"a test\"\n") + rule);
    EXPECT_EQ(FlagsOf(test) & abi::kHandsOnNetwork, 0U) << rule;
    EXPECT_NE(FlagsOf(test) & abi::kInheritable, 0U) << rule;
  }
}

// What is allowed anyway stays in the kernel's bitmap.
TEST(SpawnerFilterOf, CallsThatAreAllowedReadNoArgument) {
  const Filters filters = FiltersOf(Shipped("default"));
  for (std::uint32_t number = 0; number < 600; ++number) {
    const seccomp_data data = Data(number);
    const bpf::Evaluation own = bpf::RunChecked(filters.own, data);
    if (own.ret != SECCOMP_RET_ALLOW || own.read_arguments) continue;
    EXPECT_FALSE(bpf::RunChecked(filters.spawner, data).read_arguments) << number;
  }
}

}  // namespace
}  // namespace moat::plan
