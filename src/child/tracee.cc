#include "child/tracee.h"

#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;
using uapi::Syscall;

// linux/ptrace.h
constexpr unsigned kPeekText = 1, kPokeText = 4, kCont = 7, kDetach = 17, kSyscall = 24;
constexpr unsigned kGetEventMessage = 0x4201, kSeize = 0x4206, kInterrupt = 0x4207, kGetCallInfo = 0x420e;
// Good system call stops, news of forks, vforks, clones and execs; dies with its tracer.
constexpr unsigned kOptions = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000;
constexpr std::uint64_t kAuxEntry = 9;  // AT_ENTRY
constexpr unsigned kWords = 64;
// argv and the environment: execve(2) takes no more than 6 MiB, and each word of it has a pointer.
constexpr unsigned kMostWords = 1U << 20;

struct Part {
  void* bytes;
  unsigned long size;
};

// Hands out the words from an address on.
class Words {
 public:
  Words(const Tracee& tracee, std::uint64_t at) : tracee_(tracee), at_(at) {}
  bool Take(std::uint64_t& word) {
    if (next_ == have_) {
      if (taken_ >= kMostWords) return false;
      const long got = tracee_.Read(at_, words_, sizeof(words_));
      if (got < static_cast<long>(sizeof(std::uint64_t))) return false;
      have_ = static_cast<unsigned>(got) / sizeof(std::uint64_t);
      at_ += have_ * sizeof(std::uint64_t);
      taken_ += have_;
      next_ = 0;
    }
    word = words_[next_++];
    return true;
  }

 private:
  const Tracee& tracee_;
  std::uint64_t at_;
  std::uint64_t words_[kWords];
  unsigned have_ = 0, next_ = 0, taken_ = 0;
};

}  // namespace

long Tracee::Seize() const { return Syscall(__NR_ptrace, kSeize, pid_, 0, kOptions); }
long Tracee::Interrupt() const { return Syscall(__NR_ptrace, kInterrupt, pid_, 0, 0); }
long Tracee::Detach() const { return Syscall(__NR_ptrace, kDetach, pid_, 0, 0); }
long Tracee::Continue(std::uint32_t signal) const { return Syscall(__NR_ptrace, kCont, pid_, 0, signal); }
long Tracee::ContinueToCall(std::uint32_t signal) const { return Syscall(__NR_ptrace, kSyscall, pid_, 0, signal); }

std::int32_t Tracee::Newborn() const {
  unsigned long pid = 0;
  return IsError(Syscall(__NR_ptrace, kGetEventMessage, pid_, 0, &pid)) ? 0 : static_cast<std::int32_t>(pid);
}

bool Tracee::Look(CallInfo& info) const {
  constexpr long kLeast = 24;  // up to where it stands
  return Syscall(__NR_ptrace, kGetCallInfo, pid_, sizeof(info), &info) >= kLeast;
}

long Tracee::Read(std::uint64_t from, void* to, unsigned long size) const {
  Part here{to, size}, there{reinterpret_cast<void*>(from), size};
  return Syscall(__NR_process_vm_readv, pid_, &here, 1, &there, 1, 0);
}

// argc, argv and a null, the environment and a null, then pairs.
std::uint64_t Tracee::Entry(std::uint64_t stack) const {
  Words words(*this, stack);
  std::uint64_t word = 0;
  if (!words.Take(word)) return 0;
  for (std::uint64_t i = word + 1; i > 0; --i) {
    if (!words.Take(word)) return 0;
  }
  do {
    if (!words.Take(word)) return 0;
  } while (word != 0);
  for (std::uint64_t value = 0;;) {
    if (!words.Take(word) || !words.Take(value) || word == 0) return 0;
    if (word == kAuxEntry) return value;
  }
}

bool Tracee::Peek(std::uint64_t at, std::uint64_t& word) const { return !IsError(Syscall(__NR_ptrace, kPeekText, pid_, at, &word)); }
bool Tracee::Poke(std::uint64_t at, std::uint64_t word) const { return !IsError(Syscall(__NR_ptrace, kPokeText, pid_, at, word)); }

#if defined(__x86_64__)
bool Tracee::GoOnAt(std::uint64_t instruction) const {
  constexpr unsigned kPokeUser = 6, kRip = 16 * 8;  // sys/user.h
  return !IsError(Syscall(__NR_ptrace, kPokeUser, pid_, kRip, instruction));
}
std::uint64_t WithBreakpoint(std::uint64_t word) { return (word & ~0xffULL) | 0xcc; }
std::uint64_t BreakpointLength() { return 1; }
std::uint32_t NativeArch() { return 0xc000003e; }
#else
bool Tracee::GoOnAt(std::uint64_t) const { return true; }  // it stands there
std::uint64_t WithBreakpoint(std::uint64_t word) { return (word & ~0xffffffffULL) | 0xd4200000; }
std::uint64_t BreakpointLength() { return 0; }
std::uint32_t NativeArch() { return 0xc00000b7; }
#endif

}  // namespace moat::child
