#include "run/supervise.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "run/arrived.h"
#include "run/groups.h"
#include "run/left_over.h"
#include "run/told.h"
#include "run/usage.h"
#include "sys/calls.h"

namespace moat::run {
namespace {

constexpr std::uint64_t kMillisecond = 1000000;
constexpr std::uint64_t kNever = ~0ULL;
constexpr std::uint64_t kInitPatience = 15 * kMillisecond;  // for pid 1 to end everybody
// For the kernel to end everybody. Who is killed and does not go waits inside of it, for a disk or a server
// that does not answer, perhaps for ever, and pid 1 does not go before.
constexpr std::uint64_t kKernelPatience = 5000 * kMillisecond;
// What a job that was ended at its deadline has left in its pipes: 20 ms, and less where ending it took long.
constexpr std::uint64_t kLastFlush = 20 * kMillisecond, kLeastFlush = 5 * kMillisecond;
constexpr std::uint64_t kBackWithin = 40 * kMillisecond;

std::uint64_t After(std::uint64_t now, std::uint64_t delay) { return delay == abi::kNone ? kNever : now + delay; }

bool IsEnding(int number) { return number == SIGINT || number == SIGTERM || number == SIGHUP || number == SIGQUIT; }

class Supervisor {
 public:
  Supervisor(Newborn& newborn, Streams& streams, const sys::Fd& signals, Evidence& evidence, Job::Detail detail)
      : plan_(newborn.plan()), counters_(newborn.counters()), child_(newborn.child()), notice_(newborn.notice().get()), streams_(streams), signals_(signals),
        evidence_(evidence), detail_(detail), limits_(plan_.header().limits), begin_(sys::NowNs()) {
    begin_ = Started();
    wall_at_ = After(begin_, limits_.wall_ns);
    cpu_at_ = limits_.cpu_ns == abi::kNone ? kNever : begin_ + std::max(kMillisecond, limits_.cpu_ns / CpuCount());
  }

  void Run() {
    while (!dead_ || Busy()) {
      Wait();
      Pump();
      if (!dead_) Watch();
      if (dead_ && sys::NowNs() >= flush_until_) break;
    }
    // What came last may have come when nobody was left to be ended for it.
    if (CutOutput() && evidence_.stop == Stop::kNo) evidence_.stop = Stop::kOutput;
    streams_.in.Stop();
    streams_.out.Stop();
    streams_.err.Stop();
  }

  std::uint64_t ended_at() const { return ended_at_; }
  std::uint64_t begin() const { return Started(); }
  const struct rusage& usage() const { return usage_; }
  int status() const { return status_; }

 private:
  static std::uint64_t CpuCount() { return static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); }

  // pid 1 says when; a launcher that gets no processor learns of it late.
  std::uint64_t Started() const {
    const std::uint64_t told = __atomic_load_n(&plan_.shared().started_ns, __ATOMIC_ACQUIRE);
    return told != 0 ? std::max(told, plan_.shared().opened_ns) : begin_;
  }

  bool Busy() const { return streams_.out.active() || streams_.err.active(); }

  std::uint64_t NextDeadline() const {
    if (dead_) return flush_until_;
    return std::min({wall_at_, cpu_at_, kill_at_, give_up_at_});
  }

  void Wait() {
    polls_.clear();
    polls_.push_back({signals_.get(), POLLIN, 0});
    polls_.push_back({dead_ ? -1 : child_.pidfd().get(), POLLIN, 0});  // poll skips a negative one
    polls_.push_back({dead_ ? -1 : notice_, POLLIN, 0});
    streams_.out.AddPolls(polls_);
    streams_.err.AddPolls(polls_);
    if (!dead_) streams_.in.AddPolls(polls_);
    const std::uint64_t deadline = NextDeadline();
    struct timespec timeout{};
    if (deadline != kNever) {
      const std::uint64_t now = sys::NowNs();
      const std::uint64_t left = deadline > now ? deadline - now : 0;
      timeout.tv_sec = static_cast<time_t>(left / 1000000000ULL);
      timeout.tv_nsec = static_cast<long>(left % 1000000000ULL);
    }
    if (ppoll(polls_.data(), polls_.size(), deadline == kNever ? nullptr : &timeout, nullptr) < 0) {
      for (struct pollfd& entry : polls_) entry.revents = 0;
    }
  }

