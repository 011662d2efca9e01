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

}  // namespace

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
