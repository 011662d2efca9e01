// pid 1 of a job: sets the jail up, starts the program, forwards signals to it, reaps whatever
// is orphaned, tells how the program ended, and takes every other process with it.
#include "child/inbox.h"
#include "child/interpret.h"
#include "child/vfork.h"
#include "child/warm.h"
#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;

constexpr int kSigkill = 9, kSigterm = 15, kSigchld = 17, kSigstop = 19, kSigcont = 18;
constexpr unsigned kSigmaskBytes = 8;
constexpr unsigned kStackBytes = 16 * 1024;
constexpr long kEagain = 11;
constexpr int kWnohang = 1, kWall = 0x40000000;
constexpr int kSignals = 64;

struct KernelSigaction {
  unsigned long handler, flags, restorer, mask;
};

[[noreturn]] void Exit(const Caller& call, int code) {
  for (;;) call(__NR_exit_group, code);
}

// The generic forms: clang takes no enumeration in __atomic_store_n.
void SetState(abi::Shared* shared, abi::ChildState state) { __atomic_store(&shared->state, &state, __ATOMIC_RELEASE); }
abi::ChildState StateOf(abi::Shared* shared) {
  abi::ChildState state;
  __atomic_load(&shared->state, &state, __ATOMIC_ACQUIRE);
  return state;
}

// The launcher may be waiting to be told.
void Fail(const Caller& call, abi::Shared* shared, const Outcome& outcome) {
  shared->failed_op = outcome.failed_op;
  shared->failed_errno = outcome.error;
  SetState(shared, abi::ChildState::kFailed);
  Raise(call, &shared->told, ~0U);
}

Outcome RunPhase(const Memory& memory, abi::Phase phase) {
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  const auto p = static_cast<unsigned>(phase);
  return Interpret(memory.call, memory.blob, memory.shared, header.phase_begin[p], header.phase_begin[p + 1]);
}

// /proc/1/cmdline is readable to everyone inside: the caller's command line, with the paths
// of the host in it, ends here. A byte stays: an empty one would read as a kernel thread.
void WipeCommandLine(unsigned char* blob, const abi::Header& header) {
  const auto& slots = *reinterpret_cast<const abi::Slots*>(blob + header.slots);
  volatile auto* bytes = reinterpret_cast<volatile unsigned char*>(slots.wipe);
  for (std::uint64_t i = 0; i < slots.wipe_size; ++i) bytes[i] = i == 0 ? '-' : 0;
}

// The process that becomes the program. It shares pid 1's memory until exec, so that a failure is told by
// a store, which no filter can deny (ADR 1), and pid 1's descriptors: what the filter listens with stays there.
void Program(void* argument) {
  const Memory& memory = *static_cast<const Memory*>(argument);
  const Caller& call = memory.call;
  const Outcome outcome = RunPhase(memory, abi::Phase::kProgram);
  if (__atomic_load_n(&memory.shared->end, __ATOMIC_ACQUIRE) == 0) Fail(call, memory.shared, outcome);  // else it was called off
  Exit(call, 125);
}

constexpr std::uint64_t kSecond = 1000000000;

