// Serves jobs that do nothing: what is left is the way there and back.
#include <cstdio>

#include "moat/worker.h"

int main() {
  const moat::Error error = moat::Serve([](moat::WorkerJob&) { return 0; }, {});
  std::fputs(error.ToString().c_str(), stderr);
  return 1;
}
