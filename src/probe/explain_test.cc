#include "probe/explain.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace moat::probe {
namespace {

struct Case {
  Layer layer;
  Outcome outcome;
  Hints hints;
  const char* text;  // detail, and " -> " and the fix when there is one
};

std::string Text(const plan::Fact& fact) {
  return fact.fix.empty() ? fact.detail : fact.detail + " -> " + fact.fix;
}

const Case kCases[] = {
    {Layer::kUserNs, {EPERM, "unshare"}, {.userns_clone = 0},
     "a new user namespace: the sysctl kernel.unprivileged_userns_clone is 0: only root may make user namespaces "
     "(unshare: EPERM) -> sysctl -w kernel.unprivileged_userns_clone=1"},
    {Layer::kUserNs, {EPERM, "write uid_map"}, {.userns_clone = 1, .apparmor_userns = 1},
     "a new user namespace: AppArmor keeps user namespaces from programs without a profile of their own "
     "(the sysctl kernel.apparmor_restrict_unprivileged_userns is 1) (write uid_map: EPERM) -> an AppArmor profile for "
     "moat with the rule `userns,`; for all programs: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"},
    {Layer::kUserNs, {ENOSPC, "unshare"}, {.max_user_ns = 0},
     "a new user namespace: user namespaces are switched off: the sysctl user.max_user_namespaces is 0 "
     "(unshare: ENOSPC) -> sysctl -w user.max_user_namespaces=10000"},
    {Layer::kUserNs, {ENOSPC, "clone3"}, {.max_user_ns = 64},
     "a new user namespace: no more user namespaces: all of user.max_user_namespaces (64) are in use "
     "(clone3: ENOSPC) -> raise the sysctl user.max_user_namespaces"},
    {Layer::kUserNs, {EPERM, "unshare"}, {.outer_filter = true},
     "a new user namespace: the seccomp filter of an outer sandbox refuses unshare (unshare: EPERM) -> run the container "
     "with a seccomp profile that allows unshare (docker: --security-opt seccomp=FILE)"},
    {Layer::kUserNs, {EINVAL, "unshare"}, {},
     "a new user namespace: the kernel has no user namespaces (unshare: EINVAL) -> a kernel of Linux 3.8 or newer with "
     "CONFIG_USER_NS"},
    {Layer::kUserNs, {EACCES, "write setgroups"}, {.undumpable = true},
     "a new user namespace: this process changed its ids since it was executed, and may not write its own maps (write "
     "setgroups: EACCES) -> ask from a program that was executed as this user (moat doctor)"},
    // Root is not stopped by what is for others.
    {Layer::kUserNs, {EPERM, "clone3"}, {.userns_clone = 0, .root = true},
     "a new user namespace: refused: by a chroot that we are in, by ids that have no meaning here, or by a security "
     "module (clone3: EPERM)"},
    {Layer::kProcfs, {EPERM, "fsmount"}, {},
     "a procfs of the job's own: parts of /proc are masked here, and the kernel shows a fresh one only to those who see "
     "all of the old one (fsmount: EPERM) -> run the container with its /proc unmasked (docker: --security-opt "
     "systempaths=unconfined)"},
    {Layer::kProcfsSubset, {EINVAL, "fsconfig"}, {},
     "a procfs of processes only (subset=pid): this procfs does not know the option (fsconfig: EINVAL) -> a kernel of "
     "Linux 5.8 or newer with CONFIG_PROC_FS"},
    {Layer::kOverlayfs, {ENODEV, "fsopen"}, {},
     "overlayfs: overlayfs is not in the kernel, or its module is not loaded (fsopen: ENODEV) -> modprobe overlay"},
    {Layer::kLandlock, {EOPNOTSUPP, "landlock_create_ruleset"}, {},
     "Landlock: Landlock is built into the kernel and switched off (landlock_create_ruleset: EOPNOTSUPP) -> add landlock "
     "to the kernel parameter lsm="},
    {Layer::kLandlock, {ENOSYS, "landlock_create_ruleset"}, {},
     "Landlock: the kernel has no Landlock (landlock_create_ruleset: ENOSYS) -> a kernel of Linux 5.13 or newer with "
     "CONFIG_SECURITY_LANDLOCK"},
    {Layer::kLandlock, {ENOSYS, "landlock_create_ruleset"}, {.outer_filter = true},
     "Landlock: the seccomp filter of an outer sandbox refuses landlock_create_ruleset (landlock_create_ruleset: ENOSYS) "
     "-> run the container with a seccomp profile that allows landlock_create_ruleset (docker: --security-opt "
     "seccomp=FILE)"},
    {Layer::kClone3, {ENOSYS, "clone3"}, {.outer_filter = true},
     "clone3: the seccomp filter of an outer sandbox refuses clone3 (clone3: ENOSYS) -> run the container with a seccomp "
     "profile that allows clone3 (docker: --security-opt seccomp=FILE)"},
    {Layer::kOpenat2, {ENOSYS, "openat2"}, {},
     "openat2: the kernel does not have it (openat2: ENOSYS) -> a kernel of Linux 5.6 or newer"},
    {Layer::kProcessCount, {EAGAIN, "clone3"}, {},
     "processes counted per user namespace: RLIMIT_NPROC counts all processes of the same uid on the host (clone3: "
     "EAGAIN) -> a kernel of Linux 5.14 or newer"},
    {Layer::kNetNs, {EINVAL, "clone3"}, {},
     "a new network namespace: the kernel was built without it (clone3: EINVAL) -> a kernel of Linux 3.8 or newer with "
     "CONFIG_NET_NS"},
    {Layer::kNetNs, {ENOSPC, "clone3"}, {},
     "a new network namespace: the limit on namespaces (sysctl user.max_*_namespaces) is reached (clone3: ENOSPC)"},
    {Layer::kMountNs, {ETIMEDOUT, "the trial"}, {},
     "a new mount namespace: the trial did not come to an end (the trial: ETIMEDOUT)"},
    {Layer::kTmpfs, {ENOMEM, "fsmount"}, {}, "a private tmpfs: out of memory (fsmount: ENOMEM)"},
};

TEST(ExplainTest, EachErrnoHasItsReasonAndItsFix) {
  for (const Case& each : kCases) {
    const plan::Fact fact = Explain(each.layer, each.outcome, each.hints);
    EXPECT_FALSE(fact.works);
    EXPECT_EQ(fact.error_number, each.outcome.error);
    EXPECT_EQ(Text(fact), each.text);
  }
}

TEST(ExplainTest, NoSpaceIsNeverCalledThat) {
  for (const std::uint64_t limit : {0ULL, 1ULL}) {
    const plan::Fact fact = Explain(Layer::kUserNs, {ENOSPC, "clone3"}, {.max_user_ns = limit});
    EXPECT_EQ(fact.detail.find("space left"), std::string::npos);
    EXPECT_NE(fact.fix.find("user.max_user_namespaces"), std::string::npos);
  }
}

TEST(ExplainTest, WhatWorksHasNoFix) {
  const plan::Fact fact = Explain(Layer::kTmpfs, {0, "fsmount"}, {.userns_clone = 0, .outer_filter = true});
  EXPECT_TRUE(fact.works);
  EXPECT_EQ(fact.error_number, 0);
  EXPECT_EQ(fact.fix, "");
}

TEST(ExplainTest, UntriedLayersNameWhatWasInTheWay) {
  const plan::Fact blocker = Explain(Layer::kUserNs, {ENOSPC, "unshare"}, {.max_user_ns = 0});
  const plan::Fact fact = NotTried("a user namespace", blocker);
  EXPECT_FALSE(fact.works);
  EXPECT_EQ(fact.error_number, ENOSPC);
  EXPECT_EQ(fact.detail, "not tried without a user namespace");
  EXPECT_EQ(fact.fix, "");
}

TEST(ExplainTest, MapsOfIds) {
  constexpr std::string_view kHost = "         0          0 4294967295\n";
  constexpr std::string_view kContainer = "         0       1000          1\n         1     100000      65536\n";
  EXPECT_TRUE(MapsIds(kHost, 0x70000000, 1 << 22));
  EXPECT_FALSE(MapsIds(kContainer, 0x70000000, 1 << 22));
  EXPECT_TRUE(MapsIds(kContainer, 1000, 60000));
  EXPECT_FALSE(MapsIds(kContainer, 1000, 65537));
  EXPECT_FALSE(MapsIds("", 0, 1));
  EXPECT_FALSE(MapsIds("0 0\n", 0, 0));
}

TEST(ExplainTest, LsmNote) {
  EXPECT_EQ(LsmNote({}), "");
  EXPECT_EQ(LsmNote({.apparmor_userns = 0}), "");
  EXPECT_NE(LsmNote({.apparmor_userns = 1}), "");
  EXPECT_NE(LsmNote({.outer_filter = true}), "");
}

}  // namespace
}  // namespace moat::probe
