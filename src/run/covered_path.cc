#include "run/covered_path.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "base/text.h"
#include "sys/calls.h"
#include "uapi/kernel.h"

namespace moat::run {
namespace {

using uapi::IsError;
using uapi::Syscall;

// Where the kernel says that the file lies; empty when it has no name here.
std::string PathOf(const sys::Fd& file) {
  char path[4096];
  const std::string link = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(file.get()));
  const long length = Syscall(__NR_readlinkat, AT_FDCWD, link.c_str(), path, sizeof(path));
  if (length <= 1 || length == sizeof(path) || path[0] != '/') return {};
  return std::string(path, static_cast<std::size_t>(length));
}

sys::MountFd CloneOf(int place) {
  const long tree = Syscall(__NR_open_tree, place, "", uapi::kOpenTreeClone | uapi::kOpenTreeCloexec | uapi::kAtEmptyPath);
  return IsError(tree) ? sys::MountFd() : sys::MountFd(static_cast<int>(tree));
}

sys::MountFd CloneOfFolder(const std::string& path) {
  const auto folder = sys::openat2(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY, uapi::kResolveNoMagiclinks | uapi::kResolveNoSymlinks);
  return folder.ok() ? CloneOf(folder->get()) : sys::MountFd();
}

bool IsThere(const sys::MountFd& folder, const char* name, const struct stat& facts) {
  struct stat found {};
  return fstatat(folder.get(), name, &found, AT_SYMLINK_NOFOLLOW) == 0 && found.st_dev == facts.st_dev && found.st_ino == facts.st_ino;
}

bool SameTime(const timespec& one, const timespec& other) { return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec; }

// Between our look and the overlay's somebody may have put another file in the place of this one. An overlay that
// nobody writes to tells the inode's own number; one that adds to it is not used.
bool IsUnchanged(const sys::Fd& file, const struct stat& facts) {
  struct stat now {};
  return ::fstat(file.get(), &now) == 0 && now.st_ino == facts.st_ino && now.st_mode == facts.st_mode &&
         now.st_size == facts.st_size && now.st_nlink == facts.st_nlink && SameTime(now.st_mtim, facts.st_mtim) &&
         SameTime(now.st_ctim, facts.st_ctim);
}

// An overlay opens and reads what is below it with the rights of its maker. That is nothing to a file system that only
// looks at owner and mode, which the overlay shows unchanged; others answer root more than they would answer the job.
bool LooksAtModesOnly(const sys::Fd& file) {
  constexpr std::uint32_t kKnown[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, F2FS_SUPER_MAGIC};
  struct statfs system {};
  if (::fstatfs(file.get(), &system) != 0) return false;
  for (const std::uint32_t known : kKnown) {
    if (static_cast<std::uint32_t>(system.f_type) == known) return true;
  }
  return false;
}

long Configure(const sys::Fd& context, unsigned command, const char* key, int value) {
  return Syscall(__NR_fsconfig, context.get(), command, key, nullptr, value);
}

sys::Fd OpenContext(const char* file_system) {
  const long context = Syscall(__NR_fsopen, file_system, uapi::kFsopenCloexec);
  return IsError(context) ? sys::Fd() : sys::Fd(static_cast<int>(context));
}

sys::MountFd MountOf(const sys::Fd& context) {
  if (IsError(Configure(context, uapi::kFsconfigCreate, nullptr, 0))) return {};
  const long mount = Syscall(__NR_fsmount, context.get(), uapi::kFsmountCloexec, kInputAttributes);
  return IsError(mount) ? sys::MountFd() : sys::MountFd(static_cast<int>(mount));
}

sys::MountFd EmptyFolder() {
  const sys::Fd context = OpenContext("tmpfs");
  return context.valid() ? MountOf(context) : sys::MountFd();
}

}  // namespace

CoveredPath::Cover CoveredPath::MakeCover(std::string path, int ids) {
  Cover cover;
  cover.folder = CloneOfFolder(path.empty() ? "/" : path);
  cover.path = std::move(path);
  if (!cover.folder.valid()) return {};
  if (ids >= 0) {
    const uapi::MountAttr attributes{uapi::kMountAttrIdmap, 0, 0, static_cast<std::uint64_t>(ids)};
    if (IsError(Syscall(__NR_mount_setattr, cover.folder.get(), "", uapi::kAtEmptyPath, &attributes, sizeof(attributes)))) return {};
  }
  if (!empty_.valid()) empty_ = EmptyFolder();
  const sys::Fd context = OpenContext("overlay");
  if (!empty_.valid() || !context.valid()) return {};
  for (const int layer : {cover.folder.get(), empty_.get()}) {
    if (IsError(Configure(context, uapi::kFsconfigSetFd, "lowerdir+", layer))) return {};
  }
  cover.overlay = MountOf(context);
  return cover;
}

sys::MountFd CoveredPath::Mount(const sys::Fd& file, const struct stat& facts, int ids) {
  if (!LooksAtModesOnly(file)) return {};
  const std::string path = PathOf(file);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {};
  const std::string folder = path.substr(0, slash);
  const char* name = path.c_str() + slash + 1;
  Cover mapped;
  if (ids >= 0) mapped = MakeCover(folder, ids);
  if (ids < 0 && (!latest_.overlay.valid() || latest_.path != folder)) latest_ = MakeCover(folder, -1);
  const Cover& cover = ids >= 0 ? mapped : latest_;
  if (!cover.overlay.valid() || !IsThere(cover.folder, name, facts)) return {};
  const auto covered = sys::openat2(cover.overlay.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, uapi::kResolveBeneath);
  if (!covered.ok() || !IsUnchanged(*covered, facts)) return {};
  return CloneOf(covered->get());  // with the attributes of the overlay
}

}  // namespace moat::run