std::uint64_t Now(const Caller& call) {
  KernelTimespec now{};
  call(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
  return static_cast<std::uint64_t>(now.seconds) * kSecond + static_cast<std::uint64_t>(now.nanoseconds);
}

// The wall limit's second owner: a launcher that is stopped or stuck does not watch it. A little
// later than the launcher, who is to be first.
class Clock {
 public:
  Clock(const Caller& call, std::uint64_t wall_ns, std::uint64_t grace_ns) : call_(call), wall_ns_(wall_ns), grace_ns_(grace_ns) {}
  void Start(std::uint64_t started) {
    if (wall_ns_ == abi::kNone || wall_ns_ > kFarAway) return;
    ask_at_ = started + wall_ns_ + kPatience;
    end_at_ = ask_at_ + (grace_ns_ < kFarAway ? grace_ns_ : kFarAway);
  }
  void Asked() { asked_ = true; }  // the launcher has done it
  bool WantsToAsk() const { return !asked_ && Now(call_) >= ask_at_; }
  bool IsOver() const { return Now(call_) >= end_at_; }
  // Until the next look; null when there is none.
  const KernelTimespec* Wait() {
    if (ask_at_ == kNever) return nullptr;
    const std::uint64_t next = asked_ ? end_at_ : ask_at_, now = Now(call_);
    const std::uint64_t left = next > now ? next - now : 0;
    wait_ = {static_cast<long>(left / kSecond), static_cast<long>(left % kSecond)};
    return &wait_;
  }

 private:
  static constexpr std::uint64_t kNever = ~0ULL, kPatience = 25000000, kFarAway = 1ULL << 60;
  const Caller call_;
  const std::uint64_t wall_ns_, grace_ns_;
  std::uint64_t ask_at_ = kNever, end_at_ = kNever;
  bool asked_ = false;
  KernelTimespec wait_{};
};

void NoteEnd(const Caller& call, abi::Shared* shared, std::int32_t status) {
  shared->status = status;
  shared->ended_ns = Now(call);
  SetState(shared, abi::ChildState::kDone);
}

// Reaps what has ended. True once the program itself is among it.
bool Reap(const Caller& call, abi::Shared* shared, int program) {
  for (;;) {
    std::int32_t status = 0;
    const long pid = call(__NR_wait4, -1, &status, kWnohang | kWall, nullptr);
    if (pid <= 0) return false;
    if (pid != program) continue;
    NoteEnd(call, shared, status);
    return true;
  }
}

void Supervise(const Caller& call, abi::Shared* shared, int program, Inbox& inbox, Clock& clock) {
  for (;;) {
    const int number = inbox.Wait(clock.Wait());
    if (__atomic_load_n(&shared->end, __ATOMIC_ACQUIRE) != 0) return;
    if (number == kSigchld) {
      if (Reap(call, shared, program)) return;
    } else if (number != 0 && number != kSigcont && number != abi::kWakeSignal) {
      if (number == kSigterm) clock.Asked();
      call(__NR_kill, program, number);
    } else if (clock.WantsToAsk()) {
      shared->timed_out = 1;
      clock.Asked();
      call(__NR_kill, program, kSigterm);
    }
    if (clock.IsOver()) {
      shared->timed_out = 1;
      return;
    }
  }
}

// From the exec to the end of the program, or of its time, which begins with its job.
void Oversee(const Caller& call, abi::Shared* shared, int program, Warming& warming, Inbox& inbox, Clock& clock) {
  std::int32_t status = -1;
  if (warming.leads() && !warming.AwaitJob(inbox, status)) {
    if (status != -1) NoteEnd(call, shared, status);
    return;
  }
  clock.Start(shared->started_ns > shared->opened_ns ? shared->started_ns : shared->opened_ns);
  Supervise(call, shared, program, inbox, clock);
}

// Descriptors that stay; those below 0 are none.
class Kept {
 public:
  void Add(std::int32_t fd) {
    for (unsigned i = 0; i < count_; ++i) {
      if (fds_[i] == fd) return;
    }
    if (fd >= 0 && count_ < kMost) fds_[count_++] = fd;  // one too many is closed, and the op that wants it fails
  }
  void CloseOthers(const Caller& call) const {
    unsigned from = 0;
    for (;;) {
      unsigned next = ~0U;
      for (unsigned i = 0; i < count_; ++i) {
        const auto fd = static_cast<unsigned>(fds_[i]);
        if (fd >= from && fd < next) next = fd;
      }
      if (next > from) call(__NR_close_range, from, next == ~0U ? next : next - 1, 0);
      if (next == ~0U) return;
      from = next + 1;
    }
  }

 private:
  static constexpr unsigned kMost = 64;
  std::int32_t fds_[kMost];
  unsigned count_ = 0;
};

// Whatever else the launcher has open, other jobs' pipes too, must not live on here while this job waits.
void KeepOwn(const Memory& memory) {
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  const auto& slots = *reinterpret_cast<const abi::Slots*>(memory.blob + header.slots);
  Kept kept;
  const std::int32_t own[] = {0, 1, 2, slots.launcher_pidfd, slots.notice, slots.watcher, slots.accounts,
                              memory.call.numbered() ? slots.listener : -1};
  for (const std::int32_t fd : own) kept.Add(fd);
  const auto* ops = reinterpret_cast<const abi::Op*>(memory.blob + header.ops);
  const abi::Index end = header.phase_begin[static_cast<unsigned>(abi::Phase::kProgram) + 1];
  for (abi::Index i = header.phase_begin[static_cast<unsigned>(abi::Phase::kSetup)]; i < end; ++i) {
    for (unsigned a = 0; a < 6; ++a) {
      if (ops[i].kinds[a] == abi::Kind::kInt32) kept.Add(*reinterpret_cast<const std::int32_t*>(memory.blob + ops[i].args[a]));
    }
  }
  kept.CloseOthers(memory.call);
}

void Nothing(void* call) { Exit(*static_cast<const Caller*>(call), 0); }

// RLIMIT_NPROC counts nobody whom it refused. But a job that failed for want of processes mostly has
// them still: then another one is refused to us as well, who have the same limit, or a second one where
// the program itself has made room for the first. That is worth a hint, and no proof: it may have had just
// as many as it wanted. A limit of one is reached by whoever runs, and says nothing.
void TryAnother(const Caller& call, abi::Shared* shared, unsigned char* stack_top) {
  if (StateOf(shared) == abi::ChildState::kDone && shared->status == 0) return;
  for (unsigned i = 0; i < 2; ++i) {
    if (Vfork(call, stack_top - i * (kStackBytes / 2), Nothing, const_cast<Caller*>(&call), Parent::kGoesOn) != -kEagain) continue;
    shared->no_more_processes = 1;
    return;
  }
}

void NoteAccounts(const Caller& call, abi::Shared* shared, std::int32_t accounts) {
  if (accounts >= 0) call(__NR_read, accounts, shared->accounts, sizeof(shared->accounts) - 1);
}

// Reaping the rest here, rather than leaving it to the kernel, adds their times to ours. Whoever
// is in this namespace descends from pid 1: no child, nobody else.
void EndEveryone(const Caller& call, abi::Shared* shared, int program) {
  for (int options = kWnohang | kWall;; options = kWall) {
    std::int32_t status = 0;
    const long pid = call(__NR_wait4, -1, &status, options, nullptr);
    if (IsError(pid)) return;
    if (pid == program && StateOf(shared) != abi::ChildState::kDone) NoteEnd(call, shared, status);
    if (options != kWall) call(__NR_kill, -1, kSigkill);
  }
}

// A launcher that goes on need not wait until this process is gone, which takes the kernel longer
// than all that is left to be done for the report.
void TellThatAllEnded(const Caller& call, abi::Shared* shared, std::int32_t notice) {
  constexpr int kSelf = 0, kChildren = -1;
  if (notice < 0) return;
  call(__NR_getrusage, kSelf, shared->used_by_init);
  call(__NR_getrusage, kChildren, shared->used_by_others);
  __atomic_store_n(&shared->alone, 1U, __ATOMIC_RELEASE);
  const std::uint64_t one = 1;
  call(__NR_write, notice, &one, sizeof(one));
}

void AwaitZero(const Caller& call, std::uint32_t* word) {
  constexpr int kFutexWait = 0;
  while (const std::uint32_t now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) call(__NR_futex, word, kFutexWait, now, nullptr);
}

void StopUnless(const Caller& call, bool good, abi::Shared* shared, const Outcome& outcome) {
  if (good) return;
  if (__atomic_load_n(&shared->end, __ATOMIC_ACQUIRE) == 0) Fail(call, shared, outcome);  // else it was called off
  Exit(call, 125);
}

}  // namespace

