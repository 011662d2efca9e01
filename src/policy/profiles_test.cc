// The shipped profiles load, and mean what their comments say.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>

#include "policy/diff.h"
#include "profile/find_profile.h"
#include "policy/testing.h"
#include "policy/verdicts.h"
#include "policy/when.h"

namespace moat::policy {
namespace {

std::vector<std::string> Shipped() { return {std::string(std::getenv("MOAT_SOURCE_DIR")) + "/profiles"}; }

Model LoadShipped(std::string_view name) {
  Result<Model> model = Load(name, ProfilesIn(Shipped()));
  EXPECT_TRUE(model.ok()) << model.error().ToString();
  return model.ok() ? *model : Model{};
}

// The verdict of the first unconditional rule, else of the lists.
Do Plain(const Model& model, std::string_view call) {
  for (const SyscallRule& rule : EffectiveRules(model)) {
    if (rule.call == call && rule.when.empty()) return rule.action;
  }
  return Fallback(model, *FindAnywhere(call)).action;
}

bool Shows(const Model& model, std::string_view path) {
  for (const FileRule& rule : model.files.rules) {
    if (rule.access != FileAccess::kHide && path.substr(0, rule.target.size()) == rule.target) return true;
  }
  return false;
}

TEST(Profiles, AllLoad) {
  const auto names = ListProfiles(Shipped());
  EXPECT_GE(names.size(), 2u);
  for (const std::string& name : names) {
    const Result<Model> model = Load(name, ProfilesIn(Shipped()));
    EXPECT_TRUE(model.ok()) << name << ": " << ErrorOf(model);
  }
}

TEST(Profiles, DefaultLetsProgramsRun) {
  const Model model = LoadShipped("default");
  for (const char* call :
       {"read", "openat", "mmap", "clone", "execve", "futex", "rseq", "exit_group", "pipe2", "kill", "socket",
        "timer_create", "memfd_create", "mlock", "setuid", "restart_syscall"}) {
    EXPECT_EQ(Plain(model, call).kind, DoKind::kAllow) << call;
  }
  EXPECT_TRUE(Shows(model, "/usr/bin/true"));
  EXPECT_TRUE(Shows(model, "/tmp"));
}

TEST(Profiles, DefaultRefusesWhatReachesTheKernel) {
  const Model model = LoadShipped("default");
  const Do not_permitted{DoKind::kErrno, EPERM};
  for (const char* call :
       {"ptrace", "bpf", "keyctl", "add_key", "mount", "perf_event_open", "userfaultfd", "seccomp", "unshare",
        "setns", "kcmp", "memfd_secret", "process_vm_readv", "reboot", "pidfd_getfd"}) {
    EXPECT_EQ(Plain(model, call), not_permitted) << call;
  }
  const Do no_such_call{DoKind::kErrno, ENOSYS};
  for (const char* call : {"clone3", "io_uring_setup", "io_uring_enter", "set_mempolicy", "get_mempolicy",
                           "mbind", "modify_ldt", "statmount"}) {
    EXPECT_EQ(Plain(model, call), no_such_call) << call;
  }
  EXPECT_EQ(model.syscalls.unknown.value, no_such_call);
  EXPECT_EQ(Plain(model, "sync"), (Do{DoKind::kErrno, 0}));
  for (const char* path :
       {"/etc/shadow", "/etc/passwd", "/home", "/root", "/run/docker.sock", "/var/lib/secret"}) {
    EXPECT_FALSE(Shows(model, path)) << path;
  }
}

TEST(Profiles, NoDefaultSurprises) {
  const Limits limits = LoadShipped("default").limits;
  EXPECT_EQ(limits.file_size.value, kUnlimited) << "outputs of exactly 1 MB";
  EXPECT_EQ(limits.address_space.value, kUnlimited) << "reserved memory is no memory";
  EXPECT_GE(limits.output.value, 256u << 20);
  EXPECT_NE(limits.wall.value, Nanoseconds::max());
  EXPECT_NE(limits.memory.value, kUnlimited);
}

// What convert was seen to call over pictures of seven kinds, and what abort() adds.
constexpr const char* kMeasured =
    "access arch_prctl brk chmod clock_gettime close execve exit exit_group fadvise64 fchmod "
    "fcntl fstatfs fsync ftruncate futex getcwd getdents64 getpid getrandom getrusage ioctl link "
    "lseek madvise mkdir mmap mprotect munmap newfstatat openat poll prctl pread64 prlimit64 "
    "read readlink rename rseq rt_sigaction rt_sigprocmask sched_getaffinity set_robust_list "
    "set_tid_address sigaltstack statfs statx symlink sysinfo times unlink wait4 write tgkill "
    "gettid ";

TEST(Profiles, ImageMagickIsNarrower) {
  const Model model = LoadShipped("imagemagick");
  EXPECT_EQ(model.bases, std::vector<std::string>{"default"});
  EXPECT_FALSE(Shows(model, "/usr/bin/sh"));
  EXPECT_FALSE(Shows(model, "/bin/sh"));
  EXPECT_TRUE(Shows(model, "/usr/bin/convert"));
  EXPECT_TRUE(Shows(model, "/usr/lib/x86_64-linux-gnu/libc.so.6"));
  for (const char* call : {"socket", "fork", "vfork", "shmget", "inotify_init1", "personality", "setuid"}) {
    EXPECT_EQ(Plain(model, call), (Do{DoKind::kErrno, EPERM})) << call;
  }
  EXPECT_EQ(Plain(model, "clone3"), (Do{DoKind::kErrno, ENOSYS}));
  std::istringstream measured(kMeasured);
  for (std::string call; measured >> call;) EXPECT_EQ(Plain(model, call).kind, DoKind::kAllow) << call;
}

TEST(Profiles, TheirEffectiveTextIsTheSamePolicy) {
  for (const std::string& name : ListProfiles(Shipped())) {
    const Model model = LoadShipped(name);
    const Result<Model> again = Parse(ToToml(model), "effective.toml", {});
    ASSERT_TRUE(again.ok()) << ErrorOf(again);
    EXPECT_EQ(Diff(model, *again), std::vector<std::string>{}) << name;
  }
}

// Every rule, those of the network modes too, has a condition that the filter can express.
TEST(Profiles, EveryConditionCompiles) {
  for (const std::string& name : ListProfiles(Shipped())) {
    Model model = LoadShipped(name);
    for (const NetworkMode mode : {NetworkMode::kNone, NetworkMode::kLoopback}) {
      model.network = mode;
      for (const SyscallRule& rule : EffectiveRules(model)) {
        const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::Abi::kX86_64, rule.call);
        if (call == nullptr || rule.when.empty()) continue;
        const Result<Alternatives> when = ParseWhen(rule.when, *call, rule.origin);
        EXPECT_TRUE(when.ok()) << when.error().ToString();
      }
    }
  }
}

TEST(Profiles, PlansAreTheSameEveryTime) {
  EXPECT_EQ(ToToml(LoadShipped("imagemagick")), ToToml(LoadShipped("imagemagick")));
}

}  // namespace
}  // namespace moat::policy
