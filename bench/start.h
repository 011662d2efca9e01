// One program, started and waited for, and the wall time that this took.
#pragma once

#include <string>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::bench {

// CLOCK_MONOTONIC, in microseconds.
double Now();

// What every contender gets: nothing to read, nobody who listens, this small environment.
struct Conditions {
  sys::Fd null;
  std::vector<std::string> environment;
};

struct Program {
  std::vector<std::string> argv;         // argv[0] is a path
  const sys::Fd* namespaces = nullptr;   // a mount namespace to start it in, or ours
};

struct Timed {
  double microseconds = 0;
  int status = 0;  // of waitpid; 0: all went well
};

// posix_spawn (which never copies the caller's memory) and waitpid. `out` takes what the program
// writes; -1: nobody.
Result<Timed> StartAndWait(const Program& program, const Conditions& conditions, int out = -1, int err = -1);

// The same once, for what it says.
struct Said {
  int status = 0;
  std::string out, err;
};
Result<Said> Ask(const Program& program, const Conditions& conditions);

// Where a program is in PATH's usual folders; "" when it is not installed.
std::string FindProgram(const std::string& name);

}  // namespace moat::bench
