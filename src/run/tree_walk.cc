#include "run/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

// struct linux_dirent64, whose name begins before the structure ends.
constexpr std::size_t kLengthAt = 16;
constexpr std::size_t kTypeAt = 18;
constexpr std::size_t kNameAt = 19;

bool IsDots(std::string_view name) { return name == "." || name == ".."; }

// Takes over the entries of one buffer; false: `most` are reached and there are more.
bool TakeEntries(const char* buffer, std::size_t size, std::uint64_t most, std::vector<Entry>& entries) {
  for (std::size_t at = 0; at < size;) {
    std::uint16_t length;
    std::memcpy(&length, buffer + at + kLengthAt, sizeof(length));
    const std::string_view name(buffer + at + kNameAt);
    if (!IsDots(name)) {
      if (entries.size() >= most) return false;
      entries.push_back({std::string(name), static_cast<unsigned char>(buffer[at + kTypeAt])});
    }
    at += length;
  }
  return true;
}

// Gives the owner read (and for a folder search) permission; O_PATH, or there is no way in.
bool MakeReadable(int dir, const std::string& name, bool folder) {
  auto path = sys::openat2(dir, name.c_str(), O_PATH | O_NOFOLLOW, kConfined);
  if (!path.ok()) return false;
  auto facts = sys::fstat(path.value(), name);
  if (!facts.ok() || (folder ? !S_ISDIR(facts.value().st_mode) : !S_ISREG(facts.value().st_mode))) return false;
  // The one magic link that is ours. A bare O_PATH descriptor cannot be given to fchmod(2).
  const std::string link = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(path.value().get()));
  return ::chmod(link.c_str(), (facts.value().st_mode & 07777) | (folder ? 0500 : 0400)) == 0;
}

}  // namespace

Result<Listing> ListFolder(int dir, std::uint64_t most) {
  Listing listing;
  alignas(8) char buffer[32768];
  while (listing.complete) {
    const long size = uapi::Syscall(__NR_getdents64, dir, buffer, sizeof(buffer));
    if (uapi::IsError(size)) return SystemError("getdents64", static_cast<int>(-size));
    if (size == 0) break;
    listing.complete = TakeEntries(buffer, static_cast<std::size_t>(size), most, listing.entries);
  }
  std::sort(listing.entries.begin(), listing.entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return listing;
}

bool Contains(const Listing& listing, std::string_view name) {
  const auto at = std::lower_bound(listing.entries.begin(), listing.entries.end(), name,
                                   [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != listing.entries.end() && at->name == name;
}

Result<sys::Fd> OpenEntry(int dir, const std::string& name, bool folder) {
  const std::uint64_t flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | (folder ? O_DIRECTORY : 0);
  auto fd = sys::openat2(dir, name.c_str(), flags, kConfined);
  if (fd.ok() || fd.error().error_number != EACCES || !MakeReadable(dir, name, folder)) return fd;
  return sys::openat2(dir, name.c_str(), flags, kConfined);
}

std::string_view RefusedType(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFDIR: return "";
    case S_IFLNK: return "symbolic link";
    case S_IFIFO: return "FIFO";
    case S_IFSOCK: return "socket";
    case S_IFCHR: return "character device";
    case S_IFBLK: return "block device";
    default: return "of unknown type";
  }
}

std::uint32_t ModeOfType(unsigned char type) { return static_cast<std::uint32_t>(DTTOIF(type)); }

}  // namespace moat::run
