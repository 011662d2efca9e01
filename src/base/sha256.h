// SHA-256 (FIPS 180-4), streaming. Pure; core code may use it.
//
//   base::Sha256 hash;
//   hash.Update(head);
//   hash.Update(body);
//   std::string name = hash.Hex();  // once; the object is used up
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace moat::base {

class Sha256 {
 public:
  using Digest = std::array<std::uint8_t, 32>;

  void Update(std::string_view bytes);
  // As Update() with that many zero bytes, without having them anywhere.
  void UpdateZeros(std::uint64_t count);
  Digest Finish();
  std::string Hex();  // Finish() in 64 lower-case digits

 private:
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_ = {};
  std::uint64_t length_ = 0;  // bytes so far; length_ % 64 of them wait in block_
};

std::string Sha256Hex(std::string_view bytes);

}  // namespace moat::base
