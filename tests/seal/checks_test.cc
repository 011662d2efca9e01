// What is looked at before the lock, and said.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <semaphore.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>

#include "seal/inspect.h"
#include "seal/testing.h"

namespace moat::seal {
namespace {

using testing::Ended;
using testing::InChild;
using testing::Plain;
using testing::Say;

// The error of Apply, "" when it is sealed.
int Tell(const Seal& seal) {
  const auto applied = seal.Apply();
  if (!applied.ok()) {
    Say(applied.error().ToString());
    return 7;
  }
  for (const auto& stray : applied->strays) Say("stray " + std::to_string(stray.fd) + " " + stray.what + " " + stray.done + "\n");
  for (const auto& note : applied->notes) Say("note " + note + "\n");
  return 0;
}

void ExpectRefused(const Ended& ended, const std::string& words) {
  EXPECT_EQ(ended.code(), 7) << ended.out;
  EXPECT_NE(ended.out.find(words), std::string::npos) << ended.out;
}
void ExpectSays(const Ended& ended, const std::string& words) {
  EXPECT_EQ(ended.code(), 0) << ended.out << " signal " << ended.signal();
  EXPECT_NE(ended.out.find(words), std::string::npos) << ended.out;
}

TEST(Checks, NothingToComplainAbout) { EXPECT_EQ(InChild([] { return Tell(Plain()); }).code(), 0); }

// It has the thread-local storage of who made it, too: a sanitizer's notes about calls would go to that one.
__attribute__((no_sanitize("thread", "address"))) int WaitForEver(void*) {
  for (;;) syscall(SYS_pause);
}

// Neither a thread nor a stranger: what it writes into the memory of both, the sealed one never wrote.
int TellBesideASharer(const Seal& seal) {
  static char stack[1 << 16];
  const pid_t sharer = clone(WaitForEver, stack + sizeof(stack), CLONE_VM | SIGCHLD, nullptr);
  const int code = Tell(seal);
  kill(sharer, SIGKILL);
  waitpid(sharer, nullptr, 0);
  return code;
}

TEST(Checks, AProcessThatSharesTheMemoryIsRefused) {
  ExpectRefused(InChild([] { return TellBesideASharer(Plain()); }), "another process, which shares the memory");
}

// Where there are threads it is found by comparing, and named.
TEST(Checks, AProcessThatSharesTheMemoryIsFoundAmongThreads) {
  const pid_t self = getpid();
  if (syscall(SYS_kcmp, self, self, 1 /* KCMP_VM */, 0, 0) != 0) GTEST_SKIP() << "no kcmp here";
  ExpectRefused(InChild([] {
    sem_t end;
    sem_init(&end, 0, 0);
    std::thread other([&] { sem_wait(&end); });
    const int code = TellBesideASharer(Plain().Threads());
    sem_post(&end);
    other.join();
    return code;
  }), "process ");
}

// Not the memory but the descriptors: what is behind a number is for another process to say.
pid_t SharerOfDescriptors(int number) {
  const pid_t sharer = static_cast<pid_t>(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
  if (sharer != 0) return sharer;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char c;
  (void)!read(number, &c, 1);
  dup2(open("/proc/version", O_RDONLY), 0);
  (void)!write(number, "x", 1);
  _exit(0);
}

TEST(Checks, DescriptorsAreNobodyElses) {
  const Ended ended = InChild([] {
    int pair[2];
    (void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    close(0);
    open("/etc/passwd", O_RDONLY);  // 0 again
    SharerOfDescriptors(pair[1]);
    const int code = Tell(Plain().ReadWrite(pair[0]).ReadWrite(pair[1]));
    char c = 'x';
    (void)!write(pair[0], &c, 1);
    (void)!read(pair[0], &c, 1);  // it has done it
    char beginning[5] = {};
    (void)!pread(0, beginning, sizeof(beginning), 0);
    return code != 0 ? code : memcmp(beginning, "Linux", 5) != 0 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.out << ended.signal();
}

TEST(Checks, AProcessThatSharesTheDescriptorsIsFoundAmongThreads) {
  const pid_t self = getpid();
  if (syscall(SYS_kcmp, self, self, 2 /* KCMP_FILES */, 0, 0) != 0) GTEST_SKIP() << "no kcmp here";
  const Ended ended = InChild([] {
    int pair[2];
    (void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    const pid_t sharer = SharerOfDescriptors(pair[1]);
    sem_t end;
    sem_init(&end, 0, 0);
    std::thread other([&] { sem_wait(&end); });
    const int code = Tell(Plain().ReadWrite(pair[0]).ReadWrite(pair[1]).Threads());
    sem_post(&end);
    other.join();
    kill(sharer, SIGKILL);
    waitpid(sharer, nullptr, 0);
    return code;
  });
  ExpectRefused(ended, "which shares the descriptors");
}

// Numbers beyond the first words of the table, holes before them, and those that only a path can use;
// in the process that opened them, and in a forked one, whose table is no longer than it must be.
TEST(Checks, StraysAreFoundWhereverTheyAre) {
  for (const int number : {5, 63, 64, 65, 127, 128, 129, 255, 256, 700}) {
    for (const int flags : {O_RDONLY, O_PATH}) {
      const auto open_there = [&] {
        const int fd = open("/etc/passwd", flags);
        if (dup2(fd, number) != number) _exit(5);
        close(fd);
      };
      const std::string words = "descriptor " + std::to_string(number) + " (";
      ExpectRefused(InChild([&] {
        open_there();
        return Tell(Plain());
      }), words);
      ExpectRefused(InChild([&] {
        open_there();
        const pid_t child = _Fork();
        if (child == 0) _exit(Tell(Plain()));
        int status = 0;
        waitpid(child, &status, 0);
        return WEXITSTATUS(status);
      }), words);
    }
  }
}

// The table stays as long as it was, and a number below may be declared.
TEST(Checks, ALongTableOfNothingIsNoComplaint) {
  for (const int number : {40, 64, 100, 200, 700}) {
    EXPECT_EQ(InChild([&] {
      const int fd = open("/etc/passwd", O_RDONLY);
      if (dup2(fd, number) != number || dup2(fd, number + 1) != number + 1) return 5;
      close(fd);
      close(number + 1);
      return Tell(Plain().Read(number));
    }).code(), 0) << number;
  }
}

TEST(Checks, StraysAreRefusedAndNamed) {
  ExpectRefused(InChild([] {
    open("/etc/passwd", O_RDONLY);
    return Tell(Plain());
  }), "descriptor 3 (file /etc/passwd)");
}

TEST(Checks, StraysAreClosedAndListed) {
  const Ended ended = InChild([] {
    open("/etc/passwd", O_RDONLY);
    open("/", O_RDONLY | O_DIRECTORY);
    int pair[2];
    (void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    const int code = Tell(Plain().Strays(SealStrays::kClose));
    char c;
    for (int fd = 3; fd < 7; ++fd) {
      if (syscall(SYS_close, fd) == 0 || syscall(SYS_read, 0, &c, 1) != 0) Say("still there\n");
    }
    return code;
  });
  ExpectSays(ended, "stray 3 file closed\n");
  ExpectSays(ended, "stray 4 directory closed\n");
  ExpectSays(ended, "note descriptor 4 (directory /) was left over and is closed\n");
  ExpectSays(ended, "note descriptor 5 (socket");
  EXPECT_EQ(ended.out.find("still there"), std::string::npos);
}

TEST(Checks, StraysThatAreKeptAreListed) {
  ExpectSays(InChild([] {
    open("/etc/passwd", O_RDONLY);
    return Tell(Plain().Strays(SealStrays::kKeep));
  }), "stray 3 file kept\n");
}

TEST(Checks, FoldersAndSocketsAreLoudEvenWhenStraysAreKept) {
  ExpectRefused(InChild([] {
    open("/", O_RDONLY | O_DIRECTORY);
    return Tell(Plain().Strays(SealStrays::kKeep));
  }), "descriptor 3 (directory /)");
  ExpectRefused(InChild([] {
    (void)socket(AF_UNIX, SOCK_STREAM, 0);
    return Tell(Plain().Strays(SealStrays::kKeep));
  }), "descriptor 3 (socket");
  ExpectSays(InChild([] {
    int pair[2];
    (void)socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    return Tell(Plain().Read(3).ReadWrite(4));
  }), "is declared: whoever is at its other end");
}

TEST(Checks, RolesFitTheDescriptors) {
  ExpectRefused(InChild([] { return Tell(Plain().Read(9)); }), "descriptor 9 is declared and not open");
  ExpectRefused(InChild([] {
    open("/", O_RDONLY | O_DIRECTORY);
    return Tell(Plain().Read(3));
  }), "cannot be declared");
  ExpectRefused(InChild([] {
    open("/etc/passwd", O_RDONLY);
    return Tell(Plain().Write(3));
  }), "declared for writing and open for reading only");
  ExpectRefused(InChild([] {
    open("/dev/null", O_WRONLY);
    return Tell(Plain().Map(3));
  }), "declared for reading and open for writing only");
  ExpectRefused(InChild([] {
    open("/etc/passwd", O_PATH);
    return Tell(Plain().Read(3));
  }), "cannot be declared");
}

// Whoever may write there writes its own code, whatever the filter says of PROT_EXEC.
TEST(Checks, RecordsNeedAPlaceToWriteTo) {
  const auto record = [](int fd) { return Plain().OnViolation(SealViolation::kTrap).Record(fd); };
  ExpectRefused(InChild([&] { return Tell(record(9)); }), "9, is not open");
  ExpectRefused(InChild([&] {
    open("/etc/passwd", O_RDONLY);
    return Tell(record(3));
  }), "3, is not open for writing");
}

// poll refuses to look at more descriptors than there may be.
TEST(Checks, WhoMayReadAnyMayWaitForAny) {
  EXPECT_EQ(InChild([] {
    pollfd all[8] = {};
    for (int i = 0; i < 8; ++i) all[i] = {i < 3 ? i : open("/dev/null", O_RDWR), POLLOUT, 0};
    testing::MustApply(Seal::Preset("pure", SealSelfTest::kOff)->AnyRead().Waiting());
    return poll(all, 8, 0) == -1 ? 1 : 0;
  }).code(), 0);
}

TEST(Checks, OrdersToTheKernelAreNoOutputs) {
  ExpectRefused(InChild([] {
    open("/proc/self/mem", O_RDWR);
    return Tell(Plain().Write(3));
  }), "an order to the kernel");
}

TEST(Checks, OrdersToTheKernelAreNotTakenInByAnyWrite) {
  const auto preset = [](const char* name) { return std::move(Seal::Preset(name, SealSelfTest::kOff)).value(); };
  ExpectRefused(InChild([&] {
    open("/proc/self/mem", O_RDWR);
    return Tell(preset("pure").Read(0).Strays(SealStrays::kKeep));
  }), "descriptor 3 (");
  ExpectRefused(InChild([&] {
    open("/proc/self/mem", O_WRONLY);
    return Tell(Seal(SealSelfTest::kOff).Promise("stdio"));
  }), "descriptor 3 (");
  ExpectRefused(InChild([&] {
    open("/proc/self/mem", O_WRONLY);
    return Tell(Plain().OnViolation(SealViolation::kTrap).Record(3));
  }), "gives orders to the kernel");
}

int Code() {
  const int code = memfd_create("code", 0);
  return ftruncate(code, 4096) == 0 ? code : -1;
}

// Outputs that nobody declared one by one are outputs as well.
TEST(Checks, WritableCodeIsRefusedByWayOfAnyOutput) {
  const auto tell = [](const Seal& seal) {
    return InChild([&] {
      (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, Code(), 0);
      return Tell(seal);
    });
  };
  ExpectRefused(tell(Seal::Preset("pure", SealSelfTest::kOff)->Read(0)), "by way of descriptor 3");
  ExpectRefused(tell(Seal(SealSelfTest::kOff).Promise("stdio")), "by way of descriptor 3");
  ExpectRefused(tell(Plain().OnViolation(SealViolation::kTrap).Record(3)), "by way of descriptor 3");
}

TEST(Checks, WritableCodeIsRefusedBySecondWays) {
  ExpectRefused(InChild([] {
    const int code = memfd_create("code", 0);
    (void)!ftruncate(code, 4096);
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, code, 0);
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, code, 0);
    close(code);
    return Tell(Plain());
  }), "by way of ");
  ExpectRefused(InChild([] {
    const int code = memfd_create("code", 0);
    (void)!ftruncate(code, 4096);
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, code, 0);
    return Tell(Plain().Write(code));
  }), "by way of descriptor 3");
  // One that runs and is shared can have a second address (mremap), which mprotect makes writable.
  ExpectRefused(InChild([] {
    const int code = Code();
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, code, 0);
    close(code);
    return Tell(Plain());
  }), "by way of ");
  ExpectRefused(InChild([] {
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return Tell(Plain());
  }), "by way of ");
  // Another that is only read becomes writable in the same way.
  ExpectRefused(InChild([] {
    const int code = Code();
    (void)!mmap(nullptr, 4096, PROT_READ, MAP_SHARED, code, 0);
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, code, 0);
    close(code);
    return Tell(Plain());
  }), "by way of ");
  // What was executable stays so where it cannot be written.
  EXPECT_EQ(InChild([] {
    const int code = memfd_create("code", 0);
    (void)!ftruncate(code, 4096);
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, code, 0);
    return Tell(Plain().Read(code));
  }).code(), 0);
}

TEST(Checks, MemoryThatIsExecutableByItselfIsRefused) {
  ExpectRefused(InChild([] {
    const auto prepared = Plain().Prepare();
    personality(READ_IMPLIES_EXEC);
    const auto applied = prepared->Apply();
    if (applied.ok()) return 0;
    Say(applied.error().ToString());
    return 7;
  }), "READ_IMPLIES_EXEC");
}

TEST(Checks, WhatIsTakenInIsToldWhereItReachesFurther) {
  ExpectSays(InChild([] {
    open("/", O_RDONLY | O_DIRECTORY);
    return Tell(Seal(SealSelfTest::kOff).Promise("stdio"));
  }), "note descriptor 3 (directory /) was left over and stays within reach");
  ExpectSays(InChild([] {
    (void)socket(AF_UNIX, SOCK_STREAM, 0);
    return Tell(Seal(SealSelfTest::kOff).Promise("stdio"));
  }), "stays within reach");
}

TEST(Checks, FileSystemsThatTakeOrders) {
  for (const long magic : {0x9fa0L, 0x62656572L, 0x42494e4dL, 0xde5e81e4L}) EXPECT_TRUE(GivesOrders(magic)) << magic;
  for (const long magic : {0xef53L, 0x01021994L, 0x9123683eL}) EXPECT_FALSE(GivesOrders(magic)) << magic;
}

TEST(Checks, WritableCodeIsRefused) {
  ExpectRefused(InChild([] {
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return Tell(Plain());
  }), "writable and executable");
  // A server's children do not look again.
  ExpectRefused(InChild([] {
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const auto prepared = Plain().Prepare();
    if (prepared.ok()) return 0;
    Say(prepared.error().ToString());
    return 7;
  }), "writable and executable");
}

TEST(Checks, RingsThatWorkByThemselvesAreRefused) {
  const Ended ended = InChild([] {
    char parameters[120];
    memset(parameters, 0, sizeof(parameters));
    const long ring = syscall(SYS_io_uring_setup, 1, parameters);
    if (ring < 0) return 77;
    return Tell(Plain().Strays(SealStrays::kClose));
  });
  if (ended.code() == 77) GTEST_SKIP() << "no io_uring here";
  ExpectRefused(ended, "io_uring");
}

// Its mappings and its descriptor are gone; its thread is not.
TEST(Checks, RingsThatAreOnlyAThreadAreRefused) {
  const Ended ended = InChild([] {
    std::uint32_t parameters[30] = {};
    parameters[2] = 1U << 1 | 1U << 14 | 1U << 15;  // IORING_SETUP_SQPOLL, _NO_MMAP, _REGISTERED_FD_ONLY
    parameters[4] = 1000000;                        // milliseconds before it sleeps
    const auto page = [] { return mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); };
    void* const pages[2] = {page(), page()};
    memcpy(reinterpret_cast<char*>(parameters) + 72, &pages[0], sizeof(void*));   // sq_off.user_addr
    memcpy(reinterpret_cast<char*>(parameters) + 112, &pages[1], sizeof(void*));  // cq_off.user_addr
    if (syscall(SYS_io_uring_setup, 4, parameters) < 0) return 77;
    return Tell(Plain().Threads());
  });
  if (ended.code() == 77) GTEST_SKIP() << "no io_uring of its own here";
  ExpectRefused(ended, "works for an io_uring");
}

TEST(Checks, SharedFileMappingsAreTold) {
  ExpectSays(InChild([] {
    const int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    (void)!ftruncate(file, 4096);
    (void)!mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return Tell(Plain().Strays(SealStrays::kClose));
  }), "mapped writable and shared");
}

TEST(Checks, SetUserIdProgramsAreRefused) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to have two ids";
  ExpectRefused(InChild([] {
    (void)!setresuid(0, 65534, 0);
    return Tell(Plain());
  }), "set-user-ID");
}

