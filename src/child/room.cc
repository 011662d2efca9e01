#include "child/room.h"

#include "uapi/syscall.h"

namespace moat::child {
namespace {

using uapi::IsError;

constexpr std::uint64_t kTmpfs = 0x01021994;
constexpr std::uint64_t kKeepSize = 1;      // FALLOC_FL_KEEP_SIZE: the one mode that takes room, besides none
constexpr unsigned kPidfdThread = 0200;     // O_EXCL, Linux 6.9
constexpr int kEmptyPath = 0x1000;          // AT_EMPTY_PATH
constexpr unsigned kStatxBlocks = 0x400;
constexpr std::uint64_t kBlock = 512;

// statfs(2) on 64-bit machines, statx(2).
struct FileSystem {
  std::uint64_t type, block_size, blocks, free, available, files, files_free, rest[8];
};
struct File {
  std::uint32_t mask, block_size;
  std::uint64_t attributes;
  std::uint32_t links, uid, gid;
  std::uint16_t mode, pad;
  std::uint64_t inode, size, blocks, known_attributes;
  std::uint64_t times[8];
  std::uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
  std::uint64_t rest[14];
};
static_assert(sizeof(FileSystem) == 120 && sizeof(File) == 256);

// The caller's descriptor as one of ours; negative when it cannot be had.
long Fetch(const Caller& call, std::int32_t thread, std::uint64_t fd) {
  long pidfd = call(__NR_pidfd_open, thread, kPidfdThread);
  if (IsError(pidfd)) pidfd = call(__NR_pidfd_open, thread, 0U);
  if (IsError(pidfd)) return pidfd;
  const long fetched = call(__NR_pidfd_getfd, pidfd, static_cast<std::uint32_t>(fd), 0U);
  call(__NR_close, pidfd);
  return fetched;
}

}  // namespace

void NoteUnmet(const Caller& call, abi::Shared* shared, std::int32_t thread, const std::uint64_t* args) {
  const auto mode = static_cast<std::uint32_t>(args[1]);
  const std::uint64_t wanted = args[3];
  if ((mode & ~kKeepSize) != 0 || static_cast<std::int64_t>(wanted) <= 0) return;
  const long fd = Fetch(call, thread, args[0]);
  if (IsError(fd)) return;
  FileSystem system{};
  File file{};
  const bool seen = !IsError(call(__NR_fstatfs, fd, &system)) &&
                    !IsError(call(__NR_statx, fd, "", kEmptyPath, kStatxBlocks, &file));
  call(__NR_close, fd);
  // A file in memory that is no file system's (memfd) has no size; what the file has already may
  // lie where it is wanted.
  if (!seen || system.type != kTmpfs || system.blocks == 0) return;
  const std::uint64_t has = file.blocks * kBlock;
  if (wanted <= has || wanted - has <= system.available * system.block_size) return;
  shared->unmet_major = file.dev_major;
  shared->unmet_minor = file.dev_minor;
  shared->unmet_bytes = wanted;
}

}  // namespace moat::child
