// Who is left of a command when it has ended: what lost its parent becomes ours, and is ended here.
#pragma once

#include <sys/types.h>

#include <set>

namespace moat::attack {

// For a program without threads. Made before the command starts; children that are there already are not its.
class Survivors {
 public:
  Survivors();
  // When the command itself was reaped: how many lived on, and were not about to end. None is left afterwards, or
  // the kernel holds it.
  unsigned End();

 private:
  std::set<pid_t> Alive() const;  // reaps those that have ended

  std::set<pid_t> before_;
};

}  // namespace moat::attack
