#include "child/elsewhere.h"

#include "child/vfork.h"
#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr long kEintr = -4;
constexpr int kWall = 0x40000000, kEsrch = 3;
constexpr unsigned kStackBytes = 16 * 1024;

struct Work {
  std::int32_t mounts;
  const Memory& memory;
  abi::Index begin, end;
  Outcome outcome;
};

void Enter(void* argument) {
  Work& work = *static_cast<Work*>(argument);
  const long entered = Syscall(__NR_setns, work.mounts, uapi::kCloneNewNs);
  work.outcome = IsError(entered) ? Outcome{work.begin, static_cast<int>(-entered)}
                                  : Interpret(Caller(), work.memory.blob, work.memory.shared, work.begin, work.end);
  for (;;) Syscall(__NR_exit_group, 0);
}

struct Making {
  NewNetwork& made;
  int error;
};

long OpenHere(const char* path) {
  constexpr int kAtFdcwd = -100;
  constexpr std::uint64_t kReadCloexec = 02000000;
  return Syscall(__NR_openat, kAtFdcwd, path, kReadCloexec);
}

void Make(void* argument) {
  Making& making = *static_cast<Making*>(argument);
  const long apart = Syscall(__NR_unshare, uapi::kCloneNewNet);
  const long space = IsError(apart) ? apart : OpenHere("/proc/thread-self/ns/net");
  const long sockets = IsError(space) ? space : OpenHere("/proc/thread-self/net/unix");
  if (!IsError(space)) making.made.space = static_cast<std::int32_t>(space);
  if (!IsError(sockets)) making.made.sockets = static_cast<std::int32_t>(sockets);
  making.error = IsError(sockets) ? static_cast<int>(-sockets) : 0;
  for (;;) Syscall(__NR_exit_group, 0);
}

}  // namespace

int MakeNetwork(NewNetwork& made) {
  alignas(16) unsigned char stack[kStackBytes];
  Making making{made, kEsrch};
  const long pid = Vfork(Caller(), stack + kStackBytes, Make, &making, Parent::kWaits);
  if (IsError(pid)) return static_cast<int>(-pid);
  while (Syscall(__NR_wait4, pid, nullptr, kWall, nullptr) == kEintr) {
  }
  return making.error;
}

Outcome InterpretAmong(std::int32_t mounts, const Memory& memory, abi::Phase phase) {
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  const abi::Index begin = header.phase_begin[static_cast<unsigned>(phase)];
  alignas(16) unsigned char stack[kStackBytes];
  // Until it says otherwise it was killed.
  Work work{mounts, memory, begin, header.phase_begin[static_cast<unsigned>(phase) + 1], {begin, kEsrch}};
  const long pid = Vfork(Caller(), stack + kStackBytes, Enter, &work, Parent::kWaits);
  if (IsError(pid)) return {begin, static_cast<int>(-pid)};
  while (Syscall(__NR_wait4, pid, nullptr, kWall, nullptr) == kEintr) {
  }
  return work.outcome;
}

}  // namespace moat::child
