// The rules of a seal, evaluated call by call on both ABIs, against a table that is written down
// here once more by hand.
#include "seal/spec.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>

#include <cerrno>
#include <set>
#include <string>

#include "seal/prove.h"

namespace moat::seal {
namespace {

using bpf::Abi;

constexpr int kPid = 4711;

struct Filter {
  bpf::FilterSpec spec;
  bpf::Program program;

  std::uint32_t Ret(std::uint32_t number, std::initializer_list<std::uint64_t> args) const {
    seccomp_data data{};
    data.nr = static_cast<int>(number);
    data.arch = bpf::AuditArch(spec.abi);
    std::copy(args.begin(), args.end(), data.args);
    auto result = bpf::Evaluate(program.code, data);
    EXPECT_TRUE(result.ok());
    return result->ret;
  }
  // "allow", "kill", "EPERM" ... as words of bpf.
  std::string Say(std::string_view call, std::initializer_list<std::uint64_t> args = {}) const {
    const bpf::SyscallInfo* info = bpf::FindSyscall(spec.abi, call);
    if (info == nullptr) return "no such call";
    const std::uint32_t ret = Ret(info->number, args);
    if (ret == SECCOMP_RET_ALLOW) return "allow";
    if (ret == SECCOMP_RET_KILL_PROCESS) return "kill";
    if ((ret & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) return "errno " + std::to_string(ret & SECCOMP_RET_DATA);
    return std::to_string(ret);
  }
};

Filter Make(const Seal& seal, Abi abi = Abi::kX86_64) {
  auto spec = BuildSpec(seal.request(), abi, kPid);
  EXPECT_TRUE(spec.ok()) << spec.error().ToString();
  auto program = bpf::Compile(*spec);
  EXPECT_TRUE(program.ok()) << program.error().ToString();
  return {*spec, *program};
}

std::string Errno(int error) { return "errno " + std::to_string(error); }

Seal Small() {
  Seal seal(SealSelfTest::kOff);
  seal.Read(3).Write(4).Memory().Time();
  return seal;
}

std::vector<Seal> Various() {
  std::vector<Seal> all = {Small(), Seal(SealSelfTest::kOff)};
  for (const char* name : {"strict", "pure", "stdio"}) all.push_back(*Seal::Preset(name, SealSelfTest::kOff));
  Seal whole(SealSelfTest::kOff);
  whole.Promise("stdio rpath wpath cpath fattr flock inet unix proc exec prot_exec tty");
  all.push_back(whole);
  Seal many(SealSelfTest::kOff);
  for (int fd = 3; fd < 40; fd += 2) many.Read(fd).Seek(fd).Map(fd).Write(fd + 1);
  many.Memory().Threads(SealThreads::kNew).SoftOpen().Waiting().Random();
  all.push_back(many);
  for (const SealViolation mode : {SealViolation::kTrap, SealViolation::kErrno, SealViolation::kLog, SealViolation::kReport}) {
    all.push_back(Small().OnViolation(mode, EACCES).Record(2));
  }
  return all;
}

TEST(Spec, ProgramsAreProvenEqualToTheirRules) {
  for (const Seal& seal : Various()) {
    for (const Abi abi : {Abi::kX86_64, Abi::kAarch64}) {
      const Filter filter = Make(seal, abi);
      const Status proven = Prove(filter.spec, filter.program.code);
      EXPECT_TRUE(proven.ok()) << proven.error().ToString();
    }
  }
}

TEST(Spec, ProofSeesEachChangedInstruction) {
  const Filter filter = Make(Small());
  std::size_t unseen = 0, changed = 0;
  for (std::size_t i = 0; i < filter.program.code.size(); ++i) {
    auto code = filter.program.code;
    if (BPF_CLASS(code[i].code) == BPF_RET) {
      code[i].k = code[i].k == SECCOMP_RET_ALLOW ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW;
    } else if (BPF_CLASS(code[i].code) == BPF_JMP && BPF_OP(code[i].code) != BPF_JA && code[i].jt != code[i].jf) {
      std::swap(code[i].jt, code[i].jf);
    } else {
      continue;
    }
    ++changed;
    if (Prove(filter.spec, code).ok()) ++unseen;
  }
  EXPECT_GT(changed, 50U);
  EXPECT_EQ(unseen, 0U);
}

TEST(Spec, OnlyWhatWasDeclaredIsRead) {
  const Filter filter = Make(Small());
  for (const char* call : {"read", "readv", "pread64", "preadv"}) {
    EXPECT_EQ(filter.Say(call, {3}), "allow") << call;
    for (const std::uint64_t fd : {0ULL, 1ULL, 2ULL, 4ULL, 5ULL, ~0ULL, 0x400000003ULL + 1}) {
      EXPECT_EQ(filter.Say(call, {fd}), "kill") << call << fd;
    }
    // The kernel looks at 32 bits; so does the filter, or it could be led past.
    EXPECT_EQ(filter.Say(call, {0xffffffff00000003ULL}), "allow") << call;
  }
  for (const char* call : {"write", "writev", "pwrite64", "pwritev"}) {
    EXPECT_EQ(filter.Say(call, {4}), "allow") << call;
    EXPECT_EQ(filter.Say(call, {3}), "kill") << call;
    EXPECT_EQ(filter.Say(call, {1}), "kill") << call;
  }
  EXPECT_EQ(filter.Say("write", {2}), Errno(EBADF));  // the last words of abort
  EXPECT_EQ(filter.Say("lseek", {3}), Errno(ESPIPE));
  EXPECT_EQ(filter.Say("close", {3}), "allow");
  EXPECT_EQ(filter.Say("close", {5}), Errno(EBADF));
}

TEST(Spec, NothingElseTakesADescriptor) {
  const std::set<std::string_view> may = {"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev",
                                          "fstat", "close", "fcntl"};
  const Filter filter = Make(Small());
  for (const bpf::SyscallInfo& call : bpf::Syscalls(Abi::kX86_64)) {
    for (int arg = 0; arg < 6; ++arg) {
      if (call.args[arg].kind != bpf::ArgKind::kFd || call.name == "mmap") continue;
      for (const std::uint64_t fd : {3, 4}) {
        seccomp_data data{};
        data.nr = static_cast<int>(call.number);
        data.arch = bpf::AuditArch(Abi::kX86_64);
        data.args[arg] = fd;
        const bool allowed = bpf::Evaluate(filter.program.code, data)->ret == SECCOMP_RET_ALLOW;
        EXPECT_TRUE(!allowed || may.count(call.name) == 1) << call.name;
      }
    }
  }
}

TEST(Spec, MemoryIsNeverExecutable) {
  for (const Seal& seal : {Small(), *Seal::Preset("stdio", SealSelfTest::kOff), Small().Threads(SealThreads::kNew).Map(3)}) {
    const Filter filter = Make(seal);
    const std::uint64_t anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    EXPECT_EQ(filter.Say("mmap", {0, 4096, PROT_READ | PROT_WRITE, anonymous, ~0ULL, 0}), "allow");
    for (const std::uint64_t prot : {4, 5, 6, 7, 0x10004}) {
      EXPECT_EQ(filter.Say("mmap", {0, 4096, prot, anonymous, ~0ULL, 0}), "kill") << prot;
      EXPECT_EQ(filter.Say("mmap", {0, 4096, prot, MAP_PRIVATE, 3, 0}), "kill") << prot;
      EXPECT_EQ(filter.Say("mprotect", {4096, 4096, prot}), "kill") << prot;
    }
    EXPECT_EQ(filter.Say("mprotect", {4096, 4096, 3}), "allow");
    EXPECT_EQ(filter.Say("pkey_mprotect", {4096, 4096, 3, 0}), "kill");
    EXPECT_EQ(filter.Say("remap_file_pages", {0, 0, 0, 0, 0}), "kill");
    EXPECT_EQ(filter.Say("madvise", {0, 4096, 100}), Errno(EINVAL));  // MADV_HWPOISON
  }
}

TEST(Spec, InputsAreMappedPrivately) {
  const Filter filter = Make(Small().Map(3));
  EXPECT_EQ(filter.Say("mmap", {0, 4096, PROT_READ, MAP_PRIVATE, 3, 0}), "allow");
  EXPECT_EQ(filter.Say("mmap", {0, 4096, PROT_READ, MAP_SHARED, 3, 0}), "kill");
  EXPECT_EQ(filter.Say("mmap", {0, 4096, PROT_READ, 3 /* SHARED_VALIDATE */, 3, 0}), "kill");
  EXPECT_EQ(filter.Say("mmap", {0, 4096, PROT_READ, MAP_PRIVATE, 4, 0}), "kill");
  EXPECT_EQ(Make(Small()).Say("mmap", {0, 4096, PROT_READ, MAP_PRIVATE, 3, 0}), "kill");
}

TEST(Spec, OnlyItselfCanBeSignalledAndOnlyToAbort) {
  const Filter filter = Make(Small());
  EXPECT_EQ(filter.Say("tgkill", {kPid, kPid, SIGABRT}), "allow");
  EXPECT_EQ(filter.Say("tgkill", {kPid, kPid, SIGSTOP}), Errno(EPERM));
  EXPECT_EQ(filter.Say("tgkill", {1, 1, SIGABRT}), "kill");
  EXPECT_EQ(filter.Say("tkill", {kPid, SIGABRT}), "allow");
  EXPECT_EQ(filter.Say("tkill", {kPid + 1, SIGABRT}), "kill");
  EXPECT_EQ(filter.Say("kill", {kPid, SIGABRT}), "kill");
  EXPECT_EQ(filter.Say("rt_sigaction", {SIGTERM}), "allow");
  EXPECT_EQ(filter.Say("rt_sigaction", {SIGSYS}), Errno(EPERM));
  EXPECT_EQ(filter.Say("rt_sigaction", {SIGSEGV}), "allow");
  EXPECT_EQ(Make(Small().OnViolation(SealViolation::kTrap)).Say("rt_sigaction", {SIGSEGV}), Errno(EPERM));
}

// PI locks lend one's priority to whatever process the word names.
TEST(Spec, OneThreadAloneWaitsAndWakesOnly) {
  constexpr std::uint64_t kPrivate = 128, kRealTime = 256;
  const Filter alone = Make(Small()), pool = Make(Small().Threads());
  for (std::uint64_t operation = 0; operation < 16; ++operation) {
    const bool waits = operation < 2 || operation == 9 || operation == 10;
    EXPECT_EQ(alone.Say("futex", {0, operation | kPrivate | kRealTime}), waits ? "allow" : Errno(ENOSYS)) << operation;
    EXPECT_EQ(pool.Say("futex", {0, operation | kPrivate}), "allow") << operation;
  }
}

TEST(Spec, ThreadsLookAtThemselvesOnly) {
  const Filter pool = Make(Small().Threads());
  EXPECT_EQ(pool.Say("sched_getaffinity", {0, 8, 1}), "allow");
  EXPECT_EQ(pool.Say("sched_getaffinity", {1, 8, 1}), Errno(ENOSYS));
  EXPECT_EQ(pool.Say("get_robust_list", {0}), "allow");
  EXPECT_EQ(pool.Say("get_robust_list", {1}), "kill");
}

TEST(Spec, ClocksOfOthersStayClosed) {
  const Filter filter = Make(Small());
  EXPECT_EQ(filter.Say("clock_gettime", {1}), "allow");
  EXPECT_EQ(filter.Say("clock_gettime", {static_cast<std::uint64_t>(-6)}), Errno(EINVAL));
  EXPECT_EQ(filter.Say("clock_nanosleep", {0}), "allow");  // what sleep(3) really calls
  EXPECT_EQ(Make(Seal(SealSelfTest::kOff)).Say("clock_gettime", {1}), "kill");
}

TEST(Spec, ThreadsAsDeclared) {
  constexpr std::uint64_t kGlibc = 0x3d0f00, kMusl = 0x7d0f00;
  EXPECT_EQ(Make(Small()).Say("clone", {kGlibc}), "kill");
  EXPECT_EQ(Make(Small().Threads()).Say("clone", {kGlibc}), "kill");
  const Filter filter = Make(Small().Threads(SealThreads::kNew));
  EXPECT_EQ(filter.Say("clone", {kGlibc}), "allow");
  EXPECT_EQ(filter.Say("clone", {kMusl}), "allow");
  EXPECT_EQ(filter.Say("clone3", {}), Errno(ENOSYS));
  for (const std::uint64_t flags : std::initializer_list<std::uint64_t>{0, 17, 0x4111, kGlibc | 0x10000000, kGlibc ^ 0x10000}) {
    EXPECT_EQ(filter.Say("clone", {flags}), "kill") << flags;
  }
}

// Calls without a condition, all others being violations whatever their arguments.
void ExpectExactly(const Filter& filter, const std::set<std::string>& allowed) {
  for (const bpf::SyscallInfo& call : bpf::Syscalls(filter.spec.abi)) {
    if (filter.Say(call.name, {77, 0, 0, 0, 77}) != "allow") continue;
    EXPECT_EQ(allowed.count(std::string(call.name)), 1U) << call.name;
  }
  for (const std::string& name : allowed) {
    if (bpf::FindSyscall(filter.spec.abi, name) == nullptr) continue;
    EXPECT_EQ(filter.Say(name, {77, 0, 0, 0, 77}), "allow") << name;
  }
}

const std::set<std::string> kBasics = {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "rt_sigaction", "rt_sigprocmask",
                                       "sigaltstack", "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
                                       "futex"};

std::set<std::string> Plus(std::set<std::string> names, const std::set<std::string>& more) {
  names.insert(more.begin(), more.end());
  return names;
}

TEST(Spec, PresetsAllowExactlyThis) {
  for (const Abi abi : {Abi::kX86_64, Abi::kAarch64}) {
    ExpectExactly(Make(Seal(SealSelfTest::kOff), abi), kBasics);
    ExpectExactly(Make(*Seal::Preset("strict", SealSelfTest::kOff), abi),
                  {"exit", "exit_group", "rt_sigreturn", "restart_syscall"});
    ExpectExactly(Make(Seal::Preset("strict", SealSelfTest::kOff)->Read(77).Write(77), abi),
                  {"exit", "exit_group", "rt_sigreturn", "restart_syscall", "read", "readv", "pread64", "preadv", "write",
                   "writev", "pwrite64", "pwritev"});
    const auto memory_and_time = Plus(kBasics, {"brk", "munmap", "mremap", "sysinfo", "mprotect", "madvise", "gettimeofday",
                                                "time", "times", "nanosleep"});
    ExpectExactly(Make(Seal(SealSelfTest::kOff).Memory(), abi), Plus(kBasics, {"brk", "munmap", "mremap", "sysinfo", "mprotect",
                                                                               "madvise"}));
    // clock ids above 15 are refused: 77 is none.
    ExpectExactly(Make(*Seal::Preset("pure", SealSelfTest::kOff), abi),
                  Plus(memory_and_time, {"write", "writev", "pwrite64", "pwritev"}));
    ExpectExactly(Make(*Seal::Preset("stdio", SealSelfTest::kOff), abi),
                  Plus(memory_and_time, {"getrandom", "sched_yield", "membarrier", "rseq", "set_robust_list",
                                         "futex_wait", "futex_wake", "futex_waitv", "futex_requeue"}));
  }
}

TEST(Spec, PromisesOpenWhatTheySay) {
  const auto with = [](std::string_view words) {
    Seal seal(SealSelfTest::kOff);
    seal.Promise(words);
    return Make(seal);
  };
  constexpr auto kCwd = static_cast<std::uint64_t>(AT_FDCWD);
  EXPECT_EQ(with("stdio").Say("openat", {kCwd, 1, O_RDONLY}), "kill");
  EXPECT_EQ(with("stdio rpath").Say("openat", {kCwd, 1, O_RDONLY | O_CLOEXEC}), "allow");
  for (const std::uint64_t flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_TMPFILE | O_RDONLY}) {
    EXPECT_EQ(with("stdio rpath").Say("openat", {kCwd, 1, flags}), "kill") << flags;
  }
  EXPECT_EQ(with("stdio rpath").Say("openat2", {}), Errno(ENOSYS));
  EXPECT_EQ(with("stdio inet").Say("socket", {2, 1}), "allow");
  EXPECT_EQ(with("stdio inet").Say("socket", {2, 3}), "kill");  // raw
  EXPECT_EQ(with("stdio inet").Say("socket", {1, 1}), "kill");
  EXPECT_EQ(with("stdio proc").Say("clone", {17}), "allow");
  EXPECT_EQ(with("stdio proc").Say("clone", {17 | 0x10000000}), "kill");  // a user namespace
  EXPECT_EQ(with("stdio").Say("execve", {}), "kill");
  EXPECT_EQ(with("stdio exec").Say("execve", {}), "allow");
  EXPECT_EQ(with("stdio").Say("mprotect", {0, 0, 4}), "kill");
  EXPECT_EQ(with("stdio prot_exec").Say("mprotect", {0, 0, 4}), "allow");
  EXPECT_EQ(with("stdio").Say("ioctl", {0, 0x5412 /* TIOCSTI */}), Errno(ENOTTY));
  EXPECT_EQ(with("stdio tty").Say("ioctl", {0, 0x5412}), Errno(ENOTTY));
  EXPECT_EQ(with("stdio tty").Say("ioctl", {0, 0x5401}), "allow");
}

// Each of reading, writing and making has a word of its own, and an open that does two needs both.
TEST(Spec, AnOpenNeedsTheWordsForAllItDoes) {
  for (int words = 0; words < 8; ++words) {
    const bool reads = (words & 1) != 0, writes = (words & 2) != 0, creates = (words & 4) != 0;
    Seal seal(SealSelfTest::kOff);
    seal.Promise("stdio").Promise(reads ? "rpath" : "").Promise(writes ? "wpath" : "").Promise(creates ? "cpath" : "");
    const Filter filter = Make(seal);
    for (const int mode : {O_RDONLY, O_WRONLY, O_RDWR}) {
      for (const int more : {0, O_CREAT, O_TRUNC, O_CREAT | O_TRUNC, O_CREAT | O_EXCL | O_CLOEXEC, O_TMPFILE}) {
        if (more == O_TMPFILE && mode == O_RDONLY) continue;  // the kernel's to refuse
        const bool does_read = mode != O_WRONLY, does_write = mode != O_RDONLY || (more & O_TRUNC) != 0,
                   makes = (more & O_CREAT) != 0 || more == O_TMPFILE;
        const bool may = (!does_read || reads) && (!does_write || writes) && (!makes || creates);
        const auto flags = static_cast<std::uint64_t>(mode | more);
        EXPECT_EQ(filter.Say("openat", {0, 1, flags}), may ? "allow" : "kill") << words << " " << flags;
        EXPECT_EQ(filter.Say("open", {1, flags}), may ? "allow" : "kill") << words << " " << flags;
      }
    }
    EXPECT_EQ(filter.Say("creat", {1}), writes && creates ? "allow" : "kill");
  }
}

TEST(Spec, UnknownWordsAreRefused) {
  Seal seal(SealSelfTest::kOff);
  seal.Promise("stdio internet rpath");
  const auto prepared = seal.Prepare();
  ASSERT_FALSE(prepared.ok());
  EXPECT_NE(prepared.error().message.find("\"internet\""), std::string::npos) << prepared.error().message;
  EXPECT_FALSE(Seal::Preset("loose").ok());
  EXPECT_FALSE(Seal(SealSelfTest::kOff).Read(-1).Prepare().ok());
  EXPECT_FALSE(Seal(SealSelfTest::kOff).OnViolation(SealViolation::kErrno, 0).Prepare().ok());
  EXPECT_FALSE(Seal(SealSelfTest::kOff).Record(65535).Prepare().ok());
}

TEST(Spec, OwnNumberIsPutIn) {
  const auto prepared = Small().Prepare();
  ASSERT_TRUE(prepared.ok());
  const auto words = prepared->Program(kPid);
  const Filter filter = Make(Small());
  ASSERT_EQ(words.size(), filter.program.code.size());
  std::vector<sock_filter> code(words.size());
  memcpy(code.data(), words.data(), words.size() * 8);
  EXPECT_TRUE(Prove(filter.spec, code).ok());
}

}  // namespace
}  // namespace moat::seal
