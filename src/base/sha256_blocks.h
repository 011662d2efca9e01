// The inner loop of SHA-256, in two forms that do the same: plain, and with the processor's
// own instructions (five times as fast; output folders are hashed while they are copied).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace moat::base {

using Sha256State = std::array<std::uint32_t, 8>;

extern const std::uint32_t kSha256Round[64];

void CompressPlain(Sha256State& state, const std::uint8_t* blocks, std::size_t count);

// Asked once per process, for in a virtual machine the question costs microseconds.
bool HasShaInstructions();
// Precondition: HasShaInstructions().
void CompressFast(Sha256State& state, const std::uint8_t* blocks, std::size_t count);

}  // namespace moat::base
