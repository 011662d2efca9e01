#include "probe/host_view.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "sys/calls.h"

namespace moat::probe {

using plan::PathFacts;

namespace {

PathFacts::Type TypeOf(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return PathFacts::Type::kFile;
    case S_IFDIR: return PathFacts::Type::kDirectory;
    case S_IFLNK: return PathFacts::Type::kSymlink;
    case S_IFCHR: return PathFacts::Type::kCharDevice;
    default: return PathFacts::Type::kOther;
  }
}

std::uint64_t Nanoseconds(const struct statx_timestamp& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1000000000ULL + time.tv_nsec;
}

std::string LinkText(const std::string& path) {
  char text[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), text, sizeof(text));
  return size < 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

PathFacts RealHost::Look(const std::string& path) const {
  PathFacts facts;
  struct statx status = {};
  // No automount is set off by looking.
  if (statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &status) != 0) {
    return facts;
  }
  facts.type = TypeOf(status.stx_mode);
  facts.mode = status.stx_mode;
  facts.uid = status.stx_uid;
  facts.gid = status.stx_gid;
  facts.rdev = static_cast<std::uint64_t>(status.stx_rdev_major) << 32 | status.stx_rdev_minor;
  facts.row.exists = 1;
  facts.row.device = makedev(status.stx_dev_major, status.stx_dev_minor);
  facts.row.inode = status.stx_ino;
  facts.row.size = status.stx_size;
  facts.row.mtime_ns = Nanoseconds(status.stx_mtime);
  facts.row.ctime_ns = Nanoseconds(status.stx_ctime);
  if (facts.type == PathFacts::Type::kSymlink) facts.link = LinkText(path);
  return facts;
}

std::vector<std::string> RealHost::List(const std::string& path) const {
  std::vector<std::string> names;
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(fd), closedir);
  if (!folder) {
    ::close(fd);
    return names;
  }
  while (const struct dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string RealHost::Head(const std::string& path, std::size_t bytes) const {
  // Regular files only, and sure of it before the real open: opening a device may do things.
  const auto looked = sys::open(path, O_PATH);
  if (!looked.ok()) return {};
  const auto status = sys::fstat(*looked, path);
  if (!status.ok() || !S_ISREG(status->st_mode)) return {};
  const auto file = sys::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file.ok()) return {};
  const auto opened = sys::fstat(*file, path);
  if (!opened.ok() || opened->st_ino != status->st_ino || opened->st_dev != status->st_dev) return {};
  std::string head(bytes, '\0');
  std::size_t filled = 0;
  while (filled < bytes) {
    const ssize_t n = ::pread(file->get(), head.data() + filled, bytes - filled, static_cast<off_t>(filled));
    if (n <= 0) break;
    filled += static_cast<std::size_t>(n);
  }
  head.resize(filled);
  return head;
}

}  // namespace moat::probe
