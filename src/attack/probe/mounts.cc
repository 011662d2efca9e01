#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attack/probe/probe.h"

namespace moat::attack::inside {
namespace {

Verdict MountTmpfs() { return Turned(mount("none", "/tmp", "tmpfs", 0, nullptr), "mount(tmpfs)"); }

Verdict RemountWritable() {
  // Outside, /usr first has to be what it is inside: a read-only bind.
  if (Outside() && (mount("/usr", "/usr", nullptr, MS_BIND, nullptr) != 0 ||
                    mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)) {
    return NotHere("no read-only /usr to begin with");
  }
  return Turned(mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr), "remount /usr writable");
}

Verdict UmountProc() { return Turned(umount2("/proc", MNT_DETACH), "umount2(/proc)"); }
Verdict OpenTreeClone() { return Turned(syscall(SYS_open_tree, AT_FDCWD, "/", 1), "open_tree(OPEN_TREE_CLONE)"); }
Verdict FsopenTmpfs() { return Turned(syscall(SYS_fsopen, "tmpfs", 0), "fsopen(tmpfs)"); }
Verdict FsmountBad() { return Turned(syscall(SYS_fsmount, -1, 0, 0), "fsmount"); }
Verdict MoveMount() { return Turned(syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/tmp", 0), "move_mount"); }

struct MountAttr {
  unsigned long long set, clear, propagation, namespace_fd;
};
Verdict MountSetattr() {
  MountAttr attributes = {};
  attributes.clear = 1;  // MOUNT_ATTR_RDONLY
  return Turned(syscall(SYS_mount_setattr, AT_FDCWD, "/proc", 0, &attributes, sizeof(attributes)), "mount_setattr");
}

Verdict PivotRoot() { return Turned(syscall(SYS_pivot_root, "/tmp", "/tmp"), "pivot_root"); }

// The classic: a folder descriptor kept from before leads out of the new root.
Verdict ChrootOut() {
  const int before = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (chroot("/tmp") != 0) return Turned(-1, "chroot");
  return Failed(fchdir(before), "fchdir out of a chroot");
}

union Handle {
  struct file_handle head;
  char bytes[sizeof(struct file_handle) + 128];
};
Verdict OpenByHandle() {
  Handle handle = {};
  handle.head.handle_bytes = 128;
  int mount_id = 0;
  if (name_to_handle_at(AT_FDCWD, "/usr", &handle.head, &mount_id, 0) != 0) {
    // Without a handle the second call still tells whether it is let through.
    return Turned(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle.head, O_RDONLY), "open_by_handle_at");
  }
  return Turned(syscall(SYS_open_by_handle_at, AT_FDCWD, &handle.head, O_RDONLY), "open_by_handle_at");
}

Verdict NameToHandle() {
  Handle handle = {};
  handle.head.handle_bytes = 128;
  int mount_id = 0;
  return Turned(name_to_handle_at(AT_FDCWD, "/", &handle.head, &mount_id, 0), "name_to_handle_at");
}

Verdict CreateIn(const char* folder) {
  char path[128];
  snprintf(path, sizeof(path), "%s/escape-%d", folder, getpid());
  const int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) unlink(path);
  return Failed(fd, path);
}
Verdict WriteRoot() { return CreateIn(""); }
Verdict WriteUsr() { return CreateIn("/usr"); }
Verdict WriteEtc() { return CreateIn("/etc"); }
Verdict WriteDev() { return CreateIn("/dev"); }

Verdict ReadSecret() { return ReadSomething(Canary("secret.file")); }
Verdict ReadShadow() { return ReadSomething("/etc/shadow"); }
Verdict HostTmp() { return Failed(access(Canary("tmp.file"), F_OK), "the host's /tmp"); }
Verdict HostShm() { return Failed(access(Canary("shm.file"), F_OK), "the host's /dev/shm"); }

Verdict WorkingFolderOutside() {
  // A control that stands where a leaked folder descriptor would have put it.
  if (Outside() && (chdir("/usr") != 0 || chroot("/tmp") != 0)) return NotHere("cannot chroot");
  char path[4096];
  if (syscall(SYS_getcwd, path, sizeof(path)) < 0) {  // EPERM: a filter's answer, the kernel has no such one
    return errno == EPERM ? Closed("getcwd: %s", strerror(errno)) : Open("getcwd: %s", strerror(errno));
  }
  return strncmp(path, "(unreachable)", 13) == 0 ? Open("the working folder is %s", path) : Closed("%s", path);
}

// Looks at each mount of our own table: its options, its propagation, its source.
template <typename Check>
Verdict EachMount(Check check, const char* fine) {
  FILE* table = fopen("/proc/self/mountinfo", "re");
  if (table == nullptr) return NotHere("no mount table");
  char line[4096];
  while (fgets(line, sizeof(line), table) != nullptr) {
    char root[1024] = {}, place[1024] = {}, options[512] = {};
    if (sscanf(line, "%*d %*d %*s %1023s %1023s %511s", root, place, options) != 3) continue;
    if (check(line, root, place, options)) {
      Verdict verdict = Open("%.100s: %.80s", place, options);
      fclose(table);
      return verdict;
    }
  }
  fclose(table);
  return Closed("%s", fine);
}

Verdict Propagation() {
  if (Outside()) mount("none", "/", nullptr, MS_REC | MS_SHARED, nullptr);
  return EachMount([](const char* line, const char*, const char*, const char*) {
    return strstr(line, " shared:") != nullptr || strstr(line, " master:") != nullptr;
  }, "every mount is private");
}

Verdict SetIdMounts() {
  return EachMount([](const char*, const char*, const char*, const char* options) {
    return strstr(options, "nosuid") == nullptr;
  }, "every mount is nosuid");
}

// Device nodes are bound one by one; a folder in which one could be made is not.
Verdict DeviceMounts() {
  return EachMount([](const char*, const char*, const char* place, const char* options) {
    return strstr(options, "nodev") == nullptr && strncmp(place, "/dev/", 5) != 0;
  }, "every folder is nodev");
}

Verdict HostPaths() {
  if (Outside()) mount(Canary("input.file"), Canary("input.file"), nullptr, MS_BIND, nullptr);
  return EachMount([](const char*, const char* root, const char*, const char*) {
    return strstr(root, Canary("input.folder")) != nullptr;
  }, "no path of the host in the mount table");
}

Verdict HardLink() {
  char path[64];
  snprintf(path, sizeof(path), "/tmp/link-%d", getpid());
  const int result = linkat(AT_FDCWD, Canary("link.source"), AT_FDCWD, path, 0);
  Verdict verdict = Failed(result, "link of a host's file");
  unlink(path);
  return verdict;
}

Verdict AppendOnly() {
  char path[64];
  snprintf(path, sizeof(path), "/tmp/flags-%d", getpid());
  const int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  long flags = FS_APPEND_FL;
  Verdict verdict = Failed(ioctl(fd, FS_IOC_SETFLAGS, &flags), "FS_IOC_SETFLAGS");
  flags = 0;
  ioctl(fd, FS_IOC_SETFLAGS, &flags);
  unlink(path);
  return verdict;
}

Verdict Freeze() {
  return Turned(ioctl(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), FIFREEZE, 0), "FIFREEZE");
}
Verdict Fanotify() { return Turned(syscall(SYS_fanotify_init, FAN_CLASS_NOTIF, O_RDONLY), "fanotify_init"); }