  void Pump() {
    streams_.out.Step(polls_);
    streams_.err.Step(polls_);
    if (!dead_) streams_.in.Step(polls_);
    if (polls_[1].revents != 0) Reap();
    if (!dead_ && polls_[2].revents != 0) TakeNotice();
    if (polls_[0].revents != 0) TakeSignals();
  }

  void Reap() {
    int status = 0;
    if (detail_ == Job::Detail::kFull) LookAtTransfers(counters_, child_.pid(), plan_.shared());
    const pid_t reaped = wait4(child_.pid(), &status, WNOHANG | __WALL, &usage_);
    if (reaped == 0 || (reaped < 0 && errno == EINTR)) return;
    // Anything else means that it is gone, even if somebody else took its status.
    child_.Reaped();
    status_ = status;
    NoteEnd();
  }

  // pid 1 has reaped everybody, and is all that is left: code of ours that ends.
  void TakeNotice() {
    const abi::Shared& shared = plan_.shared();
    if (__atomic_load_n(&shared.alone, __ATOMIC_ACQUIRE) == 0) return;
    if (detail_ == Job::Detail::kFull) LookAtTransfers(counters_, child_.pid(), plan_.shared());
    usage_ = Sum(shared.used_by_init, shared.used_by_others);
    NoteEnd();
  }

  void NoteEnd() {
    dead_ = true;
    ended_at_ = sys::NowNs();
    // A reader that does not read must not hold us longer than the job itself could have.
    const std::uint64_t wall = After(begin_, limits_.wall_ns);
    const std::uint64_t due = wall == kNever ? kNever : After(wall, limits_.grace_ns);
    if (due == kNever) return;
    flush_until_ = std::max(due, std::clamp(due + kBackWithin, ended_at_ + kLeastFlush, ended_at_ + kLastFlush));
  }

  void TakeSignals() {
    struct signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
      const int number = static_cast<int>(info.ssi_signo);
      if (NothingArrived(info)) continue;
      if (dead_) {
        if (!IsEnding(number)) continue;
        if (evidence_.stop == Stop::kNo) evidence_.stop = Stop::kCancelled;  // what was written is not all delivered
        flush_until_ = 0;
      } else if (IsEnding(number)) {
        End(Stop::kCancelled, number);
      } else {
        kill(child_.pid(), number);  // pid 1 passes it on to the program
      }
    }
  }

  // Asks once, then insists.
  void End(Stop reason, int ask_with) {
    if (evidence_.stop == Stop::kNo) evidence_.stop = reason;
    if (told_to_end_) return;
    const std::uint64_t now = sys::NowNs();
    if (ask_with == 0 || limits_.grace_ns == 0) {
      Kill();
    } else if (kill_at_ == kNever) {
      kill(child_.pid(), ask_with);
      kill_at_ = After(now, limits_.grace_ns);
    } else if (reason == Stop::kCancelled) {
      Kill();  // the second Ctrl-C
    }
  }

  // pid 1 kills and reaps everybody, which keeps their accounts. Should it be stopped or slow, its
  // own death ends every process of its namespace, and the kernel throws the accounts away.
  void Kill() {
    wall_at_ = cpu_at_ = kNever;
    if (!told_to_end_) {
      told_to_end_ = true;
      __atomic_store_n(&plan_.shared().end, 1U, __ATOMIC_RELEASE);
      kill(child_.pid(), abi::kWakeSignal);
      kill_at_ = sys::NowNs() + kInitPatience;
      return;
    }
    kill(child_.pid(), SIGKILL);
    kill_at_ = kNever;
    give_up_at_ = sys::NowNs() + kKernelPatience;
  }

