#include "web/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/safe_text.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

constexpr std::uint64_t kOwnWays = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr int kDeepest = 200;
constexpr std::size_t kMaxName = 100;
constexpr std::size_t kStock = 16;
constexpr std::size_t kMostSynced = 64;  // one by one

struct CloseDir {
  void operator()(DIR* dir) const { closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

// A stream of its own: the given descriptor keeps its position.
Result<Dir> List(int folder) {
  sys::Fd own = MOAT_TRY(sys::openat2(folder, ".", O_RDONLY | O_DIRECTORY, kOwnWays));
  Dir dir(fdopendir(own.get()));
  if (dir == nullptr) return SystemError("fdopendir", errno);
  (void)own.Release();
  return dir;
}

bool IsDots(const char* name) { return std::string_view(name) == "." || std::string_view(name) == ".."; }

Result<bool> IsFolder(int parent, const char* name) {
  struct stat facts {};
  if (fstatat(parent, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return SystemError("fstatat", errno, name);
  return S_ISDIR(facts.st_mode);
}

// Calls `each(folder, name, is_folder)` for all that is in there, depth first.
template <typename Each>
Status Walk(int folder, Each each, int depth) {
  if (depth > kDeepest) return SystemError("open", ELOOP, "a folder in the spool");
  const std::vector<std::string> names = MOAT_TRY(NamesIn(folder));
  for (const std::string& name : names) {
    const bool inner = MOAT_TRY(IsFolder(folder, name.c_str()));
    if (inner) {
      const sys::DirFd down = MOAT_TRY(OpenFolder(folder, name));
      MOAT_TRY(Walk(down.get(), each, depth + 1));
    }
    MOAT_TRY(each(folder, name, inner));
  }
  return {};
}

Status SyncOne(int folder, const std::string& name, bool inner) {
  const std::uint64_t flags = O_RDONLY | O_NOFOLLOW | (inner ? O_DIRECTORY : 0);
  const sys::Fd file = MOAT_TRY(sys::openat2(folder, name.c_str(), flags, kOwnWays));
  return fsync(file.get()) == 0 ? Status() : Status(SystemError("fsync", errno, name));
}

Result<sys::Fd> MakeUnnamed(int folder) {
  auto made = sys::openat2(folder, ".", O_TMPFILE | O_EXCL | O_RDWR, kOwnWays, 0600);
  if (made.ok() || (made.error().error_number != EOPNOTSUPP && made.error().error_number != EISDIR)) return made;
  const std::string name = NewId();  // a file system that knows no files without a name
  sys::Fd file = MOAT_TRY(sys::openat2(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kOwnWays, 0600));
  if (unlinkat(folder, name.c_str(), 0) != 0) return SystemError("unlinkat", errno, name);
  return file;
}

Status RefuseForeign(const sys::DirFd& folder, const std::string& path) {
  struct stat facts {};
  if (::fstat(folder.get(), &facts) != 0) return SystemError("fstat", errno, path);
  if (facts.st_uid == geteuid() && (facts.st_mode & 077) == 0) return {};
  return WithFix(PolicyError("the spool folder " + base::Quoted(path) + " is not ours alone: jobs and results are private"),
                 "chown it to the user of the daemon and chmod it to 0700");
}

// What is put into a new folder is on the disk only when the folder itself is.
Status SyncFolders(const sys::DirFd& folder) {
  if (fsync(folder.get()) != 0) return SystemError("fsync", errno, "the spool folder");
  const auto parent = sys::openat2(folder.get(), "..", O_RDONLY | O_DIRECTORY, 0);
  if (!parent.ok()) return {};  // a folder that we may not read was not made by us
  return fsync(parent->get()) == 0 || errno == EINVAL ? Status() : Status(SystemError("fsync", errno, "the folder around the spool folder"));
}

}  // namespace

Result<sys::DirFd> MakeFolder(int parent, const std::string& name) {
  if (mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST) return SystemError("mkdirat", errno, name);
  return OpenFolder(parent, name);
}

Result<sys::DirFd> OpenFolder(int parent, const std::string& name) {
  sys::Fd folder = MOAT_TRY(sys::openat2(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, kOwnWays));
  return sys::DirFd(folder.Release());
}

Result<sys::Fd> OpenBelow(int folder, const std::string& path) {
  return sys::openat2(folder, path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, kOwnWays);
}

Status RemoveTree(int parent, const std::string& name) {
  struct stat facts {};
  if (fstatat(parent, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? Status() : Status(SystemError("fstatat", errno, name));
  }
  const auto remove = [](int folder, const std::string& each, bool inner) -> Status {
    const int done = unlinkat(folder, each.c_str(), inner ? AT_REMOVEDIR : 0);
    return done == 0 || errno == ENOENT ? Status() : Status(SystemError("unlinkat", errno, each));
  };
  if (S_ISDIR(facts.st_mode)) {
    const sys::DirFd folder = MOAT_TRY(OpenFolder(parent, name));
    MOAT_TRY(Walk(folder.get(), remove, 0));
  }
  return remove(parent, name, S_ISDIR(facts.st_mode));
}

// Each fsync is a commit of the file system's journal: of a guest that leaves thousands of files all others would wait
// for minutes. Beyond some the whole file system is written once.
Status SyncTree(int parent, const std::string& name) {
  const sys::DirFd folder = MOAT_TRY(OpenFolder(parent, name));
  std::size_t count = 0;
  MOAT_TRY(Walk(folder.get(), [&count](int, const std::string&, bool) -> Status { return ++count, Status(); }, 0));
  if (count > kMostSynced) return syncfs(folder.get()) == 0 ? Status() : Status(SystemError("syncfs", errno, name));
  MOAT_TRY(Walk(folder.get(), SyncOne, 0));
  return SyncOne(parent, name, true);
}

Status WriteNew(int folder, const std::string& name, std::string_view bytes) {
  const sys::Fd file = MOAT_TRY(sys::openat2(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kOwnWays, 0600));
  return sys::WriteAll(file.get(), bytes, name);
}

Status Move(int from, const std::string& name, int to, const std::string& new_name) {
  if (renameat(from, name.c_str(), to, new_name.c_str()) != 0) return SystemError("renameat", errno, new_name);
  return fsync(to) == 0 ? Status() : Status(SystemError("fsync", errno, new_name));
}

Result<std::vector<std::string>> NamesIn(int folder) {
  const Dir dir = MOAT_TRY(List(folder));
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(dir.get())) {
    if (!IsDots(entry->d_name)) names.emplace_back(entry->d_name);
  }
  if (errno != 0) return SystemError("readdir", errno);
  return names;
}

Result<std::uint64_t> TreeBytes(int folder) {
  std::uint64_t bytes = 0;
  MOAT_TRY(Walk(folder,
                [&bytes](int parent, const std::string& name, bool) -> Status {
                  struct stat facts {};
                  if (fstatat(parent, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return SystemError("fstatat", errno, name);
                  bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
                  return {};
                },
                0));
  return bytes;
}

std::string NewId() {
  unsigned char bytes[16];
  while (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
  }
  std::string id;
  for (const unsigned char byte : bytes) {
    id += "0123456789abcdef"[byte >> 4];
    id += "0123456789abcdef"[byte & 15];
  }
  return id;
}

std::string SafeName(std::string_view name) {
  std::string safe;
  for (const char c : name.substr(0, kMaxName)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    safe += plain ? c : '_';
  }
  if (safe.empty()) return "input";
  if (safe[0] == '-' || safe[0] == '.') safe[0] = '_';
  return safe;
}

Result<Spool> Spool::Open(const std::string& path, std::uint64_t size) {
  Spool spool;
  spool.path_ = path;
  spool.size_ = size;
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return SystemError("mkdir", errno, path);
  sys::Fd folder = MOAT_TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
  spool.folder_ = sys::DirFd(folder.Release());
  MOAT_TRY(RefuseForeign(spool.folder_, path));
  spool.lock_ = MOAT_TRY(sys::openat2(spool.folder_.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW, kOwnWays, 0600));
  if (flock(spool.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return WithFix(HostError("another daemon uses the spool folder " + base::Quoted(path)), "give each its own `spool`");
  }
  MOAT_TRY(RemoveTree(spool.folder_.get(), "incoming"));
  spool.incoming_ = MOAT_TRY(MakeFolder(spool.folder_.get(), "incoming"));
  spool.jobs_ = MOAT_TRY(MakeFolder(spool.folder_.get(), "jobs"));
  MOAT_TRY(SyncFolders(spool.folder_));
  spool.sweeper_ = std::make_unique<Sweeper>(
      spool.incoming_.get(), *spool.used_, [stock = spool.stock_.get(), folder = spool.incoming_.get()] { Fill(*stock, folder); });
  return spool;
}

Result<sys::Fd> Spool::TakeUnnamed() {
  sys::Fd taken;
  {
    const std::lock_guard lock(stock_->mutex);
    if (!stock_->files.empty()) {
      taken = std::move(stock_->files.back());
      stock_->files.pop_back();
    }
  }
  if (!taken.valid()) return MakeUnnamed(incoming_.get());
  return taken;
}

void Spool::Fill(Stock& stock, int folder) {
  for (;;) {
    {
      const std::lock_guard lock(stock.mutex);
      if (stock.files.size() >= kStock) return;
    }
    auto made = MakeUnnamed(folder);
    if (!made.ok()) return;  // who needs one will be told
    const std::lock_guard lock(stock.mutex);
    stock.files.push_back(*std::move(made));
  }
}

Status Spool::Reserve(std::uint64_t bytes) {
  std::uint64_t used = used_->load();
  while (used + bytes <= size_) {
    if (used_->compare_exchange_weak(used, used + bytes)) return {};
  }
  return SystemError("write", ENOSPC, "the spool folder");
}

}  // namespace moat::web