void ResetSignals(const Caller& call) {
  const KernelSigaction standard{0, 0, 0, 0};
  for (int i = 1; i <= kSignals; ++i) {
    if (i != kSigkill && i != kSigstop) call(__NR_rt_sigaction, i, &standard, nullptr, kSigmaskBytes);
  }
}

void Main(const Memory& memory) {
  abi::Shared* shared = memory.shared;
  const Caller& call = memory.call;
  const auto& header = *reinterpret_cast<const abi::Header*>(memory.blob);
  WipeCommandLine(memory.blob, header);
  if (!call.numbered()) ResetSignals(call);  // else the spawner has done so
  constexpr abi::Phase kOurs[] = {abi::Phase::kBirth, abi::Phase::kSettle, abi::Phase::kSetup};
  for (const abi::Phase phase : kOurs) {
    const Outcome outcome = RunPhase(memory, phase);
    StopUnless(call, outcome.failed_op == abi::kNoOp, shared, outcome);
    if (phase == abi::Phase::kSettle) KeepOwn(memory);
  }
  alignas(16) unsigned char stack[kStackBytes];
  Memory passed = memory;
  __atomic_store_n(&shared->started_ns, Now(call), __ATOMIC_RELEASE);
  std::uint32_t waits = 1;
  const long program = Vfork(call, stack + kStackBytes, Program, &passed, Parent::kGoesOn, &waits);
  const abi::Index spawn = header.phase_begin[static_cast<unsigned>(abi::Phase::kProgram)] - 1;
  StopUnless(call, !IsError(program), shared, Outcome{spawn, static_cast<int>(-program)});
  Warming warming(shared, static_cast<std::int32_t>(program));
  if (shared->warm != 0 && warming.Begin(call)) Raise(call, &shared->gate, abi::kGateJob);
  AwaitZero(call, &waits);
  if (StateOf(shared) == abi::ChildState::kFailed) Exit(call, 125);
  // The program has its own copies. Here they would keep its pipes from ever ending. The plan is
  // the launcher's alone from now on.
  const auto& slots = *reinterpret_cast<const abi::Slots*>(memory.blob + header.slots);
  std::int32_t listener = (header.flags & abi::kListens) != 0 ? slots.listener : -1;
  if (slots.watcher >= 0) {
    HandOver(call, slots.watcher, listener);
    listener = -1;
  }
  const std::int32_t accounts = slots.accounts, notice = slots.notice;
  const bool tells_nothing = header.limits.pids == abi::kNone || header.limits.pids == 1 || (header.flags & abi::kCountsPids) != 0;
  const auto watch = (header.flags & abi::kWatchesAllocations) != 0 ? Inbox::Watch::kAllocations : Inbox::Watch::kNothing;
  Clock clock(call, header.limits.wall_ns, header.limits.grace_ns);
  Kept kept;
  kept.Add(listener);
  kept.Add(accounts);
  kept.Add(notice);
  kept.CloseOthers(memory.call);
  call(__NR_munmap, memory.blob, memory.size);
  shared->program_pid = static_cast<std::int32_t>(program);
  SetState(shared, abi::ChildState::kRunning);
  Inbox inbox(call, shared, listener, watch);
  Oversee(call, shared, static_cast<int>(program), warming, inbox, clock);
  inbox.TakeRest();
  if (!tells_nothing) TryAnother(call, shared, stack + kStackBytes);
  EndEveryone(call, shared, static_cast<int>(program));
  NoteAccounts(call, shared, accounts);
  TellThatAllEnded(call, shared, notice);
  Exit(call, 0);
}

}  // namespace moat::child
