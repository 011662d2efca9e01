// Pictures that samples show: drawn by a formula, encoded as PNG, named by their SHA-1.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace figgen {

struct Pixel {
  std::uint8_t r = 0, g = 0, b = 0, a = 255;
};

// RGBA, straight alpha, eight bits.
std::string Png(std::uint32_t width, std::uint32_t height,
                const std::function<Pixel(std::uint32_t x, std::uint32_t y)>& pixel);

std::string Sha1(std::string_view bytes);      // 20 bytes
std::string ToHex(std::string_view bytes);

}  // namespace figgen
