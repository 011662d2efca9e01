// What the helper that unwinds stacks gets and says (docs/denials.md). It reads descriptor 0, whose content is of a guest:
//
//   Head, then for each snapshot: SnapshotHead, its MappingRows, the bytes of its stack
//
// and finds the files that the rows number as descriptors from kFirstFile on. It writes lines to descriptor 1: for each
// snapshot its frames, the innermost first, as "ADDRESS NAME" (hexadecimal; the name may be missing), then ".".
// Both are built from the same source; each checks what it gets. Layouts only.
#pragma once

#include <cstddef>
#include <cstdint>

namespace moat::watch::unwind {

inline constexpr std::uint64_t kMagic = 0x31646e6977746f6d;
inline constexpr int kFirstFile = 3;
inline constexpr std::size_t kMaxSnapshots = 32, kMaxMappings = 256, kMaxFiles = 64, kMaxStack = 64 * 1024, kMaxFrames = 32;
inline constexpr std::size_t kMaxFile = 256U << 20, kMaxSaid = 1 << 20, kMaxName = 200;
inline constexpr unsigned kCpuSeconds = 10;

struct Head {
  std::uint64_t magic = kMagic;
  std::uint32_t snapshots = 0, files = 0;
};

// A thread that stands in a system call: where, and the stack from its pointer on. The kernel tells no more registers.
struct SnapshotHead {
  std::uint64_t pc = 0, sp = 0;
  std::uint32_t mappings = 0, stack = 0;
};

// Code that is mapped from a file.
struct MappingRow {
  std::uint64_t start = 0, end = 0, offset = 0;
  std::uint32_t file = 0, unused = 0;
};

}  // namespace moat::watch::unwind