TEST(Checks, WithoutProcNothingIsSealed) {
  if (getuid() != 0) GTEST_SKIP() << "needs root to leave /proc behind";
  ExpectRefused(InChild([] {
    (void)!chroot("/etc");
    return Tell(Plain());
  }), "/proc");
}

TEST(Checks, LimitsStandBehindTheFilter) {
  const Ended ended = InChild([] {
    Seal seal = Plain();
    seal.FileSize(1000);
    // Seen from outside the filter, which would refuse to tell.
    if (!seal.OnViolation(SealViolation::kErrno).Apply().ok()) return 7;
    return 0;
  });
  EXPECT_EQ(ended.code(), 0) << ended.out;
  // In mode log the filter lets us look, and the limit on output is set all the same.
  ExpectSays(InChild([] {
    const int code = Tell(Plain().FileSize(1000).OnViolation(SealViolation::kLog));
    if (prctl(PR_GET_DUMPABLE) > 0) Say("dumpable\n");
    return code;
  }), "this is not a wall");
}

TEST(Checks, OutputIsCutAtItsLimit) {
  const Ended ended = InChild([] {
    const int file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    testing::MustApply(Plain().Write(file).FileSize(10));
    (void)!write(file, "0123456789", 10);
    (void)!write(file, "x", 1);
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGXFSZ) << ended.code() << ended.out;
}

}  // namespace
}  // namespace moat::seal
