// The interpreter of prepared system calls. It runs in the launcher (kPrepare, kAside), in
// pid 1 of the job (kSetup) and in the process that becomes the program (kProgram).
//
// Law (checked by tools/lint): nothing here may need a symbol from anywhere else: no libc, no
// errno, no thread-local storage, no global, no allocation. What fails is told as an index.
#pragma once

#include "plan/abi.h"

namespace moat::child {

struct Outcome {
  abi::Index failed_op = abi::kNoOp;
  int error = 0;
};

// Runs the ops [begin, end) of a relocated blob in order; stops at the first failure.
// kSpawn is not run here: it returns when it meets it, failed_op = kNoOp.
Outcome Interpret(unsigned char* blob, abi::Shared* shared, abi::Index begin, abi::Index end);

// pid 1 of the job, from the first instruction after clone3 to the end of every process.
[[noreturn]] void Main(unsigned char* blob, abi::Shared* shared);

}  // namespace moat::child
