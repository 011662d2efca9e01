// A copy of the test that locks itself; what it wrote and how it ended come back.
#pragma once

#include <functional>
#include <string>

#include "moat/seal.h"

namespace moat::seal::testing {

struct Ended {
  int status = 0;
  std::string out;  // what it wrote to descriptors 1 and 2
  int code() const;    // -1 when a signal ended it
  int signal() const;  // 0 when it exited
};

// Runs `body` in a child with descriptors 0 (/dev/null), 1 and 2 (a pipe) and no other. Its
// result is the exit code.
Ended InChild(const std::function<int()>& body);

// Applies or exits with 200, the error in `out`.
SealReport MustApply(const Seal& seal);

// write(2) to descriptor 1, without stdio.
void Say(const std::string& text);

// Without the self-test, and with 0, 1 and 2 declared.
Seal Plain();

}  // namespace moat::seal::testing
