// The lock holds: every system call from a sealed process against the verdict of the rules, and
// attacks with their controls.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>
#include <string_view>

#include "bpf/filter.h"
#include "seal/spec.h"
#include "seal/testing.h"

namespace moat::seal {
namespace {

using testing::Ended;
using testing::InChild;
using testing::MustApply;
using testing::Plain;
using testing::Say;

// The signal that a trap is, turned into a result: the call is skipped and returns this.
constexpr long kTrapped = -4242;
void OnSigsys(int, siginfo_t*, void* context) {
#if defined(__x86_64__)
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = kTrapped;
#else
  static_cast<ucontext_t*>(context)->uc_mcontext.regs[0] = static_cast<unsigned long>(kTrapped);
#endif
}

long Raw(long number, const std::uint64_t (&a)[6]) {
  errno = 0;
  const long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return result == -1 && errno != 0 && errno != -kTrapped ? -errno : result;
}

// One process, one filter, each call there is with several arguments. Allowed calls that would
// end the test, its memory or its stack are left to others.
TEST(Holds, EveryCallHasItsVerdict) {
  const Ended ended = InChild([] {
    const std::set<std::string_view> not_tried = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "brk", "munmap",
                                                  "mremap", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "write", "writev",
                                                  "nanosleep", "clock_nanosleep", "futex", "tgkill", "tkill", "mprotect", "madvise"};
    Seal seal = Plain();
    seal.OnViolation(SealViolation::kTrap);
    const auto spec = BuildSpec(seal.request(), bpf::NativeAbi(), getpid());
    MustApply(seal);
    // Its own handler is refused now, and must have been put there before: after Apply, by force.
    struct Frame {
      std::uint64_t args[6];
    };
    const Frame frames[] = {{{0, 0, 0, 0, 0, 0}},
                            {{~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL}},
                            {{1ULL << 32, 1ULL << 32, 1ULL << 32, 1ULL << 32, 1ULL << 32, 1ULL << 32}},
                            {{0x100000001ULL, 8, 7, 0x22, 3, 0}}};
    int wrong = 0, tried = 0;
    for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
      for (const Frame& frame : frames) {
        seccomp_data data{};
        data.nr = static_cast<int>(call.number);
        data.arch = bpf::AuditArch(bpf::NativeAbi());
        memcpy(data.args, frame.args, sizeof(data.args));
        const bpf::Action action = bpf::Interpret(*spec, data);
        if (action == bpf::Allow() && not_tried.count(call.name) != 0) continue;
        if (action.kind == bpf::ActionKind::kTrap) continue;  // the next test
        const long result = Raw(call.number, frame.args);
        ++tried;
        const bool right = action.kind == bpf::ActionKind::kErrno ? result == -static_cast<long>(action.data) : result != -ENOSYS;
        if (right) continue;
        ++wrong;
        Say(std::string(call.name) + " gave " + std::to_string(result) + ", wanted " + action.ToString() + "\n");
      }
    }
    for (const long number : {500L, 1000L, 100000L}) {
      if (Raw(number, frames[0].args) != -ENOSYS) ++wrong;
    }
    Say("tried " + std::to_string(tried) + "\n");
    return wrong == 0 && tried > 60 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << "\n" << ended.out;
}

// The program that Prepare made, with a handler of the test's own in place of the one that dies:
// every violation there is arrives as one.
TEST(Holds, EveryViolationArrives) {
  const Ended ended = InChild([] {
    Seal seal = Plain();
    seal.OnViolation(SealViolation::kTrap);
    const auto spec = BuildSpec(seal.request(), bpf::NativeAbi(), getpid());
    const auto prepared = seal.Prepare();
    if (!prepared.ok()) return 7;
    std::vector<std::uint64_t> code = prepared->Program(getpid());
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_sigaction = OnSigsys;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSYS, &action, nullptr);
    sock_fprog program{static_cast<unsigned short>(code.size()), reinterpret_cast<sock_filter*>(code.data())};
    syscall(SYS_prctl, 38, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 8;
    int violations = 0, wrong = 0;
    for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
      for (const std::uint64_t value : {0ULL, ~0ULL, 0x100000007ULL}) {
        const std::uint64_t args[6] = {value, value, value, value, value, value};
        seccomp_data data{};
        data.nr = static_cast<int>(call.number);
        data.arch = bpf::AuditArch(bpf::NativeAbi());
        memcpy(data.args, args, sizeof(args));
        if (bpf::Interpret(*spec, data).kind != bpf::ActionKind::kTrap) continue;
        // The kernel's own, which it lets through without asking any filter: SIGILL to others.
        if (call.name == "uretprobe" || call.name == "uprobe") continue;
        ++violations;
        if (Raw(call.number, args) == kTrapped || errno == -kTrapped) continue;
        ++wrong;
        Say(std::string(call.name) + " got through\n");
      }
    }
    Say(std::to_string(violations) + " violations\n");
    return wrong == 0 && violations > 800 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << "\n" << ended.out;
}

struct Attack {
  const char* name;
  int (*body)();  // 0: it succeeded
};

char* Page() {
  return static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

const Attack kAttacks[] = {
    {"open", [] { return open("/etc/hostname", O_RDONLY) >= 0 ? 0 : 1; }},
    {"openat2", [] {
       const std::uint64_t how[3] = {0, 0, 0};
       return syscall(SYS_openat2, AT_FDCWD, "/etc/hostname", how, sizeof(how)) >= 0 ? 0 : 1;
     }},
    {"socket", [] { return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 1; }},
    {"fork", [] {
       const pid_t child = fork();
       if (child == 0) _exit(0);
       return child > 0 ? 0 : 1;
     }},
    {"exec", [] { return execl("/bin/true", "true", nullptr); }},
    {"kill", [] { return static_cast<int>(syscall(SYS_kill, getppid(), 0)); }},
    {"ptrace", [] { return static_cast<int>(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
    {"mprotect_exec", [] { return mprotect(Page(), 4096, PROT_READ | PROT_EXEC); }},
    {"mmap_exec", [] {
       return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 1 : 0;
     }},
    {"dup", [] { return dup(1) >= 0 ? 0 : 1; }},
    {"memfd", [] { return syscall(SYS_memfd_create, "x", 0) >= 0 ? 0 : 1; }},
    {"pipe", [] {
       int ends[2];
       return pipe(ends);
     }},
    {"process_vm_writev", [] {
       char text[] = "a", other[] = "b";
       const iovec from{text, 1}, to{other, 1};
       return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == 1 ? 0 : 1;
     }},
    {"raise_limits", [] {
       const std::uint64_t limit[2] = {64, 64};
       return static_cast<int>(syscall(SYS_prlimit64, 0, 7, limit, nullptr));
     }},
    {"drop_filter", [] {
       sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
       sock_fprog program{1, &allow};
       syscall(SYS_prctl, 38, 1, 0, 0, 0);
       return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
     }},
    {"mmap_input_exec", [] {
       return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0, 0) == MAP_FAILED ? 1 : 0;
     }},
    {"mmap_input_shared", [] { return mmap(nullptr, 4096, PROT_READ, MAP_SHARED, 0, 0) == MAP_FAILED ? 1 : 0; }},
    {"personality", [] { return personality(READ_IMPLIES_EXEC) >= 0 ? 0 : 1; }},
    {"pkey_mprotect", [] { return static_cast<int>(syscall(SYS_pkey_mprotect, Page(), 4096, PROT_EXEC, -1)); }},
    {"shmat", [] { return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) >= 0 ? 0 : 1; }},
    {"share_memory", [] {
       const pid_t child = vfork();
       if (child == 0) _exit(0);
       return child > 0 ? 0 : 1;
     }},
    {"signal_other_thread_group", [] { return static_cast<int>(syscall(SYS_tgkill, getppid(), getppid(), 0)); }},
    {"signal_oneself_otherwise", [] { return static_cast<int>(syscall(SYS_tgkill, getpid(), getpid(), SIGURG)); }},
    {"queue_signal", [] {
       siginfo_t info{};
       info.si_code = SI_QUEUE;
       return static_cast<int>(syscall(SYS_rt_sigqueueinfo, getpid(), SIGURG, &info));
     }},
    {"pidfd", [] { return static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)) >= 0 ? 0 : 1; }},
    {"timer", [] {
       timer_t timer;
       return timer_create(CLOCK_MONOTONIC, nullptr, &timer);
     }},
    {"interval_timer", [] {
       const struct itimerval never {};
       return setitimer(ITIMER_PROF, &never, nullptr);
     }},
    {"clock_of_another", [] {
       struct timespec time;
       return static_cast<int>(syscall(SYS_clock_gettime, ~getppid() << 3 | 2, &time));
     }},
    {"owner_of_a_descriptor", [] { return fcntl(1, F_SETOWN, getppid()); }},
    {"signal_of_a_descriptor", [] { return fcntl(1, F_SETFL, O_ASYNC); }},
    {"ioctl_of_a_descriptor", [] {
       int waiting;
       return ioctl(1, FIONREAD, &waiting);
     }},
    {"lock_of_a_file", [] { return flock(0, LOCK_SH); }},
    {"lengthen_a_pipe", [] { return fcntl(1, F_SETPIPE_SZ, 65536) > 0 ? 0 : 1; }},
    {"sendfile", [] { return sendfile(1, 0, nullptr, 0) >= 0 ? 0 : 1; }},
    {"tee", [] { return vmsplice(1, nullptr, 0, 0) >= 0 ? 0 : 1; }},
    {"dumpable", [] { return prctl(PR_SET_DUMPABLE, 0); }},
    {"parent_death_signal", [] { return prctl(PR_SET_PDEATHSIG, SIGURG); }},
    {"name_of_a_thread", [] { return prctl(PR_SET_NAME, "other"); }},
    {"process_madvise", [] { return static_cast<int>(syscall(SYS_process_madvise, -1, nullptr, 0, 0, 0)) == -1 && errno == EBADF ? 0 : 1; }},
    {"userfaultfd", [] { return static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC)) >= 0 ? 0 : 1; }},
    {"poison_memory", [] { return madvise(Page(), 4096, 102) == 0 ? 0 : 1; }},
    {"perf", [] { return static_cast<int>(syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0)) == -1 && errno == EFAULT ? 0 : 1; }},
    {"keys", [] { return static_cast<int>(syscall(SYS_keyctl, 0, -3, 0)) > 0 ? 0 : 1; }},
    {"change_folder", [] { return chdir("/"); }},
    {"unshare", [] { return unshare(CLONE_FS); }},
#if defined(__x86_64__)
    {"segment_base", [] { return static_cast<int>(syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, 0)); }},
    {"local_descriptors", [] {
       char table[16];
       return static_cast<int>(syscall(SYS_modify_ldt, 0, table, sizeof(table))) >= 0 ? 0 : 1;
     }},
    {"i386_getpid", [] {
       long result = 20;
       asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
       return result > 0 ? 0 : 1;
     }},
