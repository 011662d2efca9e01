// Enough of PNG to tell a picture from something that is called one.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace moat::testkit {

struct PngSize {
  std::uint32_t width = 0, height = 0;
};

// Signature, every chunk's checksum, IHDR first and IEND last; nothing for anything else.
std::optional<PngSize> ReadPng(std::string_view bytes);

}  // namespace moat::testkit