struct MountId {
  unsigned size, spare;
  unsigned long long id, parameter;
};
Verdict ListMounts() {
  const MountId request = {sizeof(MountId), 0, ~0ULL, 0};  // LSMT_ROOT
  unsigned long long ids[16];
  return Turned(syscall(458, &request, ids, 16, 0), "listmount");
}

constexpr Probe kProbes[] = {
    {"mount-tmpfs", MountTmpfs},
    {"remount-writable", RemountWritable},
    {"umount-proc", UmountProc},
    {"open-tree", OpenTreeClone},
    {"fsopen", FsopenTmpfs},
    {"fsmount", FsmountBad},
    {"move-mount", MoveMount},
    {"mount-setattr", MountSetattr},
    {"pivot-root", PivotRoot},
    {"chroot-out", ChrootOut},
    {"open-by-handle", OpenByHandle},
    {"name-to-handle", NameToHandle},
    {"write-root", WriteRoot},
    {"write-usr", WriteUsr},
    {"write-etc", WriteEtc},
    {"write-dev", WriteDev},
    {"read-secret", ReadSecret},
    {"read-shadow", ReadShadow},
    {"folder-outside", WorkingFolderOutside},
    {"propagation", Propagation},
    {"host-paths", HostPaths},
    {"set-id-mounts", SetIdMounts},
    {"device-mounts", DeviceMounts},
    {"hard-link", HardLink},
    {"append-only", AppendOnly},
    {"freeze", Freeze},
    {"listmount", ListMounts},
    {"fanotify", Fanotify},
    {"host-tmp", HostTmp},
    {"host-shm", HostShm},
};

}  // namespace

Probes MountProbes() { return {kProbes, sizeof(kProbes) / sizeof(kProbes[0])}; }

}  // namespace moat::attack::inside
