#include "child/warm.h"

#include "child/interpret.h"
#include "child/looks.h"
#include "uapi/syscall.h"

namespace moat::child {
namespace {

using abi::WarmStop;
using uapi::IsError;
using uapi::Syscall;

constexpr int kSigtrap = 5, kSigchld = 17;
constexpr int kWnohang = 1, kWall = 0x40000000;
constexpr std::uint32_t kStopped = 0x7f, kCallStop = kSigtrap | 0x80;
constexpr std::uint32_t kEventFork = 1, kEventVfork = 2, kEventClone = 3, kEventExec = 4, kEventStop = 128;
constexpr int kSetDumpable = 4;  // prctl(2)
constexpr long kEfault = 14;
constexpr unsigned kPathBytes = 512;

bool Stands(std::int32_t status) { return (static_cast<std::uint32_t>(status) & 0xff) == kStopped; }

}  // namespace

// This process made itself unreadable, and the program has the same memory still: for a moment it is readable to
// its own user. Nobody in this jail has run anything but our code, and no other jail sees it.
bool Warming::Begin(const Caller& call) {
  if (!call.numbered()) {  // a filter around pid 1 would not let it (ADR 12)
    Syscall(__NR_prctl, kSetDumpable, 1, 0, 0, 0);
    leads_ = !IsError(tracee_.Seize());
    Syscall(__NR_prctl, kSetDumpable, 0, 0, 0, 0);
  }
  if (!leads_) Raise(call, &shared_->stopped, static_cast<std::uint32_t>(WarmStop::kUntraced));
  return leads_;
}

bool Warming::AwaitJob(Inbox& inbox, std::int32_t& status) {
  for (;;) {
    const int number = inbox.Wait(nullptr);
    if (__atomic_load_n(&shared_->end, __ATOMIC_ACQUIRE) != 0) return false;
    if (number == kSigchld && TakeStops(status) == Fate::kEnded) return false;
    if (!halted_ && !interrupted_ && __atomic_load_n(&shared_->stop_asked, __ATOMIC_ACQUIRE) != 0) {
      interrupted_ = true;
      tracee_.Interrupt();
    }
    if (halted_ && __atomic_load_n(&shared_->gate, __ATOMIC_ACQUIRE) >= abi::kGateWarm) {
      Release();
      return true;
    }
  }
}

Warming::Fate Warming::TakeStops(std::int32_t& ended) {
  for (;;) {
    std::int32_t status = 0;
    const long pid = Syscall(__NR_wait4, -1, &status, kWnohang | kWall, nullptr);
    if (pid <= 0) return Fate::kLives;
    if (pid == program_ && !Stands(status)) {
      ended = status;
      return Fate::kEnded;
    }
    if (pid == program_) {
      TakeStop(static_cast<std::uint32_t>(status));
    } else if (Stands(status)) {
      another_ = static_cast<std::int32_t>(pid);
      another_stands_ = true;
    }
  }
}

void Warming::TakeStop(std::uint32_t status) {
  const std::uint32_t event = status >> 16, signal = status >> 8 & 0xff;
  if (event != 0) return TakeEvent(event, signal);
  if (signal == kCallStop) return TakeCall();
  if (signal == kSigtrap && TakeBreakpoint()) return;
  GoOn(signal);
}

void Warming::TakeEvent(std::uint32_t event, std::uint32_t signal) {
  switch (event) {
    case kEventExec:
      return TakeExec();
    case kEventFork: case kEventVfork: case kEventClone:
      another_ = tracee_.Newborn();
      return Halt(WarmStop::kAnother);
    case kEventStop:
      // The signal of the breakpoint is on its way, and would end whom nobody traces.
      if (interrupted_ && StandsAtBreakpoint()) return GoOn(0);
      return Halt(interrupted_ ? WarmStop::kAsked : WarmStop::kUnclear);
    default:
      return GoOn(signal);
  }
}

// Whatever the loader does is not looked at: there is much of it, and no job in it.
void Warming::TakeExec() {
  begun_ = false;
  entry_ = 0;
  CallInfo info{};
  if (!tracee_.Look(info) || info.arch != NativeArch()) return Halt(WarmStop::kUnclear);
  const std::uint64_t entry = tracee_.Entry(info.stack);
  std::uint64_t word = 0;
  if (entry == 0 || !tracee_.Peek(entry, word) || !tracee_.Poke(entry, WithBreakpoint(word))) return Halt(WarmStop::kUnclear);
  entry_ = entry;
  word_ = word;
  GoOn(0);
}

bool Warming::StandsAtBreakpoint() const {
  CallInfo info{};
  return entry_ != 0 && tracee_.Look(info) && info.instruction == entry_ + BreakpointLength();
}

bool Warming::RemoveBreakpoint() {
  const std::uint64_t entry = entry_;
  entry_ = 0;
  return entry == 0 || tracee_.Poke(entry, word_);
}

bool Warming::TakeBreakpoint() {
  if (!StandsAtBreakpoint()) return false;
  const std::uint64_t entry = entry_;
  // One that cannot be put right is no program any more.
  if (!RemoveBreakpoint() || !tracee_.GoOnAt(entry)) return false;
  begun_ = true;
  if (interrupted_) {
    Halt(WarmStop::kAsked);
  } else {
    GoOn(0);
  }
  return true;
}

void Warming::TakeCall() {
  CallInfo info{};
  const WarmStop stop = tracee_.Look(info) ? Judge(info) : WarmStop::kUnclear;
  if (stop != WarmStop::kNone) return Halt(stop);
  GoOn(0);
}

WarmStop Warming::Judge(const CallInfo& info) const {
  if (info.place != CallPlace::kEntry) return WarmStop::kNone;
  if (info.arch != NativeArch()) return WarmStop::kUnclear;
  if (MakesAnother(info.number)) return WarmStop::kAnother;
  if (ReadsStandardInput(info.number, info.args)) return WarmStop::kInput;
  const unsigned paths = PathArguments(info.number);
  for (unsigned i = 0; i < 6; ++i) {
    if ((paths >> i & 1) != 0 && LooksAtInput(info.args[i])) return WarmStop::kInput;
  }
  return WarmStop::kNone;
}

bool Warming::LooksAtInput(std::uint64_t address) const {
  char path[kPathBytes];
  const long got = tracee_.Read(address, path, sizeof(path));
  if (got == -kEfault) return false;  // as the kernel will say
  const auto size = got < 0 ? 0UL : static_cast<unsigned long>(got);
  return MayLeadTo(path, size, shared_->warm_folder, shared_->warm_within != 0 ? Within::kYes : Within::kNo);
}

void Warming::GoOn(std::uint32_t signal) {
  if (begun_) {
    tracee_.ContinueToCall(signal);
  } else {
    tracee_.Continue(signal);
  }
}

void Warming::Halt(WarmStop why) {
  RemoveBreakpoint();
  halted_ = true;
  Raise(Caller(), &shared_->stopped, static_cast<std::uint32_t>(why));
}

void Warming::Release() {
  std::int32_t status = 0;
  if (another_ > 0 && !another_stands_) Syscall(__NR_wait4, another_, &status, kWall, nullptr);
  if (another_ > 0) Tracee(another_).Detach();
  tracee_.Detach();
}

}  // namespace moat::child
