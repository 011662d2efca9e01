#include "scene/thumbnail.h"

#include <cstdlib>

#include "fig/inflate.h"

namespace scene {
namespace {

std::uint32_t Big32(fig::Bytes bytes, std::size_t at) {
  return std::uint32_t{bytes.data[at]} << 24 | std::uint32_t{bytes.data[at + 1]} << 16 | std::uint32_t{bytes.data[at + 2]} << 8 |
         bytes.data[at + 3];
}

struct Header {
  std::size_t width = 0, height = 0;
  std::size_t channels = 0;  // the last of them is alpha where there are 2 or 4
};

// The header, and the content of all IDAT chunks joined, without the two bytes before the deflate stream.
std::optional<Header> ReadChunks(fig::Bytes png, std::string* data) {
  constexpr std::size_t kSignature = 8, kFrame = 12;  // length, name, checksum
  constexpr std::size_t kChannels[] = {1, 0, 3, 0, 2, 0, 4};
  std::optional<Header> header;
  for (std::size_t at = kSignature; at <= png.size && png.size - at >= kFrame;) {
    const std::size_t size = Big32(png, at);
    if (size > png.size - at - kFrame) return std::nullopt;
    const std::string_view name = png.Part(at + 4, 4).text();
    const fig::Bytes body = png.Part(at + 8, size);
    if (name == "tRNS" || name == "PLTE") return std::nullopt;
    if (name == "IDAT") *data += body.text();
    if (name == "IHDR" && size == 13) {
      const std::uint8_t depth = body.data[8], type = body.data[9], interlace = body.data[12];
      if (depth != 8 || type > 6 || kChannels[type] == 0 || interlace != 0) return std::nullopt;
      header = Header{Big32(body, 0), Big32(body, 4), kChannels[type]};
    }
    at += kFrame + size;
  }
  if (data->size() < 2) return std::nullopt;
  data->erase(0, 2);
  return header;
}

std::uint8_t Paeth(int left, int up, int corner) {
  const int guess = left + up - corner;
  const int a = std::abs(guess - left), b = std::abs(guess - up), c = std::abs(guess - corner);
  return static_cast<std::uint8_t>(a <= b && a <= c ? left : b <= c ? up : corner);
}

// Adds what the filter took away. `above` is null for the first line.
bool Unfilter(std::uint8_t filter, std::uint8_t* line, const std::uint8_t* above, std::size_t size, std::size_t step) {
  if (filter > 4) return false;
  for (std::size_t i = 0; i < size; ++i) {
    const int left = i >= step ? line[i - step] : 0, up = above != nullptr ? above[i] : 0;
    const int corner = i >= step && above != nullptr ? above[i - step] : 0;
    const int add[] = {0, left, up, (left + up) / 2, Paeth(left, up, corner)};
    line[i] = static_cast<std::uint8_t>(line[i] + add[filter]);
  }
  return true;
}

}  // namespace

std::optional<bool> HasHoles(fig::Bytes png) {
  std::string data;
  const std::optional<Header> header = ReadChunks(png, &data);
  if (!header) return std::nullopt;
  const std::size_t channels = header->channels;
  if (channels % 2 == 1) return false;
  constexpr std::size_t kMostSide = 4096;
  if (header->width == 0 || header->height == 0 || header->width > kMostSide || header->height > kMostSide) return std::nullopt;
  const std::size_t line = header->width * channels;
  fig::Budget limits;
  fig::InflateBudget budget(limits);
  auto pixels = fig::InflateExactly(fig::BytesOf(data), (line + 1) * header->height, &budget, "thumbnail");
  if (!pixels.ok()) return std::nullopt;
  std::uint8_t* above = nullptr;
  for (std::size_t y = 0; y < header->height; ++y) {
    std::uint8_t* at = pixels->data() + y * (line + 1);
    if (!Unfilter(at[0], at + 1, above, line, channels)) return std::nullopt;
    above = at + 1;
    for (std::size_t i = channels - 1; i < line; i += channels) {
      if (above[i] == 0) return true;
    }
  }
  return false;
}

}  // namespace scene