  // It has its end and is not waited for any more: whoever goes on keeps what is left of it (Remains).
  void GiveUp() {
    evidence_.left = NameLeftOver(child_.pid());
    child_.Abandon();
    status_ = SIGKILL;
    NoteEnd();
    flush_until_ = ended_at_ + kLastFlush;  // it still has our pipes
  }

  bool CutOutput() const { return streams_.out.over_limit() || streams_.err.over_limit(); }

  void Watch() {
    if (CutOutput() && evidence_.stop == Stop::kNo) End(Stop::kOutput, 0);
    const std::uint64_t now = sys::NowNs();
    if (now >= kill_at_) Kill();
    if (now >= give_up_at_) return GiveUp();
    if (now >= wall_at_) WatchWall(now);
    if (now >= cpu_at_) WatchCpu(now);
  }

  void WatchWall(std::uint64_t now) {
    wall_at_ = After(Started(), limits_.wall_ns);
    if (now < wall_at_) return;  // it began later than was thought here
    End(Stop::kWall, SIGTERM);
    wall_at_ = kNever;
  }

  // Looks again when the limit could be reached at the earliest, all processors busy.
  void WatchCpu(std::uint64_t now) {
    std::uint64_t used = 0;
    if (!ReadCpu(plan_, counters_, used)) {
      cpu_at_ = kNever;  // kept per process by RLIMIT_CPU
      return;
    }
    if (used >= limits_.cpu_ns) {
      cpu_at_ = kNever;
      End(Stop::kCpu, SIGTERM);
      return;
    }
    cpu_at_ = now + std::max(kMillisecond, (limits_.cpu_ns - used) / CpuCount());
  }

  LivePlan& plan_;
  const Counters& counters_;
  Child& child_;
  const int notice_;  // -1: only the end of pid 1 tells
  Streams& streams_;
  const sys::Fd& signals_;
  Evidence& evidence_;
  const Job::Detail detail_;
  const abi::LimitsRow& limits_;
  std::uint64_t begin_;
  std::uint64_t wall_at_ = kNever, cpu_at_ = kNever, kill_at_ = kNever, give_up_at_ = kNever, flush_until_ = kNever;
  std::uint64_t ended_at_ = 0;
  bool dead_ = false, told_to_end_ = false;
  int status_ = 0;
  struct rusage usage_ {};
  std::vector<struct pollfd> polls_;
};

}  // namespace

bool CancelAsked(int signals) {
  struct signalfd_siginfo info;
  while (read(signals, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    if (IsEnding(static_cast<int>(info.ssi_signo)) && !NothingArrived(info)) return true;
  }
  return false;
}

void Supervise(Newborn& newborn, Streams& streams, const sys::Fd& signals, Job::Detail detail,
               Report& report, Evidence& evidence) {
  LivePlan& plan = newborn.plan();
  Supervisor supervisor(newborn, streams, signals, evidence, detail);
  supervisor.Run();
  TakeTimes(supervisor.usage(), report);
  if (detail == Job::Detail::kFull) TakeTransfers(plan.shared(), supervisor.status(), report);
  report.out = streams.out.usage();
  report.err = streams.err.usage();
  evidence.told = ToldBySeal(streams.err.tail());
  const abi::Shared& shared = plan.shared();
  evidence.init_status = supervisor.status();
  evidence.program_done = shared.state == abi::ChildState::kDone;
  evidence.program_status = shared.status;
  report.wall = (evidence.program_done ? shared.ended_ns : supervisor.ended_at()) - supervisor.begin();
  // pid 1 has a clock as well, for a launcher that is stopped.
  if (shared.timed_out != 0 && evidence.stop == Stop::kNo) evidence.stop = Stop::kWall;
}

}  // namespace moat::run
