// What ptrace(2) is needed for: to lead a program that has no job yet to the place where it waits for one
// (ADR 13). By its parent, in the jail, without any privilege. Errors are the kernel's.
#pragma once

#include <cstdint>

namespace moat::child {

// ptrace(2)'s PTRACE_SYSCALL_INFO_*
enum class CallPlace : std::uint8_t { kNowhere, kEntry, kExit, kFilter };

struct CallInfo {
  CallPlace place;
  std::uint8_t pad[3];
  std::uint32_t arch;
  std::uint64_t instruction, stack;
  std::uint64_t number, args[6];
};

class Tracee {
 public:
  explicit Tracee(std::int32_t pid) : pid_(pid) {}

  // From its next exec on; never stops it by itself. Whoever ends without letting it go ends it.
  long Seize() const;
  long Interrupt() const;
  long Detach() const;
  // `signal` is delivered, 0: none.
  long Continue(std::uint32_t signal) const;
  long ContinueToCall(std::uint32_t signal) const;
  // Of the thread or process that it has just made.
  std::int32_t Newborn() const;
  bool Look(CallInfo& info) const;
  // How many bytes there are, up to `size`, or an error.
  long Read(std::uint64_t from, void* to, unsigned long size) const;

  // Where the program begins when its loader is done, from its stack right behind the exec; 0: not found.
  std::uint64_t Entry(std::uint64_t stack) const;
  // A word of its code.
  bool Peek(std::uint64_t at, std::uint64_t& word) const;
  bool Poke(std::uint64_t at, std::uint64_t word) const;
  bool GoOnAt(std::uint64_t instruction) const;

 private:
  std::int32_t pid_;
};

// The machine's own instruction for a breakpoint, in the place of `word`'s first; and how far behind it the
// program then stands.
std::uint64_t WithBreakpoint(std::uint64_t word);
std::uint64_t BreakpointLength();
std::uint32_t NativeArch();  // AUDIT_ARCH_*

}  // namespace moat::child
