#include "run/aside.h"

#include <sched.h>
#include <sys/mman.h>

#include "uapi/syscall.h"

namespace moat::run {
namespace {
constexpr std::size_t kStack = 32 * 1024;
constexpr int kWall = 0x40000000;
}  // namespace

void Aside::RunOps() {
  const auto phase = static_cast<unsigned>(abi::Phase::kAside);
  outcome_ = child::Interpret(plan_.bytes(), &plan_.shared(), plan_.header().phase_begin[phase],
                              plan_.header().phase_begin[phase + 1]);
}

// Shares our memory, but no libc may be used here: its thread-local data is the launcher's.
int Aside::Body(void* self) {
  static_cast<Aside*>(self)->RunOps();
  return 0;
}

void Aside::Start() {
  started_ = true;
  stack_ = mmap(nullptr, kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack_ == MAP_FAILED) {
    stack_ = nullptr;
    return;
  }
  // No exit signal: nobody but Join hears of its end.
  const int pid = clone(Body, static_cast<char*>(stack_) + kStack, CLONE_VM | CLONE_FILES, this);
  pid_ = pid > 0 ? pid : 0;
}

child::Outcome Aside::Join() {
  if (!started_) return outcome_;
  started_ = false;
  if (pid_ != 0) {
    while (uapi::Syscall(__NR_wait4, pid_, nullptr, kWall, nullptr) == -4) {
    }
    pid_ = 0;
  } else {
    RunOps();  // the namespace is then our own, which is as good: the job inherits it
  }
  if (stack_ != nullptr) munmap(stack_, kStack);
  stack_ = nullptr;
  return outcome_;
}

}  // namespace moat::run
