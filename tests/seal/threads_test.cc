// Threads that were there before, start meanwhile, and come after.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "seal/testing.h"

namespace moat::seal {
namespace {

using testing::Ended;
using testing::InChild;
using testing::MustApply;
using testing::Plain;
using testing::Say;

struct Gate {
  sem_t ready, go;
  Gate() {
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
  }
};

TEST(Threads, OneTooManyIsNamed) {
  const Ended ended = InChild([] {
    Gate gate;
    std::thread other([&] {
      pthread_setname_np(pthread_self(), "leftover");
      sem_post(&gate.ready);
      sem_wait(&gate.go);
    });
    sem_wait(&gate.ready);
    const auto applied = Plain().Apply();
    if (!applied.ok()) Say(applied.error().ToString());
    sem_post(&gate.go);
    other.join();
    return open("/etc/hostname", O_RDONLY) >= 0 ? 0 : 1;  // not sealed
  });
  EXPECT_EQ(ended.code(), 0);
  EXPECT_NE(ended.out.find("(leftover)"), std::string::npos) << ended.out;
}

// runc#1212: a thread that was started before the seal makes a denied call afterwards.
TEST(Threads, ThoseFromBeforeAreCovered) {
  const Ended ended = InChild([] {
    Gate gate;
    std::atomic<int> result{0};
    std::thread other([&] {
      sem_post(&gate.ready);
      sem_wait(&gate.go);
      result = open("/etc/hostname", O_RDONLY) == -1 && errno == EXDEV ? 1 : 2;
    });
    sem_wait(&gate.ready);
    MustApply(Plain().Threads().OnViolation(SealViolation::kErrno, EXDEV));
    sem_post(&gate.go);
    other.join();
    return result == 1 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

TEST(Threads, OneDeathIsTheDeathOfAll) {
  const Ended ended = InChild([] {
    Gate gate;
    std::thread other([&] {
      sem_post(&gate.ready);
      sem_wait(&gate.go);
      open("/etc/hostname", O_RDONLY);
    });
    sem_wait(&gate.ready);
    MustApply(Plain().Threads());
    sem_post(&gate.go);
    other.join();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS);
}

TEST(Threads, OneWithAFilterOfItsOwnIsNamed) {
  const Ended ended = InChild([] {
    Gate gate;
    std::thread other([&] {
      pthread_setname_np(pthread_self(), "diverging");
      sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
      sock_fprog program{1, &allow};
      syscall(SYS_prctl, 38, 1, 0, 0, 0);
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
      sem_post(&gate.ready);
      sem_wait(&gate.go);
    });
    sem_wait(&gate.ready);
    const auto applied = Plain().Threads().Apply();
    const bool refused = !applied.ok();
    if (refused) Say(applied.error().ToString());
    sem_post(&gate.go);
    other.join();
    if (!refused) return 1;
    // Unsealed as before: a call that no seal allows still answers.
    return syscall(SYS_getpgid, 0) > 0 ? 0 : 2;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
  EXPECT_NE(ended.out.find("(diverging)"), std::string::npos) << ended.out;
}

TEST(Threads, NewOnesWhenAllowed) {
  const Ended ended = InChild([] {
    MustApply(Plain().Threads(SealThreads::kNew).OnViolation(SealViolation::kErrno, EXDEV));
    int good = 0;
    for (int i = 0; i < 3; ++i) {
      std::thread([&] { good += open("/etc/hostname", O_RDONLY) == -1 && errno == EXDEV; }).join();
    }
    return good == 3 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

TEST(Threads, NoNewOnesWhenOnlyTheOldAreAllowed) {
  const Ended ended = InChild([] {
    MustApply(Plain().Threads());
    std::thread([] {}).join();
    return 0;
  });
  EXPECT_EQ(ended.signal(), SIGSYS);
}

void* StartAndEnd(void* stop) {
  while (!*static_cast<std::atomic<bool>*>(stop)) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr) == 0) pthread_join(thread, nullptr);
  }
  return nullptr;
}

// Threads come and go while the lock falls: whichever is there afterwards is behind it.
TEST(Threads, StartedMeanwhile) {
  const Ended ended = InChild([] {
    std::atomic<bool> stop{false};
    pthread_t starter;
    pthread_create(&starter, nullptr, StartAndEnd, &stop);
    MustApply(Plain().Threads(SealThreads::kNew).OnViolation(SealViolation::kErrno, EXDEV));
    stop = true;
    pthread_join(starter, nullptr);
    bool sealed = false;
    std::thread([&] { sealed = open("/etc/hostname", O_RDONLY) == -1 && errno == EXDEV; }).join();
    return sealed ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

TEST(Threads, APoolGoesOnAndEnds) {
  const Ended ended = InChild([] {
    Gate gates[4];
    std::thread pool[4];
    std::atomic<int> done{0};
    for (int i = 0; i < 4; ++i) {
      pool[i] = std::thread([&, i] {
        sem_post(&gates[i].ready);
        sem_wait(&gates[i].go);
        std::string big(1 << 22, 'x');  // an arena of its own
        done += big.size() > 1;
      });
    }
    for (auto& gate : gates) sem_wait(&gate.ready);
    MustApply(Plain().Threads());
    for (auto& gate : gates) sem_post(&gate.go);
    for (auto& thread : pool) thread.join();
    return done == 4 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

// malloc takes no locks in a process that never had a second thread: getting ready for some must not start one.
TEST(Threads, AProgramOfOneThreadStaysOne) {
  const Ended ended = InChild([] {
    if (__libc_single_threaded == 0) return 7;
    MustApply(Plain().Threads());
    return __libc_single_threaded != 0 ? 0 : 1;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

// The heap of a thread that was not there yet when libc was warmed up becomes smaller behind the seal.
TEST(Threads, AThreadFromAfterPrepareHasAWarmHeap) {
  const Ended ended = InChild([] {
    const auto prepared = Plain().Threads().Prepare();
    if (!prepared.ok()) return 7;
    Gate gate;
    std::thread other([&] {
      sem_post(&gate.ready);
      sem_wait(&gate.go);
      std::vector<std::string> pieces;
      for (int i = 0; i < 64; ++i) pieces.emplace_back(100 * 1024, 'x');
    });
    sem_wait(&gate.ready);
    if (const auto applied = prepared->Apply(); !applied.ok()) return 8;
    sem_post(&gate.go);
    other.join();
    return 0;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

// Fork in the middle: the child of a sealed process that may fork is sealed as well.
TEST(Threads, ForksInheritTheSeal) {
  const Ended ended = InChild([] {
    Seal seal(SealSelfTest::kOff);
    MustApply(seal.Promise("stdio proc").OnViolation(SealViolation::kErrno, EXDEV));
    const pid_t child = fork();
    if (child == 0) _exit(open("/etc/hostname", O_RDONLY) == -1 && errno == EXDEV ? 9 : 1);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 9 ? 0 : 2;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

// A process that forks between Prepare and Apply, with a thread left in the parent.
TEST(Threads, ForkBetweenPrepareAndApply) {
  const Ended ended = InChild([] {
    Gate gate;
    std::thread other([&] { sem_wait(&gate.go); });
    const auto prepared = Plain().Prepare();
    if (!prepared.ok()) return 7;
    const pid_t child = fork();
    if (child == 0) _exit(prepared->Apply().ok() ? 9 : 1);  // one thread there
    int status = 0;
    waitpid(child, &status, 0);
    sem_post(&gate.go);
    other.join();
    return WIFEXITED(status) && WEXITSTATUS(status) == 9 ? 0 : 2;
  });
  EXPECT_EQ(ended.code(), 0) << ended.signal() << ended.out;
}

}  // namespace
}  // namespace moat::seal
