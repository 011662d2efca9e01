#include "pool/lower.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "plan/host_facts.h"
#include "pool/worker_protocol.h"
#include "sys/calls.h"
#include "uapi/kernel.h"
#include "uapi/syscall.h"

namespace moat::pool {
namespace {

using uapi::IsError;
using uapi::Syscall;

constexpr std::uint32_t kCapabilityVersion3 = 0x20080522;
constexpr std::uint32_t kCapSysAdmin = 21;

Status Check(long result, const char* call, const char* subject) {
  return IsError(result) ? SystemError(call, static_cast<int>(-result), subject) : Status{};
}

bool IsPrivileged() {
  std::uint32_t header[2] = {kCapabilityVersion3, 0};
  std::uint32_t data[6] = {};
  return Syscall(__NR_capget, header, data) == 0 && (data[0] >> kCapSysAdmin & 1) != 0;
}

Status EnterUserNamespace() {
  const std::string uid = base::Number(geteuid()), gid = base::Number(getegid());
  Status made = Check(Syscall(__NR_unshare, uapi::kCloneNewUser), "unshare", "a user namespace");
  if (!made.ok()) return WithFix(std::move(made).error(), "allow unprivileged user namespaces (`moat doctor`), or serve with kSealed");
  MOAT_TRY(sys::WriteFile("/proc/self/setgroups", "deny"));
  MOAT_TRY(sys::WriteFile("/proc/self/uid_map", uid + " " + uid + " 1"));
  return sys::WriteFile("/proc/self/gid_map", gid + " " + gid + " 1");
}

// The old root goes with everything that hung on it.
Status EnterEmptyRoot() {
  MOAT_TRY(Check(Syscall(__NR_mount, "none", "/", nullptr, static_cast<unsigned long>(MS_REC | MS_PRIVATE), nullptr), "mount", "/"));
  // Any folder will do to hang the new root up; nobody else sees it.
  MOAT_TRY(Check(Syscall(__NR_mount, "moat-empty", "/proc", "tmpfs", static_cast<unsigned long>(MS_NOSUID | MS_NODEV | MS_NOEXEC),
                         "size=4k,nr_inodes=2,mode=0555"), "mount", "an empty root"));
  MOAT_TRY(Check(Syscall(__NR_chdir, "/proc"), "chdir", "an empty root"));
  MOAT_TRY(Check(Syscall(__NR_pivot_root, ".", "."), "pivot_root", "an empty root"));
  MOAT_TRY(Check(Syscall(__NR_umount2, ".", MNT_DETACH), "umount2", "the old root"));
  MOAT_TRY(Check(Syscall(__NR_chdir, "/"), "chdir", "/"));
  return Check(Syscall(__NR_mount, "none", "/", nullptr,
                       static_cast<unsigned long>(MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC), nullptr),
               "mount", "an empty root, read-only");
}

Status Limit(int resource, std::uint64_t value, const char* name) {
  std::uint64_t now[2] = {};
  MOAT_TRY(Check(Syscall(__NR_prlimit64, 0, resource, nullptr, now), "prlimit64", name));
  const std::uint64_t limit[2] = {std::min(value, now[1]), std::min(value, now[1])};
  return Check(Syscall(__NR_prlimit64, 0, resource, limit, nullptr), "prlimit64", name);
}

}  // namespace

Status StandApart() {
  if (!IsPrivileged()) MOAT_TRY(EnterUserNamespace());
  constexpr std::uint64_t kAll =
      uapi::kCloneNewNs | uapi::kCloneNewNet | uapi::kCloneNewIpc | uapi::kCloneNewUts | uapi::kCloneNewCgroup;
  MOAT_TRY(Check(Syscall(__NR_unshare, kAll), "unshare", "namespaces"));
  return EnterEmptyRoot();
}

Status GiveUpRights() {
  if (geteuid() == 0) {
    const plan::HostFacts facts;
    const unsigned id = facts.uid_base + static_cast<unsigned>(getpid()) % facts.uid_count;
    MOAT_TRY(Check(Syscall(__NR_setgroups, 0, nullptr), "setgroups", "none"));
    MOAT_TRY(Check(Syscall(__NR_setresgid, id, id, id), "setresgid", "a group of moat's range"));
    MOAT_TRY(Check(Syscall(__NR_setresuid, id, id, id), "setresuid", "a user of moat's range"));
  }
  const std::uint32_t header[2] = {kCapabilityVersion3, 0};
  const std::uint32_t none[6] = {};
  MOAT_TRY(Check(Syscall(__NR_capset, header, none), "capset", "no capability"));
  // Refused where there is no such set: nothing to clear then.
  Syscall(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return Check(Syscall(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl", "PR_SET_DUMPABLE");
}

Status LowerLimits(std::uint64_t file_size) {
  MOAT_TRY(Limit(RLIMIT_CORE, 0, "RLIMIT_CORE"));
  MOAT_TRY(Limit(RLIMIT_NOFILE, kFdLimit, "RLIMIT_NOFILE"));
  MOAT_TRY(Limit(RLIMIT_MEMLOCK, 0, "RLIMIT_MEMLOCK"));
  return file_size == kNoWorkerLimit ? Status{} : Limit(RLIMIT_FSIZE, file_size, "RLIMIT_FSIZE");
}

Status PointStandardStreamsNowhere() {
  const sys::Fd null = MOAT_TRY(sys::open("/dev/null", O_RDWR));
  for (const int fd : {0, 1, 2}) MOAT_TRY(Check(Syscall(__NR_dup3, null.get(), fd, 0), "dup3", "/dev/null"));
  return {};
}

Result<std::uint64_t> OwnMemory() {
  const std::string status = MOAT_TRY(sys::ReadFile("/proc/self/status", 64 << 10));
  const std::size_t at = status.find("\nVmData:");
  if (at == std::string::npos) return HostError("/proc/self/status does not tell the memory of this process");
  return std::strtoull(status.c_str() + at + sizeof("\nVmData:") - 1, nullptr, 10) << 10;
}

// What is mapped for reading only is made writable by mprotect where its file was opened for writing:
// the kernel's flags tell (mw: may write; sh: shared), the rights alone do not.
Status CheckNothingShared() {
  const std::string maps = MOAT_TRY(sys::ReadFile("/proc/self/smaps", 256U << 20));
  std::string_view rest = maps, range;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    constexpr std::string_view kFlags = "VmFlags:";
    // "7f00-7f01 rw-p 00000000 ...", then lines with names, of which the flags are the last.
    if (!line.empty() && (line[0] < 'A' || line[0] > 'Z')) range = line.substr(0, line.find(' '));
    if (line.substr(0, kFlags.size()) != kFlags || line.find(" sh") == std::string_view::npos ||
        line.find(" mw") == std::string_view::npos) {
      continue;
    }
    return WithFix(PolicyError("memory is mapped shared and could be written (" + std::string(range) +
                               "): one job could write what the next one reads"),
                   "unmap it before Serve, map it MAP_PRIVATE, or from a descriptor that is open for reading only");
  }
  return {};
}

}  // namespace moat::pool
