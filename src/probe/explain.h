// From an errno to words: what a refusal means on this host, and the one thing that would
// help. Pure: the same errno under other settings of the host is only another `Hints`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plan/host_facts.h"
#include "probe/trials.h"

namespace moat::probe {

enum class Layer : std::uint8_t {
  kUserNs, kMountNs, kPidNs, kNetNs, kIpcNs, kUtsNs, kCgroupNs,
  kMountApi, kOpenat2, kClone3, kCloseRange, kPidfd,
  kProcfs, kProcfsSubset, kTmpfs, kOverlayfs, kIdmap,
  kSeccomp, kLandlock, kProcessCount, kLoopback,
};

// Settings of the host that turn an errno into a reason. Unset: the host has no such setting.
struct Hints {
  std::optional<std::uint64_t> userns_clone;     // kernel.unprivileged_userns_clone (Debian)
  std::optional<std::uint64_t> apparmor_userns;  // kernel.apparmor_restrict_unprivileged_userns (Ubuntu)
  std::optional<std::uint64_t> max_user_ns;      // user.max_user_namespaces
  bool outer_filter = false;                     // a seccomp filter was there before us
  bool undumpable = false;                       // we changed our ids: our /proc/self is root's
  bool root = false;                             // we have CAP_SYS_ADMIN here
};

plan::Fact Explain(Layer layer, const Outcome& outcome, const Hints& hints);

// A layer that could not be tried because another one failed: the same errno, no fix of its own.
plan::Fact NotTried(std::string_view because, const plan::Fact& blocker);

// Whether a text of /proc/PID/uid_map gives all of [first, first + count) a meaning.
bool MapsIds(std::string_view map, std::uint64_t first, std::uint64_t count);

// What is in the way of unprivileged user namespaces although some may work; "" when nothing.
std::string LsmNote(const Hints& hints);

}  // namespace moat::probe