#endif
};

class Attacks : public ::testing::TestWithParam<Attack> {};

// Presets to which nothing of the list is allowed, in the mode in which the program may go on trying too.
std::vector<Seal> Walls() {
  const auto preset = [](const char* name) { return *Seal::Preset(name, SealSelfTest::kOff); };
  std::vector<Seal> walls;
  for (Seal seal : {Plain(), Plain().Map(0).Random().Waiting().SoftOpen(), preset("strict").Read(0).Write(1).Write(2), preset("pure").Read(0),
                    preset("stdio")}) {
    seal.Threads(SealThreads::kNone);
    walls.push_back(seal);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    // Refused memory and signal stacks, a sanitizer's runtime waits for ever instead of going on.
    if (!seal.request().Has(SealGrant::kMemory)) continue;
#endif
    walls.push_back(seal.OnViolation(SealViolation::kErrno, EACCES));
  }
  return walls;
}

// A file that can be mapped.
void InputIsAFile() {
  const int file = open("/etc/passwd", O_RDONLY);
  dup2(file, 0);
  close(file);
}

TEST_P(Attacks, SucceedsBareAndFailsSealed) {
  const Attack attack = GetParam();
  const Ended control = InChild([&] {
    InputIsAFile();
    return attack.body();
  });
  if (control.code() != 0) GTEST_SKIP() << "outside: " << attack.name << " does not succeed here";
  int wall = 0;
  for (const Seal& seal : Walls()) {
    const Ended ended = InChild([&] {
      InputIsAFile();
      MustApply(seal);
      return attack.body() == 0 ? 99 : 98;
    });
    EXPECT_TRUE(ended.signal() == SIGSYS || ended.code() == 98) << wall << ": " << ended.code() << " " << ended.signal() << ended.out;
    ++wall;
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Attacks, ::testing::ValuesIn(kAttacks),
                         [](const auto& each) { return std::string(each.param.name); });

#if defined(__x86_64__)
TEST(Holds, X32IsNoWayIn) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kErrno));
    syscall(0x40000000L | SYS_getpid);
    return 99;
  });
  EXPECT_EQ(ended.signal(), SIGSYS);
}
#endif

