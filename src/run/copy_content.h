// The bytes of one file, with its holes, and their SHA-256 on the way.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "moat/result.h"
#include "run/stop_asked.h"

namespace moat::run {

// What hashing holes may cost in all: they take no space, so a guest can make any number.
struct HoleBudget {
  std::uint64_t left = 1ULL << 30;
};

// Copies the first `size` bytes of `source` (a regular file that has them) into `destination`
// (an empty one); holes stay holes. Answers with the SHA-256, "" when the holes were too many to hash.
// ECANCELED when `stop` was asked for.
//
// A loop of reads and writes on purpose: the hash needs every byte in user space anyway,
// so copy_file_range(2) would only touch the memory once more.
Result<std::string> CopyContent(int source, int destination, std::uint64_t size, std::span<char> buffer,
                                HoleBudget& holes, const StopAsked& stop = {});

}  // namespace moat::run
