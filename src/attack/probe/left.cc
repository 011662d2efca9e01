// Outliving the command, and not ending: whether it worked is seen from outside (src/attack/witness.cc).
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

// Nobody is a nuisance for longer, whoever runs the probe.
constexpr unsigned kLongestStay = 25;
constexpr int kChainSeconds = 4;
constexpr useconds_t kLinkMicroseconds = 10000;

[[noreturn]] void Stay() {
  alarm(kLongestStay);
  for (;;) pause();
}

void CloseStreams() {
  for (int fd = 0; fd < 3; ++fd) close(fd);
}

// Twice forked, in a session of its own, with nothing that anybody waits for.
Verdict Daemon() {
  const pid_t child = fork();
  if (child < 0) return Closed("fork: %s", strerror(errno));
  if (child > 0) return Open("a daemon");
  setsid();
  if (fork() != 0) _exit(0);
  CloseStreams();
  Stay();
}

// The line is only ever read by a caller that waited for it.
Verdict HoldsStream() {
  const pid_t child = fork();
  if (child < 0) return Closed("fork: %s", strerror(errno));
  if (child > 0) return Open("somebody holds the stream");
  setsid();
  sleep(2);
  constexpr char kLine[] = "HELD\n";
  (void)!write(1, kLine, sizeof(kLine) - 1);
  _exit(0);
}

// Each bears the next one and ends: there is never a pid to kill for long. Slow enough that whoever reaps them,
// or does not, has no trouble.
Verdict Chain() {
  struct timespec now, begin;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int link = 0; link < 3; ++link) {
    const pid_t child = fork();
    if (child < 0) return Closed("fork: %s", strerror(errno));
    if (child > 0) continue;
    setsid();
    CloseStreams();
    for (now = begin; now.tv_sec < begin.tv_sec + kChainSeconds; clock_gettime(CLOCK_MONOTONIC, &now)) {
      usleep(kLinkMicroseconds);
      if (fork() > 0) _exit(0);
    }
    _exit(0);
  }
  return Open("three chains of processes");
}

Verdict Stopped() {
  alarm(kLongestStay);
  if (kill(getpid(), SIGSTOP) != 0) return Closed("stop: %s", strerror(errno));
  Stay();
}

Verdict IgnoresSignals() {
  for (int number = 1; number < 65; ++number) {
    if (number != SIGALRM) signal(number, SIG_IGN);
  }
  Stay();
}

// A job that stops for a tracer that never comes.
Verdict TracedByParent() { return Turned(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr), "traceme"); }

constexpr Probe kProbes[] = {
    {"left-daemon", Daemon},         {"left-holding-output", HoldsStream}, {"left-chain", Chain},
    {"stays-stopped", Stopped},      {"stays-deaf", IgnoresSignals},       {"traceme", TracedByParent},
};

}  // namespace

Probes LeftProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
