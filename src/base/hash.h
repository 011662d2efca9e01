// A hash that is the same on every machine and in every release: for orders and shares, never against people
// who choose what is hashed. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace moat::base {

// FNV-1a, then mixed (the finaliser of MurmurHash3): FNV alone leaves the high bits of short texts alike.
constexpr std::uint64_t StableHash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdU;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53U;
  return hash ^ hash >> 33;
}

// Whether the key belongs to that share of all keys, in hundredths of a per cent. A larger share has all that a
// smaller one has.
constexpr bool InShare(std::string_view key, std::uint32_t hundredths) { return StableHash(key) % 10000 < hundredths; }

}  // namespace moat::base
