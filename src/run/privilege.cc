#include "run/privilege.h"

#include <cerrno>

#include "base/text.h"
#include "sys/calls.h"
#include "uapi/syscall.h"

namespace moat::run {
namespace {

constexpr std::uint32_t kCapabilityVersion3 = 0x20080522;
constexpr std::uint32_t kCapSetgid = 6, kCapSetuid = 7, kCapSysAdmin = 21;

}  // namespace

bool IsPrivileged() {
  std::uint32_t header[2] = {kCapabilityVersion3, 0};
  std::uint32_t data[6] = {};  // effective, permitted, inheritable; twice
  if (uapi::Syscall(__NR_capget, header, data) != 0) return false;
  const std::uint32_t wanted = 1U << kCapSetgid | 1U << kCapSetuid | 1U << kCapSysAdmin;
  return (data[0] & wanted) == wanted;
}

Status EnterOwnNamespace() {
  // Once per process: a helper that runs one job after the other stays where it is.
  static bool entered = false;
  if (entered) return {};
  // The map below names the caller's own id: for uid 0 that would be the host's root in the job.
  if (uapi::Syscall(__NR_geteuid) == 0) {
    return HostError("uid 0 without CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID cannot give a job a uid of its own",
                     "run moat as an ordinary user, or with these capabilities");
  }
  const std::string uid = base::Number(static_cast<std::uint64_t>(uapi::Syscall(__NR_geteuid)));
  const std::string gid = base::Number(static_cast<std::uint64_t>(uapi::Syscall(__NR_getegid)));
  const long result = uapi::Syscall(__NR_unshare, uapi::kCloneNewUser | uapi::kCloneNewNs);
  if (uapi::IsError(result)) {
    Error error = SystemError("unshare", static_cast<int>(-result), "a user namespace");
    if (result == -ENOSPC) error.fix = "raise the sysctl user.max_user_namespaces";
    if (result == -EPERM) {
      error.fix = "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
                  "kernel.apparmor_restrict_unprivileged_userns=0), or run as root; `moat doctor` tells which";
    }
    return error;
  }
  MOAT_TRY(sys::WriteFile("/proc/self/setgroups", "deny"));
  MOAT_TRY(sys::WriteFile("/proc/self/uid_map", "0 " + uid + " 1"));
  MOAT_TRY(sys::WriteFile("/proc/self/gid_map", "0 " + gid + " 1"));
  entered = true;
  return {};
}

}  // namespace moat::run
