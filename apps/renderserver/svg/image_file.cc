#include "svg/image_file.h"

#include <cstring>
#include <string_view>

namespace svg {
namespace {

using Kind = raster::ImageKind;

bool StartsWith(fig::Bytes bytes, std::size_t at, std::string_view text) {
  return bytes.size >= at + text.size() && std::memcmp(bytes.data + at, text.data(), text.size()) == 0;
}

std::uint32_t BigEndian(fig::Bytes bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | (at + i < bytes.size ? bytes.data[at + i] : 0u);
  return value;
}

// A JPEG up to its scan is a row of segments: FF, a marker, and unless the marker stands alone two
// bytes of length, which count themselves.
struct Segment {
  std::uint8_t marker = 0;
  std::size_t begin = 0, end = 0;  // with the FF and the marker; end == begin: there is none
  std::size_t body = 0;            // behind the length
};

constexpr std::uint8_t kStartOfScan = 0xDA, kApp1 = 0xE1;

Segment SegmentAt(fig::Bytes bytes, std::size_t at) {
  const std::size_t begin = at;
  while (at + 1 < bytes.size && bytes.data[at] == 0xFF && bytes.data[at + 1] == 0xFF) ++at;  // padding
  if (at + 2 > bytes.size || bytes.data[at] != 0xFF) return {0, begin, begin, begin};
  const std::uint8_t marker = bytes.data[at + 1];
  const bool alone = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
  const std::size_t length = alone ? 0 : BigEndian(bytes, at + 2, 2);
  const std::size_t end = at + 2 + length;
  if ((!alone && length < 2) || end > bytes.size) return {0, begin, begin, begin};
  return {marker, begin, end, alone ? end : at + 4};
}

}  // namespace

bool IsWhole(fig::Bytes bytes, Kind kind) {
  const std::string_view text = bytes.text();
  switch (kind) {
    case Kind::kPng: {
      // Chunks: length, name, so many bytes, a checksum.
      for (std::size_t at = 8; at + 12 <= bytes.size; at += std::size_t{12} + BigEndian(bytes, at, 4)) {
        if (StartsWith(bytes, at + 4, "IEND")) return true;
      }
      return false;
    }
    case Kind::kJpeg: {
      const std::size_t scan = text.find("\xFF\xDA");
      return scan != std::string_view::npos && text.find("\xFF\xD9", scan) != std::string_view::npos;
    }
    case Kind::kGif: {
      const std::size_t last = text.find_last_not_of('\0');
      return last != std::string_view::npos && text[last] == ';';
    }
    default: return true;
  }
}

std::string WithoutExif(fig::Bytes bytes, Kind kind) {
  std::string out;
  std::size_t at = 0;
  if (kind == Kind::kJpeg) {
    for (;;) {
      const Segment segment = SegmentAt(bytes, at);
      if (segment.end == segment.begin || segment.marker == kStartOfScan) break;
      if (segment.marker != kApp1) out.append(reinterpret_cast<const char*>(bytes.data) + segment.begin, segment.end - segment.begin);
      at = segment.end;
    }
  }
  return out.append(reinterpret_cast<const char*>(bytes.data) + at, bytes.size - at);
}

}  // namespace svg
