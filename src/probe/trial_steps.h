// The single trials. They run in a child that is a copy of a program of any kind, so that they
// make nothing but bare system calls: no heap, no libc, no locks.
#pragma once

#include <cstdint>

#include "probe/trials.h"
#include "sys/fd.h"  // and the bare system call

namespace moat::probe {

// Writes down what a call returned, and hands it back.
inline long Note(Outcome& outcome, const char* call, long result) {
  outcome.call = call;
  outcome.error = uapi::IsError(result) ? static_cast<std::int32_t>(-result) : 0;
  return result;
}

struct MountOption {
  const char* name;
  const char* value;
};

// A new mount of that type, attached nowhere; -errno when it cannot be had.
long DetachedMount(Outcome& outcome, const char* type, const MountOption* options = nullptr, int count = 0);

struct IdMap {
  const char* process;  // "self" or digits
  std::uint32_t inside, outside_uid, outside_gid;
};
enum class SetGroups : std::uint8_t { kKeep, kDeny };  // without CAP_SETGID a gid map wants kDeny first
void WriteMaps(Outcome& outcome, const IdMap& map, SetGroups groups);

void TryOpenTree(Trials& trials);
// Puts a detached mount over the root of our own mount namespace.
void TryAttach(Outcome& outcome, long mount);
void TryOverlay(Outcome& outcome, long attached_tmpfs);
void TryIdmap(Outcome& outcome, const char* process);
void TryLoopback(Outcome& outcome);
// Whether RLIMIT_NPROC counts this user namespace's processes alone. Forks.
void TryProcessCount(Outcome& outcome);
void TryFilter(Trials& trials);

void AppendDigits(char*& out, std::uint64_t value);

}  // namespace moat::probe
