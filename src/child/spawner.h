// The spawner: it has installed the filter, and bears the pid 1 of each jail, which inherits it (ADR 12).
// Made before its launcher has seen any job, it has nothing of one in its memory, and no guest has a way to it.
#pragma once

#include "child/call.h"
#include "child/interpret.h"
#include "plan/abi.h"
#include "uapi/kernel.h"

namespace moat::child {

// A page that the spawner shares with its launcher, and with nobody else.
struct Orders {
  std::uint32_t asked, done;   // futexes; how many births were asked for, and done. 1: of the spawner itself
  std::int32_t error;          // why the spawner could not be made; 0: it could
  std::int32_t listener;       // of the filter, in the table of descriptors that both share
  uapi::CloneArgs clone;       // of one birth
  unsigned char* blob;         // where its plan is
  unsigned long size;          // of that
  abi::Shared* shared;         // behind it
  std::int32_t pidfd;
  std::int64_t pid;            // or a negative errno
};

// sock_filter(7)
struct Instruction {
  std::uint16_t code;
  std::uint8_t if_true, if_false;
  std::uint32_t k;
};

struct Spawner {
  Orders* orders;
  Numbers* numbers;            // private, a page
  Instruction* filter;         // private, wiped once it is installed
  std::uint16_t filter_count;
  bool listens;
  unsigned char* berths;       // memory of all plans
  unsigned long berths_size;
  std::int32_t launcher;       // a pidfd
};

// Ends when the launcher does.
[[noreturn]] void Spawn(const Spawner& spawner);

}  // namespace moat::child
