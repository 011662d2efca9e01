#include "run/aside.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

constexpr std::size_t kStack = 32 * 1024;
constexpr int kWall = 0x40000000;

// A process that shares our memory and descriptors. No libc may be used in it: its
// thread-local data is ours. No exit signal: nobody but Reap hears of its end.
int CloneBeside(int (*body)(void*), void* argument, void*& stack) {
  stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) {
    stack = nullptr;
    return 0;
  }
  const int pid = clone(body, static_cast<char*>(stack) + kStack, CLONE_VM | CLONE_FILES, argument);
  return pid > 0 ? pid : 0;
}

void Reap(int& pid, void*& stack) {
  if (pid != 0) {
    while (uapi::Syscall(__NR_wait4, pid, nullptr, kWall, nullptr) == -4) {
    }
  }
  pid = 0;
  if (stack != nullptr) munmap(stack, kStack);
  stack = nullptr;
}

}  // namespace

void Aside::RunOps() {
  const auto phase = static_cast<unsigned>(abi::Phase::kAside);
  outcome_ = child::Interpret(plan_.bytes(), &plan_.shared(), plan_.header().phase_begin[phase],
                              plan_.header().phase_begin[phase + 1]);
}

int Aside::Body(void* self) {
  static_cast<Aside*>(self)->RunOps();
  return 0;
}

void Aside::Start() {
  if (started_) return;
  started_ = true;
  pid_ = CloneBeside(Body, this, stack_);
}

child::Outcome Aside::Join() {
  if (!started_) return outcome_;
  started_ = false;
  if (pid_ == 0) RunOps();  // the namespace is then our own, which is as good: the job inherits it
  Reap(pid_, stack_);
  return outcome_;
}

int NetworkAhead::Body(void* self) {
  auto* ahead = static_cast<NetworkAhead*>(self);
  if (uapi::IsError(uapi::Syscall(__NR_unshare, uapi::kCloneNewNet))) return 0;
  const long fd = uapi::Syscall(__NR_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (!uapi::IsError(fd)) ahead->fd_ = static_cast<int>(fd);
  return 0;
}

void NetworkAhead::Start() { pid_ = CloneBeside(Body, this, stack_); }

void NetworkAhead::Settle() { Reap(pid_, stack_); }

sys::Fd NetworkAhead::Take() {
  Settle();
  const int fd = fd_;
  fd_ = -1;
  return sys::Fd(fd);
}

}  // namespace moat::run
