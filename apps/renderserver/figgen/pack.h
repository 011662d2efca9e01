// Around a message: compression, the canvas with its chunks, the ZIP file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace figgen {

std::string Deflate(std::string_view bytes);  // raw, as in the files
enum class ZstdSize : std::uint8_t { kWritten, kOmitted };
std::string Zstd(std::string_view bytes, ZstdSize size = ZstdSize::kWritten);
std::uint32_t Crc32(std::string_view bytes);
void AppendLittle(std::uint64_t value, int bytes, std::string* out);
void AppendFloat(float value, std::string* out);  // four bytes

// Magic, version, and a length before each chunk.
std::string Canvas(std::string_view magic, std::uint32_t version, const std::vector<std::string>& chunks);

struct ZipFile {
  std::string name;
  std::string content;
  enum class Method : std::uint8_t { kStored, kDeflated } method = Method::kStored;
};
// Written as a stream is: the sizes come behind the content, the headers before it have none.
std::string Zip(const std::vector<ZipFile>& files);

}  // namespace figgen
