#include "probe/explain.h"

#include <cerrno>

#include "base/errno_name.h"
#include "base/text.h"

namespace moat::probe {

using plan::Fact;

namespace {

struct Reason {
  std::string detail, fix;
};

struct LayerRow {
  std::string_view what;     // "a new user namespace"
  std::string_view since;    // the kernel that brought it: advice for people, never a test
  std::string_view option;   // what the kernel must be built with
};

LayerRow Row(Layer layer) {
  switch (layer) {
    case Layer::kUserNs: return {"a new user namespace", "3.8", "CONFIG_USER_NS"};
    case Layer::kMountNs: return {"a new mount namespace", "3.8", "CONFIG_NAMESPACES"};
    case Layer::kPidNs: return {"a new pid namespace", "3.8", "CONFIG_PID_NS"};
    case Layer::kNetNs: return {"a new network namespace", "3.8", "CONFIG_NET_NS"};
    case Layer::kIpcNs: return {"a new ipc namespace", "3.8", "CONFIG_IPC_NS"};
    case Layer::kUtsNs: return {"a new uts namespace", "3.8", "CONFIG_UTS_NS"};
    case Layer::kCgroupNs: return {"a new cgroup namespace", "4.6", "CONFIG_CGROUPS"};
    case Layer::kMountApi: return {"mounts by descriptor", "5.12", ""};
    case Layer::kOpenat2: return {"openat2", "5.6", ""};
    case Layer::kClone3: return {"clone3", "5.3", ""};
    case Layer::kCloseRange: return {"close_range", "5.9", ""};
    case Layer::kPidfd: return {"pidfd_open", "5.3", ""};
    case Layer::kProcfs: return {"a procfs of the job's own", "5.2", "CONFIG_PROC_FS"};
    case Layer::kProcfsSubset: return {"a procfs of processes only (subset=pid)", "5.8", "CONFIG_PROC_FS"};
    case Layer::kTmpfs: return {"a private tmpfs", "5.2", "CONFIG_TMPFS"};
    case Layer::kOverlayfs: return {"overlayfs", "5.11", "CONFIG_OVERLAY_FS"};
    case Layer::kIdmap: return {"an id-mapped mount of a tmpfs", "6.3", ""};
    case Layer::kSeccomp: return {"a seccomp filter", "4.14", "CONFIG_SECCOMP_FILTER"};
    case Layer::kLandlock: return {"Landlock", "5.13", "CONFIG_SECURITY_LANDLOCK"};
    case Layer::kProcessCount: return {"processes counted per user namespace", "5.14", ""};
    case Layer::kLoopback: return {"the loopback interface", "3.8", "CONFIG_INET"};
  }
  return {};
}

std::string Newer(const LayerRow& row) {
  std::string text = "a kernel of Linux " + std::string(row.since) + " or newer";
  if (!row.option.empty()) text += " with " + std::string(row.option);
  return text;
}

Reason OuterFilter(std::string_view call) {
  const std::string name(call.substr(0, call.find(' ')));
  return {"the seccomp filter of an outer sandbox refuses " + name,
          "run the container with a seccomp profile that allows " + name + " (docker: --security-opt seccomp=FILE)"};
}

Reason UserNs(const Outcome& outcome, const LayerRow& row, const Hints& hints) {
  const bool refused = outcome.error == EPERM || outcome.error == EACCES;
  if (outcome.error == ENOSPC && hints.max_user_ns == 0u) {
    return {"user namespaces are switched off: the sysctl user.max_user_namespaces is 0",
            "sysctl -w user.max_user_namespaces=10000"};
  }
  if (outcome.error == ENOSPC) {
    std::string limit = hints.max_user_ns ? base::Number(*hints.max_user_ns) : "its limit";
    return {"no more user namespaces: all of user.max_user_namespaces (" + limit + ") are in use",
            "raise the sysctl user.max_user_namespaces"};
  }
  if (refused && !hints.root && hints.userns_clone == 0u) {
    return {"the sysctl kernel.unprivileged_userns_clone is 0: only root may make user namespaces",
            "sysctl -w kernel.unprivileged_userns_clone=1"};
  }
  if (refused && !hints.root && hints.apparmor_userns.value_or(0) != 0) {
    return {"AppArmor keeps user namespaces from programs without a profile of their own "
            "(the sysctl kernel.apparmor_restrict_unprivileged_userns is 1)",
            "an AppArmor profile for moat with the rule `userns,`; for all programs: "
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"};
  }
  if (refused && hints.outer_filter) return OuterFilter(outcome.call);
  if (outcome.error == EACCES && hints.undumpable) {
    // Not made dumpable for the trial: our memory may hold what others of our uid must not see.
    return {"this process changed its ids since it was executed, and may not write its own maps",
            "ask from a program that was executed as this user (moat doctor)"};
  }
  if (outcome.error == EPERM) {
    return {"refused: by a chroot that we are in, by ids that have no meaning here, or by a security module", ""};
  }
  if (outcome.error == EINVAL) return {"the kernel has no user namespaces", Newer(row)};
  if (outcome.error == ENOENT) return {"/proc is not there, where the ids are written", "mount -t proc proc /proc"};
  return {};
}

Reason Procfs(const Outcome& outcome, const LayerRow& row) {
  if (outcome.error == EPERM && outcome.call == std::string_view("fsmount")) {
    return {"parts of /proc are masked here, and the kernel shows a fresh one only to those who see all of the old one",
            "run the container with its /proc unmasked (docker: --security-opt systempaths=unconfined)"};
  }
  if (outcome.error == EINVAL) return {"this procfs does not know the option", Newer(row)};
  return {};
}

Reason Landlock(const Outcome& outcome, const LayerRow& row, const Hints& hints) {
  if (outcome.error == EOPNOTSUPP) {
    return {"Landlock is built into the kernel and switched off", "add landlock to the kernel parameter lsm="};
  }
  if (outcome.error == ENOSYS && !hints.outer_filter) return {"the kernel has no Landlock", Newer(row)};
  return {};
}

Reason Special(Layer layer, const Outcome& outcome, const LayerRow& row, const Hints& hints) {
  switch (layer) {
    case Layer::kUserNs: return UserNs(outcome, row, hints);
    case Layer::kProcfs:
    case Layer::kProcfsSubset: return Procfs(outcome, row);
    case Layer::kLandlock: return Landlock(outcome, row, hints);
    case Layer::kOverlayfs:
      if (outcome.error == ENODEV) return {"overlayfs is not in the kernel, or its module is not loaded", "modprobe overlay"};
      if (outcome.error == EPERM) return {"overlayfs is for the host's root alone here", Newer(row)};
      return {};
    case Layer::kIdmap:
      if (outcome.error == EINVAL) return {"a tmpfs cannot be id-mapped here", Newer(row)};
      return {};
    case Layer::kProcessCount:
      if (outcome.error == EAGAIN) return {"RLIMIT_NPROC counts all processes of the same uid on the host", Newer(row)};
      return {};
    default: return {};
  }
}

Reason General(const Outcome& outcome, const LayerRow& row, const Hints& hints) {
  const int error = outcome.error;
  if (error == ETIMEDOUT) return {"the trial did not come to an end", ""};
  if ((error == ENOSYS || error == EPERM || error == EACCES) && hints.outer_filter) return OuterFilter(outcome.call);
  if (error == ENOSYS) return {"the kernel does not have it", Newer(row)};
  if (error == ENOSPC) return {"the limit on namespaces (sysctl user.max_*_namespaces) is reached", ""};
  if (error == EINVAL || error == ENODEV) return {"the kernel was built without it", Newer(row)};
  if (error == EPERM && !hints.root) return {"refused to this user", "run as root, or where user namespaces work"};
  if (error == EPERM || error == EACCES) return {"refused by a security module, or by the container around us", ""};
  return {std::string(base::ErrnoText(error)), ""};
}

}  // namespace

Fact Explain(Layer layer, const Outcome& outcome, const Hints& hints) {
  const LayerRow row = Row(layer);
  Fact fact;
  fact.works = outcome.worked();
  if (fact.works) {
    fact.detail = row.what;
    return fact;
  }
  if (!outcome.tried()) {
    fact.detail = std::string(row.what) + ": not tried";
    return fact;
  }
  fact.error_number = outcome.error;
  Reason reason = Special(layer, outcome, row, hints);
  if (reason.detail.empty()) reason = General(outcome, row, hints);
  fact.detail = std::string(row.what) + ": " + reason.detail + " (" + outcome.call + ": " +
                std::string(base::ErrnoName(outcome.error)) + ")";
  fact.fix = reason.fix;
  return fact;
}

Fact NotTried(std::string_view because, const Fact& blocker) {
  Fact fact;
  fact.error_number = blocker.error_number;
  fact.detail = "not tried without " + std::string(because);
  return fact;
}

bool MapsIds(std::string_view map, std::uint64_t first, std::uint64_t count) {
  std::uint64_t words[3] = {};  // inside, outside, count
  std::size_t word = 0;
  bool in_number = false;
  for (const char c : map) {
    if (c >= '0' && c <= '9') {
      if (word < 3) words[word] = words[word] * 10 + static_cast<std::uint64_t>(c - '0');
      in_number = true;
      continue;
    }
    if (in_number) ++word;
    in_number = false;
    if (c != '\n') continue;
    if (word == 3 && words[0] <= first && first + count <= words[0] + words[2]) return true;
    word = 0;
    words[0] = words[1] = words[2] = 0;
  }
  return false;
}

std::string LsmNote(const Hints& hints) {
  if (hints.apparmor_userns.value_or(0) != 0) {
    return "AppArmor restricts unprivileged user namespaces (kernel.apparmor_restrict_unprivileged_userns)";
  }
  if (hints.outer_filter) return "a seccomp filter of an outer sandbox is in force";
  return {};
}

}  // namespace moat::probe
