#include "figgen/picture.h"

#include <array>
#include <bit>
#include <vector>

#include <zlib.h>

#include "figgen/pack.h"

namespace figgen {
namespace {

void AppendBig(std::uint64_t value, int bytes, std::string* out) {
  for (int i = bytes; i-- > 0;) *out += static_cast<char>(value >> (8 * i));
}

void AppendChunk(std::string_view type, std::string_view content, std::string* png) {
  AppendBig(content.size(), 4, png);
  const std::string both = std::string(type) + std::string(content);
  *png += both;
  AppendBig(Crc32(both), 4, png);
}

// What zlib puts around a raw stream.
std::string ZlibStream(const std::string& bytes) {
  std::string out = "\x78\xDA" + Deflate(bytes);
  AppendBig(adler32(1, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())), 4, &out);
  return out;
}

using Sha1State = std::array<std::uint32_t, 5>;

void Sha1Block(const unsigned char* block, Sha1State* state) {
  std::array<std::uint32_t, 80> words;
  for (std::size_t i = 0; i < 16; ++i) {
    words[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 |
               std::uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
  }
  for (std::size_t i = 16; i < 80; ++i) {
    words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
  }
  auto [a, b, c, d, e] = *state;
  for (std::size_t i = 0; i < 80; ++i) {
    const std::uint32_t mixed = i < 20 ? ((b & c) | (~b & d)) + 0x5A827999
                              : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
                              : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
                                       : (b ^ c ^ d) + 0xCA62C1D6;
    const std::uint32_t next = std::rotl(a, 5) + mixed + e + words[i];
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  }
  (*state)[0] += a, (*state)[1] += b, (*state)[2] += c, (*state)[3] += d, (*state)[4] += e;
}

}  // namespace

std::string Png(std::uint32_t width, std::uint32_t height,
                const std::function<Pixel(std::uint32_t x, std::uint32_t y)>& pixel) {
  std::string header;
  AppendBig(width, 4, &header);
  AppendBig(height, 4, &header);
  header += {8, 6, 0, 0, 0};  // bits, RGBA, and nothing special
  std::string rows;
  for (std::uint32_t y = 0; y < height; ++y) {
    rows += '\0';  // no filter
    for (std::uint32_t x = 0; x < width; ++x) {
      const Pixel p = pixel(x, y);
      rows += {static_cast<char>(p.r), static_cast<char>(p.g), static_cast<char>(p.b), static_cast<char>(p.a)};
    }
  }
  std::string png = "\x89PNG\r\n\x1A\n";
  AppendChunk("IHDR", header, &png);
  AppendChunk("IDAT", ZlibStream(rows), &png);
  AppendChunk("IEND", "", &png);
  return png;
}

std::string Sha1(std::string_view bytes) {
  std::string padded(bytes);
  padded += '\x80';
  padded.append((120 - padded.size() % 64) % 64, '\0');
  AppendBig(bytes.size() * 8, 8, &padded);
  Sha1State state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  for (std::size_t at = 0; at < padded.size(); at += 64) {
    Sha1Block(reinterpret_cast<const unsigned char*>(padded.data()) + at, &state);
  }
  std::string digest;
  for (const std::uint32_t word : state) AppendBig(word, 4, &digest);
  return digest;
}

std::string ToHex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

}  // namespace figgen