// The upper half of a descriptor is nothing to the kernel, and nothing to the filter.
TEST(Holds, UpperHalvesMakeNoDifference) {
  const Ended ended = InChild([] {
    const int in = open("/etc/passwd", O_RDONLY);
    const int other = open("/etc/group", O_RDONLY);
    if (in != 3 || other != 4) return 5;
    MustApply(Plain().Read(3).Strays(SealStrays::kKeep).OnViolation(SealViolation::kErrno, EXDEV));
    char c;
    const auto result = [&](std::uint64_t fd) { return syscall(SYS_read, fd, &c, 1) == 1 ? 1 : errno; };
    if (result(3) != 1 || result(0x500000003ULL) != 1) return 1;
    if (result(4) != EXDEV || result(0x300000004ULL) != EXDEV || result(0xffffffff00000004ULL) != EXDEV) return 2;
    return 0;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

TEST(Holds, InputIsMappedAndStaysAsItIs) {
  const Ended ended = InChild([] {
    const int in = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    (void)!write(in, "abc", 3);
    MustApply(Plain().Read(in).Map(in).OnViolation(SealViolation::kErrno));
    auto* bytes = static_cast<char*>(mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_PRIVATE, in, 0));
    if (bytes == MAP_FAILED) return 1;
    bytes[0] = 'X';
    char c;
    if (pread(in, &c, 1, 0) != 1 || c != 'a') return 2;
    return mmap(nullptr, 3, PROT_READ | PROT_WRITE, MAP_SHARED, in, 0) == MAP_FAILED ? 0 : 3;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

TEST(Holds, SelfTestReportsEachVerdict) {
  const Ended ended = InChild([] {
    Seal seal(SealSelfTest::kOn);
    seal.Read(0).Write(1).Write(2).Memory();
    const SealReport report = MustApply(seal);
    for (const auto& trial : report.trials) Say(trial.attempt + ": " + trial.verdict + (trial.held ? "\n" : " FAILED\n"));
    return report.trials.size() >= 14 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
  EXPECT_NE(ended.out.find("open a file: killed by SIGSYS\n"), std::string::npos) << ended.out;
  EXPECT_EQ(ended.out.find("FAILED"), std::string::npos) << ended.out;
}

// A server's way: prepared once, applied in each fork, whose numbers differ.
TEST(Holds, PreparedOnceAppliedInEachChild) {
  const Ended ended = InChild([] {
    const auto prepared = Plain().Prepare();
    if (!prepared.ok()) return 7;
    for (int job = 0; job < 3; ++job) {
      const pid_t child = _Fork();
      if (child == 0) {
        if (!prepared->Apply().ok()) _exit(5);
        abort();  // needs the child's own number in the filter
      }
      int status = 0;
      waitpid(child, &status, 0);
      if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) return 1;
    }
    return open("/etc/hostname", O_RDONLY) >= 0 ? 0 : 2;  // the server is free
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

}  // namespace
}  // namespace moat::seal
