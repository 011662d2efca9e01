#include "probe/trial_steps.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>

#include "sys/calls.h"

namespace moat::probe {

using uapi::IsError;
using uapi::Syscall;

namespace {

void Close(long fd) {
  if (fd >= 0) Syscall(__NR_close, fd);
}

void Append(char*& out, const char* text) {
  while (*text != '\0') *out++ = *text++;
}

long WriteOnce(Outcome& outcome, const char* call, const char* path, const char* text, std::size_t size) {
  const long fd = Note(outcome, call, Syscall(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0));
  if (IsError(fd)) return fd;
  const long result = Note(outcome, call, Syscall(__NR_write, fd, text, size));
  Close(fd);
  return result;
}

long WriteMap(Outcome& outcome, const char* call, const IdMap& map, std::uint32_t outside, const char* file) {
  char path[64], text[64];
  char* end = path;
  Append(end, "/proc/");
  Append(end, map.process);
  Append(end, file);
  *end = '\0';
  char* out = text;
  AppendDigits(out, map.inside);
  *out++ = ' ';
  AppendDigits(out, outside);
  Append(out, " 1");
  return WriteOnce(outcome, call, path, text, static_cast<std::size_t>(out - text));
}

}  // namespace

void AppendDigits(char*& out, std::uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) *out++ = digits[--count];
}

long DetachedMount(Outcome& outcome, const char* type, const MountOption* options, int count) {
  const long context = Note(outcome, "fsopen", Syscall(__NR_fsopen, type, uapi::kFsopenCloexec));
  if (IsError(context)) return context;
  long result = 0;
  for (int i = 0; i < count && !IsError(result); ++i) {
    result = Note(outcome, "fsconfig",
                  Syscall(__NR_fsconfig, context, uapi::kFsconfigSetString, options[i].name, options[i].value, 0));
  }
  if (!IsError(result)) {
    result = Note(outcome, "fsconfig", Syscall(__NR_fsconfig, context, uapi::kFsconfigCreate, nullptr, nullptr, 0));
  }
  if (!IsError(result)) {
    const unsigned long attributes = uapi::kMountAttrNosuid | uapi::kMountAttrNodev;
    result = Note(outcome, "fsmount", Syscall(__NR_fsmount, context, uapi::kFsmountCloexec, attributes));
  }
  Close(context);
  return result;
}

void WriteMaps(Outcome& outcome, const IdMap& map, SetGroups groups) {
  if (groups == SetGroups::kDeny) {
    // Only ever our own: a launcher without privilege writes one map before it has any child.
    const long result = WriteOnce(outcome, "write setgroups", "/proc/self/setgroups", "deny", 4);
    if (IsError(result)) return;
  }
  if (IsError(WriteMap(outcome, "write uid_map", map, map.outside_uid, "/uid_map"))) return;
  WriteMap(outcome, "write gid_map", map, map.outside_gid, "/gid_map");
}

void TryOpenTree(Trials& trials) {
  const unsigned flags = uapi::kOpenTreeClone | uapi::kOpenTreeCloexec | uapi::kAtRecursive;
  const long tree = Note(trials[Step::kOpenTree], "open_tree", Syscall(__NR_open_tree, AT_FDCWD, "/", flags));
  if (IsError(tree)) return;
  const uapi::MountAttr attributes{
      uapi::kMountAttrRdonly | uapi::kMountAttrNosuid | uapi::kMountAttrNodev, 0, 0, 0};
  Note(trials[Step::kSetAttr], "mount_setattr",
       Syscall(__NR_mount_setattr, tree, "", uapi::kAtEmptyPath | uapi::kAtRecursive, &attributes, sizeof(attributes)));
  Close(tree);
}

void TryAttach(Outcome& outcome, long mount) {
  Note(outcome, "move_mount",
       Syscall(__NR_move_mount, mount, "", AT_FDCWD, "/", uapi::kMoveMountFromEmptyPath));
}

