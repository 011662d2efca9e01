#include "testkit/png.h"

namespace moat::testkit {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";

std::uint32_t Big(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// CRC-32 of ISO 3309, as PNG's annex D defines it.
std::uint32_t Crc(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

}  // namespace

std::optional<PngSize> ReadPng(std::string_view bytes) {
  if (bytes.substr(0, kSignature.size()) != kSignature) return std::nullopt;
  std::optional<PngSize> size;
  for (std::size_t at = kSignature.size(); bytes.size() - at >= 12;) {
    const std::size_t length = Big(bytes, at);
    if (length > bytes.size() - at - 12) return std::nullopt;
    const std::string_view type = bytes.substr(at + 4, 4);
    if (Crc(bytes.substr(at + 4, length + 4)) != Big(bytes, at + 8 + length)) return std::nullopt;
    if (!size) {
      if (type != "IHDR" || length != 13) return std::nullopt;
      size = PngSize{Big(bytes, at + 8), Big(bytes, at + 12)};
    }
    at += length + 12;
    if (type == "IEND") return at == bytes.size() ? size : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace moat::testkit
