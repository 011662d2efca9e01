#include "attack/survivors.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>
#include <thread>

namespace moat::attack {
namespace {

// Of a chain whose members each bear the next one and end.
constexpr auto kLongestChase = std::chrono::seconds(10);
// For those whom the end of the command has already hit: a kernel is not done with a namespace at once.
constexpr auto kGrace = std::chrono::seconds(1);
constexpr auto kLook = std::chrono::milliseconds(5);

std::set<pid_t> Children() {
  std::ifstream list("/proc/thread-self/children");
  std::set<pid_t> children;
  for (pid_t pid = 0; list >> pid;) children.insert(pid);
  return children;
}

using Clock = std::chrono::steady_clock;

}  // namespace

Survivors::Survivors() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  before_ = Children();
}

// One that was reaped may have borne another one since the list was read: only a list of none is the end.
std::set<pid_t> Survivors::Alive() const {
  while (true) {
    std::set<pid_t> alive;
    bool reaped = false;
    for (const pid_t pid : Children()) {
      if (before_.count(pid) != 0) continue;
      const bool lives = ::waitpid(pid, nullptr, WNOHANG | __WALL) == 0;
      if (lives) alive.insert(pid);
      reaped = reaped || !lives;
    }
    if (!alive.empty() || !reaped) return alive;
  }
}

unsigned Survivors::End() {
  std::set<pid_t> alive = Alive();
  for (const auto begin = Clock::now(); !alive.empty() && Clock::now() - begin < kGrace; alive = Alive()) {
    std::this_thread::sleep_for(kLook);
  }
  const auto count = static_cast<unsigned>(alive.size());
  for (const auto begin = Clock::now(); !alive.empty() && Clock::now() - begin < kLongestChase; alive = Alive()) {
    for (const pid_t pid : alive) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, __WALL);
    }
  }
  return count;
}

}  // namespace moat::attack
