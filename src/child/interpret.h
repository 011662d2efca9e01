// The interpreter of prepared system calls. It runs in the launcher (kAhead, kPrepare, kJob), in pid 1
// of the job (kBirth, kSettle, kSetup) and in the process that becomes the program (kProgram).
//
// Law (checked by tools/lint): nothing here may need a symbol from anywhere else: no libc, no
// errno, no thread-local storage, no global, no allocation. What fails is told as an index.
#pragma once

#include "child/call.h"
#include "plan/abi.h"

namespace moat::child {

struct Outcome {
  abi::Index failed_op = abi::kNoOp;
  int error = 0;
};

// Runs the ops [begin, end) of a relocated blob in order; stops at the first failure.
// kSpawn is not run here: it returns when it meets it, failed_op = kNoOp.
Outcome Interpret(const Caller& call, unsigned char* blob, abi::Shared* shared, abi::Index begin, abi::Index end);

// Waits until another process has raised *word to `wanted`, or is gone: 0 or ESRCH. Between two
// looks whether it is (a pidfd), `look_ns` pass.
int WaitFor(const Caller& call, std::uint32_t* word, std::uint32_t wanted, std::int32_t process, long look_ns);
void Raise(const Caller& call, std::uint32_t* word, std::uint32_t to);

// The memory that pid 1 shares with its launcher: the plan, `size` bytes of whole pages, until the
// program runs; the page of `shared` for as long as pid 1 lives.
struct Memory {
  unsigned char* blob;
  unsigned long size;
  abi::Shared* shared;
  Caller call;  // with numbers: in jails that inherit their filter
};

// CLONE_CLEAR_SIGHAND resets handlers but keeps what the caller of moat ignores; a guest
// must not inherit that (nohup, a daemon's SIGPIPE).
void ResetSignals(const Caller& call);

// pid 1 of the job, from the first instruction after clone3 to the end of every process.
[[noreturn]] void Main(const Memory& memory);

}  // namespace moat::child
