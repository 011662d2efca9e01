#include "run/copy_content.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/sha256.h"

namespace moat::run {
namespace {

struct Extent {
  std::uint64_t begin, end;
};

// The next data at or after `at`; [size, size) when only a hole is left.
Extent NextData(int source, std::uint64_t at, std::uint64_t size) {
  const off_t begin = ::lseek(source, static_cast<off_t>(at), SEEK_DATA);
  if (begin < 0) return errno == ENXIO ? Extent{size, size} : Extent{at, size};
  const off_t end = ::lseek(source, begin, SEEK_HOLE);
  const std::uint64_t from = std::min(static_cast<std::uint64_t>(begin), size);
  return {from, end < 0 ? size : std::min(static_cast<std::uint64_t>(end), size)};
}

Result<std::size_t> ReadAt(int fd, std::span<char> buffer, std::uint64_t at) {
  ssize_t n;
  do n = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(at));
  while (n < 0 && errno == EINTR);
  if (n < 0) return SystemError("pread64", errno);
  if (n == 0) return SystemError("pread64", EIO);  // shorter than its own size
  return static_cast<std::size_t>(n);
}

Status WriteAt(int fd, std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SystemError("pwrite64", n < 0 ? errno : EIO);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

Status CopyExtent(int source, int destination, Extent extent, std::span<char> buffer, base::Sha256& hash,
                  const StopAsked& stop) {
  while (extent.begin < extent.end) {
    if (stop()) return SystemError("pwrite64", ECANCELED);
    const std::uint64_t most = std::min<std::uint64_t>(buffer.size(), extent.end - extent.begin);
    const std::size_t n = MOAT_TRY(ReadAt(source, buffer.first(static_cast<std::size_t>(most)), extent.begin));
    const std::string_view bytes(buffer.data(), n);
    hash.Update(bytes);
    MOAT_TRY(WriteAt(destination, bytes, extent.begin));
    extent.begin += n;
  }
  return {};
}

}  // namespace

Result<std::string> CopyContent(int source, int destination, std::uint64_t size, std::span<char> buffer,
                                HoleBudget& holes, const StopAsked& stop) {
  base::Sha256 hash;
  bool hashed = true;
  std::uint64_t written = 0;
  for (std::uint64_t at = 0; at < size;) {
    const Extent data = NextData(source, at, size);
    const std::uint64_t hole = data.begin - at;
    hashed = hashed && hole <= holes.left;
    if (hashed) {
      holes.left -= hole;
      hash.UpdateZeros(hole);
    }
    MOAT_TRY(CopyExtent(source, destination, data, buffer, hash, stop));
    if (data.begin < data.end) written = data.end;
    at = data.end;
  }
  if (written < size && ::ftruncate(destination, static_cast<off_t>(size)) != 0) {
    return SystemError("ftruncate", errno);
  }
  return hashed ? hash.Hex() : std::string();
}

}  // namespace moat::run
