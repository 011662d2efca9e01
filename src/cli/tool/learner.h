// Runs a corpus under watch and collects what it needed.
#pragma once

#include <string>
#include <vector>

#include "learn/observations.h"
#include "moat/result.h"

namespace moat::tool {

struct LearnRequest {
  std::string corpus;
  std::vector<std::string> command;
  std::vector<std::string> visible;  // host paths besides the system
  unsigned jobs = 1;
};

struct FailedInput {
  std::string input, how;
  std::string said;     // the last line of its standard error
};

struct Learned {
  learn::Observations seen;
  std::vector<FailedInput> failed;  // whose job did not exit with 0
};

// An error when no job exited with 0: nothing can be learned from that.
Result<Learned> LearnCorpus(const LearnRequest& request);

}  // namespace moat::tool
