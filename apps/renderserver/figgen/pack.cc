#include "figgen/pack.h"

#include <cstring>
#include <memory>
#include <stdexcept>

#include <zlib.h>
#include <zstd.h>

namespace figgen {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kDescriptor = 0x08074b50, kRecord = 0x02014b50,
                        kEnd = 0x06054b50;
constexpr std::uint16_t kNeeded = 20, kFlags = 0x0808;  // descriptors, names in UTF-8

void CheckZstd(std::size_t result) {
  if (ZSTD_isError(result)) throw std::runtime_error(ZSTD_getErrorName(result));
}

std::uint16_t Method(const ZipFile& file) { return file.method == ZipFile::Method::kStored ? 0 : 8; }

}  // namespace

void AppendLittle(std::uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i, value >>= 8) *out += static_cast<char>(value);
}

void AppendFloat(float value, std::string* out) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  AppendLittle(bits, 4, out);
}

std::uint32_t Crc32(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::string Deflate(std::string_view bytes) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

std::string Zstd(std::string_view bytes, ZstdSize size) {
  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), &ZSTD_freeCCtx);
  if (context == nullptr) throw std::bad_alloc();
  CheckZstd(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, size == ZstdSize::kWritten ? 1 : 0));
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t made = ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  CheckZstd(made);
  out.resize(made);
  return out;
}

std::string Canvas(std::string_view magic, std::uint32_t version, const std::vector<std::string>& chunks) {
  std::string out(magic);
  AppendLittle(version, 4, &out);
  for (const std::string& chunk : chunks) {
    AppendLittle(chunk.size(), 4, &out);
    out += chunk;
  }
  return out;
}

std::string Zip(const std::vector<ZipFile>& files) {
  std::string out, directory;
  for (const ZipFile& file : files) {
    const std::size_t header = out.size();
    const std::string stored = Method(file) == 0 ? file.content : Deflate(file.content);
    const auto common = [&](std::string* to) {  // from the version needed to the date
      for (const std::uint16_t word : {kNeeded, kFlags, Method(file), std::uint16_t{0}, std::uint16_t{0x21}}) {
        AppendLittle(word, 2, to);
      }
    };
    const auto sizes = [&](std::string* to) {
      for (const std::uint64_t word : {std::uint64_t{Crc32(file.content)}, std::uint64_t{stored.size()},
                                       std::uint64_t{file.content.size()}}) {
        AppendLittle(word, 4, to);
      }
    };
    AppendLittle(kLocalHeader, 4, &out);
    common(&out);
    out.append(12, '\0');
    AppendLittle(file.name.size(), 4, &out);  // and no extra field
    out += file.name + stored;
    AppendLittle(kDescriptor, 4, &out);
    sizes(&out);
    AppendLittle(kRecord, 4, &directory);
    AppendLittle(kNeeded, 2, &directory);
    common(&directory);
    sizes(&directory);
    AppendLittle(file.name.size(), 2, &directory);
    directory.append(12, '\0');
    AppendLittle(header, 4, &directory);
    directory += file.name;
  }
  const std::size_t begin = out.size();
  out += directory;
  AppendLittle(kEnd, 4, &out);
  AppendLittle(0, 4, &out);
  AppendLittle(files.size() | files.size() << 16, 4, &out);
  AppendLittle(directory.size(), 4, &out);
  AppendLittle(begin, 4, &out);
  AppendLittle(0, 2, &out);
  return out;
}

}  // namespace figgen
