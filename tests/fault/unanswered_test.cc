// A kernel that never answers the installation of a filter: nobody waits for it for ever.
#include "run/spawner.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>

#include "plan/testing.h"
#include "run/newborn.h"

namespace moat::run {
namespace {

constexpr std::uint64_t kLong = 60'000'000'000, kShort = 200'000'000;

// From here on the installation of a filter in this process or a child of its waits for somebody who does not answer.
bool FiltersAreNeverAnswered() {
  sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_seccomp, 0, 1),
                        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{4, code};
  // The listener stays open: without one the call would fail.
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0;
}

// 0: as it should be.
int StartOne(const CheckedPlan& plan, bool answers) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  if (!answers && !FiltersAreNeverAnswered()) return 2;
  {
    auto spawner = Spawner::Start(plan, {}, answers ? kLong : kShort);
    if (answers && !spawner.ok()) return 3;
    if (!answers && (spawner.ok() || spawner.error().error_number != ETIMEDOUT)) return 4;
  }
  return waitpid(-1, nullptr, __WALL) == -1 && errno == ECHILD ? 0 : 5;  // nobody is left
}

class Installation : public testing::TestWithParam<bool> {};

TEST_P(Installation, ThatIsNeverAnsweredIsNotWaitedFor) {
  auto plan = plan::Case().Compile();
  ASSERT_TRUE(plan.ok()) << plan.error().ToString();
  const std::string bytes = plan->bytes();
  const auto checked = CheckedPlan::Check(bytes);
  ASSERT_TRUE(checked.ok());
  ASSERT_NE(checked->header().flags & abi::kInheritable, 0U);
  const pid_t child = fork();
  if (child == 0) _exit(StartOne(*checked, GetParam()));
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

INSTANTIATE_TEST_SUITE_P(Answered, Installation, testing::Values(true, false));

}  // namespace
}  // namespace moat::run