void TryOverlay(Outcome& outcome, long attached_tmpfs) {
  // Relative names: overlayfs looks them up from the working folder, which dies with us.
  if (IsError(Note(outcome, "fchdir", Syscall(__NR_fchdir, attached_tmpfs)))) return;
  for (const char* name : {"lower", "upper", "work"}) {
    if (IsError(Note(outcome, "mkdir", Syscall(__NR_mkdirat, AT_FDCWD, name, 0700)))) return;
  }
  const MountOption options[] = {{"lowerdir", "lower"}, {"upperdir", "upper"}, {"workdir", "work"}};
  Close(DetachedMount(outcome, "overlay", options, 3));
}

void TryIdmap(Outcome& outcome, const char* process) {
  char path[64];
  char* end = path;
  Append(end, "/proc/");
  Append(end, process);
  Append(end, "/ns/user");
  *end = '\0';
  const long user_ns = Note(outcome, "open", Syscall(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0));
  if (IsError(user_ns)) return;
  const long mount = DetachedMount(outcome, "tmpfs");
  if (!IsError(mount)) {
    const uapi::MountAttr attributes{uapi::kMountAttrIdmap, 0, 0, static_cast<std::uint64_t>(user_ns)};
    Note(outcome, "mount_setattr",
         Syscall(__NR_mount_setattr, mount, "", uapi::kAtEmptyPath, &attributes, sizeof(attributes)));
    Close(mount);
  }
  Close(user_ns);
}

void TryLoopback(Outcome& outcome) {
  const long fd = Note(outcome, "socket", Syscall(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (IsError(fd)) return;
  struct ifreq request = {};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  Note(outcome, "ioctl SIOCSIFFLAGS", Syscall(__NR_ioctl, fd, SIOCSIFFLAGS, &request));
  Close(fd);
}

// Told apart from the clone3 that the trial is about.
constexpr const char* kBeforeLimit = "clone3 without a limit";

void TryProcessCount(Outcome& outcome) {
  // A child in one more user namespace, with the same uid outside, allows itself two processes:
  // itself and one more. Where the kernel counts by the host's uid we are the third already.
  const uapi::CloneArgs nested{.flags = uapi::kCloneNewUser};
  const long child = Note(outcome, kBeforeLimit, Syscall(__NR_clone3, &nested, sizeof(nested)));
  if (child == 0) {
    // What it may not do before says something about the moment, and nothing about the kernel.
    const uapi::CloneArgs first{};
    const long before = Syscall(__NR_clone3, &first, sizeof(first));
    if (before == 0) Syscall(__NR_exit_group, 0);
    if (before > 0) Syscall(__NR_wait4, before, nullptr, __WALL, nullptr);
    if (IsError(Note(outcome, kBeforeLimit, before))) Syscall(__NR_exit_group, 0);
    const struct rlimit two = {2, 2};
    if (!IsError(Note(outcome, "prlimit64", Syscall(__NR_prlimit64, 0, RLIMIT_NPROC, &two, nullptr)))) {
      const uapi::CloneArgs plain{};
      const long other = Syscall(__NR_clone3, &plain, sizeof(plain));
      if (other == 0) Syscall(__NR_exit_group, 0);
      Note(outcome, "clone3", other);
      if (other > 0) Syscall(__NR_wait4, other, nullptr, __WALL, nullptr);
    }
    Syscall(__NR_exit_group, 0);
  }
  if (child > 0) Syscall(__NR_wait4, child, nullptr, __WALL, nullptr);
}

void TryFilter(Trials& trials) {
  Outcome& outcome = trials[Step::kFilter];
  struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const struct sock_fprog program = {1, &allow};
  if (IsError(Note(outcome, "prctl", Syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))) return;
  if (IsError(Note(outcome, "seccomp", Syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)))) return;
  Note(trials[Step::kListener], "seccomp",
       Syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

}  // namespace moat::probe
