#include "attack/survivors.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <chrono>
#include <fstream>

namespace moat::attack {
namespace {

// Of a chain whose members each bear the next one and end.
constexpr auto kLongestChase = std::chrono::seconds(10);

std::set<pid_t> Children() {
  std::ifstream list("/proc/thread-self/children");
  std::set<pid_t> children;
  for (pid_t pid = 0; list >> pid;) children.insert(pid);
  return children;
}

}  // namespace

Survivors::Survivors() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  before_ = Children();
}

unsigned Survivors::End() {
  const auto deadline = std::chrono::steady_clock::now() + kLongestChase;
  unsigned first = 0;
  for (bool looked = false;; looked = true) {
    unsigned alive = 0;
    for (const pid_t pid : Children()) {
      if (before_.count(pid) != 0 || ::waitpid(pid, nullptr, WNOHANG | __WALL) != 0) continue;
      ++alive;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, __WALL);
    }
    if (!looked) first = alive;
    if (alive == 0 || std::chrono::steady_clock::now() > deadline) return first;
  }
}

}  // namespace moat::attack
