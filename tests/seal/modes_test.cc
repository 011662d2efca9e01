// What a violation does, mode by mode.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "seal/testing.h"

namespace moat::seal {
namespace {

using testing::Ended;
using testing::InChild;
using testing::MustApply;
using testing::Plain;
using testing::Say;

int Open() { return open("/etc/hostname", O_RDONLY); }

TEST(Modes, Kill) {
  const Ended ended = InChild([] {
    MustApply(Plain());
    Open();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS);
  EXPECT_EQ(ended.out, "");
}

TEST(Modes, Errno) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kErrno, EXDEV));
    return Open() == -1 && errno == EXDEV ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0);
}

TEST(Modes, TrapWritesOneRecordAndDies) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kTrap).Record(2));
    Open();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS) << ended.code();
  ASSERT_FALSE(ended.out.empty());
  EXPECT_EQ(ended.out.find('\n'), ended.out.size() - 1) << ended.out;
  const auto record = nlohmann::json::parse(ended.out);
  EXPECT_EQ(record["moat"], "violation");
  EXPECT_EQ(record["call"], "openat");
  EXPECT_NE(record["arguments"].get<std::string>().find("\"/etc/hostname\""), std::string::npos);
  EXPECT_GE(record["backtrace"].size(), 2U);
  EXPECT_FALSE(record["edit"].get<std::string>().empty());
}

TEST(Modes, TrapWithoutARecordDiesAsWell) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kTrap));
    Open();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS);
}

TEST(Modes, TrapWorksInStrict) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer's own part of a signal handler makes calls that strict forbids";
#endif
  const Ended ended = InChild([] {
    MustApply(Seal::Preset("strict", SealSelfTest::kOff)->Read(0).Write(1).OnViolation(SealViolation::kTrap).Record(2));
    Say("sealed\n");
    syscall(SYS_getuid);
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS);
  EXPECT_NE(ended.out.find("\"call\":\"getuid\""), std::string::npos) << ended.out;
}

// Pointers into nowhere, a stack pointer into nowhere: the record is written all the same.
TEST(Modes, HostileArgumentsDoNotStopTheRecord) {
  for (const std::uint64_t pointer : {0x1ULL, 0xdead0000ULL, ~0ULL, 0x7fffffffffff0000ULL}) {
    const Ended ended = InChild([&] {
      MustApply(Plain().OnViolation(SealViolation::kTrap).Record(2));
      syscall(SYS_openat, AT_FDCWD, pointer, 0, 0);
      return 0;
    });
    EXPECT_EQ(ended.signal(), SIGSYS) << pointer;
    EXPECT_NE(ended.out.find("\"call\":\"openat\""), std::string::npos) << ended.out;
  }
}

TEST(Modes, HandlerCannotBeReplacedNorSilenced) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kTrap).Record(2));
    if (signal(SIGSYS, SIG_IGN) != SIG_ERR) return 1;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
    Open();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS) << ended.code();
}

// The kernel says SIGSEGV when the handler finds no stack: nobody may take that for a reprieve.
TEST(Modes, WithoutAStackItDiesAsWell) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kTrap).Record(2));
    (void)signal(SIGSEGV, [](int) {});
    stack_t nowhere{};
    nowhere.ss_sp = reinterpret_cast<void*>(0x10000);
    nowhere.ss_size = 1 << 16;
    if (sigaltstack(&nowhere, nullptr) != 0) return 1;
    syscall(SYS_getpgid, 0);
    return 0;  // outlived
  });
  EXPECT_EQ(ended.signal(), SIGSEGV) << ended.code() << ended.out;
}

TEST(Modes, SeveralThreadsAtOnceDieTogether) {
  const Ended ended = InChild([] {
    std::thread threads[3];
    std::atomic<bool> go{false};
    for (auto& thread : threads) {
      thread = std::thread([&] {
        while (!go) std::this_thread::yield();
        for (;;) Open();
      });
    }
    MustApply(Plain().Threads().OnViolation(SealViolation::kTrap).Record(2));
    go = true;
    for (auto& thread : threads) thread.join();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS) << ended.code() << ended.out;
}

TEST(Modes, ReportGoesOn) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kReport).Record(2));
    const int fd = Open();
    if (fd < 0) return 1;
    char c;
    if (read(fd, &c, 1) != 1) return 2;
    const pid_t child = _Fork();
    if (child == 0) _exit(3);
    int status = 0;
    if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 3) return 4;
    return open("/nonexistent", O_RDONLY) == -1 && errno == ENOENT ? 0 : 5;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
  std::size_t lines = 0;
  for (const char c : ended.out) lines += c == '\n';
  EXPECT_GE(lines, 4U) << ended.out;  // openat, read, wait4, openat
  EXPECT_NE(ended.out.find("\"mode\":\"report\""), std::string::npos);
}

TEST(Modes, LogGoesOn) {
  EXPECT_EQ(InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kLog));
    return Open() >= 0 ? 0 : 1;
  }).code(), 0);
}

// The first one of the process: the unwinder looks for its tables behind the seal.
TEST(Modes, ExceptionsStillFly) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer's own part of a throw makes calls that the seal forbids";
#endif
  EXPECT_EQ(InChild([] {
    MustApply(Plain());
    try {
      throw std::runtime_error("sealed");
    } catch (const std::exception& error) {
      return std::string(error.what()) == "sealed" ? 0 : 1;
    }
  }).code(), 0);
}

TEST(Modes, AnExternalSigsysEndsWithoutARecord) {
  const Ended ended = InChild([] {
    MustApply(Plain().OnViolation(SealViolation::kTrap).Record(2).Waiting());
    Say("ready");
    raise(SIGSYS);  // refused: only SIGABRT to oneself
    return 3;
  });
  EXPECT_EQ(ended.code(), 3);
  EXPECT_EQ(ended.out, "ready");
}

}  // namespace
}  // namespace moat::seal
