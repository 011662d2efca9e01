#include "child/looks.h"

#include "uapi/syscall.h"

namespace moat::child {
namespace {

constexpr unsigned kFirst = 1, kSecond = 2, kThird = 4, kFourth = 8, kFifth = 16;

// Calls that newer machines do without.
unsigned OldPathArguments(std::uint64_t number) {
  switch (number) {
#if defined(__x86_64__)
    case __NR_open: case __NR_creat: case __NR_stat: case __NR_lstat: case __NR_access: case __NR_readlink:
    case __NR_mkdir: case __NR_rmdir: case __NR_unlink: case __NR_chmod: case __NR_chown: case __NR_lchown:
    case __NR_utime: case __NR_utimes: case __NR_mknod:
      return kFirst;
    case __NR_rename: case __NR_link: case __NR_symlink:
      return kFirst | kSecond;
    case __NR_futimesat:
      return kSecond;
#endif
    default:
      return 0;
  }
}

}  // namespace

unsigned PathArguments(std::uint64_t number) {
  switch (number) {
    case __NR_chdir: case __NR_truncate: case __NR_statfs: case __NR_execve: case __NR_chroot: case __NR_umount2:
    case __NR_getxattr: case __NR_lgetxattr: case __NR_listxattr: case __NR_llistxattr: case __NR_setxattr:
    case __NR_lsetxattr: case __NR_removexattr: case __NR_lremovexattr: case __NR_acct: case __NR_swapon: case __NR_swapoff:
      return kFirst;
    case __NR_openat: case __NR_openat2: case __NR_newfstatat: case __NR_statx: case __NR_faccessat:
    case __NR_faccessat2: case __NR_readlinkat: case __NR_mkdirat: case __NR_mknodat: case __NR_unlinkat:
    case __NR_fchmodat: case 452 /* fchmodat2 */: case __NR_fchownat: case __NR_utimensat: case __NR_execveat:
    case __NR_inotify_add_watch: case __NR_name_to_handle_at: case __NR_open_tree: case __NR_mount_setattr:
    case __NR_fspick: case 463 /* setxattrat */: case 464 /* getxattrat */: case 465 /* listxattrat */:
    case 466 /* removexattrat */: case 467 /* open_tree_attr */: case 468 /* file_getattr */: case 469 /* file_setattr */:
      return kSecond;
    case __NR_renameat: case __NR_renameat2: case __NR_linkat: case __NR_move_mount:
      return kSecond | kFourth;
    case __NR_symlinkat:
      return kFirst | kThird;
    case __NR_mount: case __NR_pivot_root:
      return kFirst | kSecond;
    case __NR_fanotify_mark:
      return kFifth;
    default:
      return OldPathArguments(number);
  }
}

bool ReadsStandardInput(std::uint64_t number, const std::uint64_t* args) {
  switch (number) {
    case __NR_read: case __NR_readv: case __NR_pread64: case __NR_preadv: case __NR_preadv2: case __NR_splice: case __NR_tee:
    case __NR_copy_file_range:
      return static_cast<std::uint32_t>(args[0]) == 0;
    case __NR_sendfile:
      return static_cast<std::uint32_t>(args[1]) == 0;
    default:
      return false;
  }
}

bool MakesAnother(std::uint64_t number) {
  switch (number) {
    case __NR_clone: case __NR_clone3:
#if defined(__x86_64__)
    case __NR_fork: case __NR_vfork:
#endif
      return true;
    default:
      return false;
  }
}

bool MayLeadTo(const char* path, unsigned long size, const char* folder, Within within) {
  unsigned long at = 0;
  bool first = true;
  for (;;) {
    unsigned long matched = 0;
    bool same = true;
    const unsigned long begin = at;
    for (; at < size && path[at] != '/' && path[at] != '\0'; ++at) {
      same = same && folder[matched] != '\0' && path[at] == folder[matched];
      if (same) ++matched;
    }
    if (at > begin && same && folder[matched] == '\0') return true;
    if (at >= size) return true;  // longer than what is known of it
    if (first && at > begin && within == Within::kYes) return true;  // relative
    if (path[at] == '\0') return false;
    first = false;
    ++at;
  }
}

}  // namespace moat::child
