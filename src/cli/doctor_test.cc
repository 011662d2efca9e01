#include "cli/doctor.h"

#include <gtest/gtest.h>

#include <cerrno>

#include <nlohmann/json.hpp>

#include "cli/doctor_clean.h"

namespace moat::cli {
namespace {

using plan::Controller;
using plan::Fact;
using plan::HostFacts;
using probe::Note;

Fact Works() { return {true, 0, "", ""}; }

// A host where everything works, v1 and v2 mixed.
HostFacts GoodHost() {
  HostFacts facts;
  facts.kernel = "6.18.44";
  for (Fact HostFacts::* each :
       {&HostFacts::root, &HostFacts::user_ns, &HostFacts::mount_ns, &HostFacts::pid_ns, &HostFacts::net_ns,
        &HostFacts::ipc_ns, &HostFacts::uts_ns, &HostFacts::cgroup_ns, &HostFacts::mount_api, &HostFacts::openat2,
        &HostFacts::clone3, &HostFacts::close_range, &HostFacts::pidfd, &HostFacts::procfs, &HostFacts::procfs_subset,
        &HostFacts::tmpfs, &HostFacts::overlayfs, &HostFacts::idmap, &HostFacts::seccomp, &HostFacts::seccomp_log,
        &HostFacts::seccomp_notify, &HostFacts::rlimit_nproc_per_ns, &HostFacts::loopback, &HostFacts::landlock}) {
    facts.*each = Works();
  }
  facts.landlock_abi = 7;
  facts.uid_base = 1000000;
  const auto at = [](const char* folder) {
    Controller controller;
    controller.version = Controller::Version::kV1;
    controller.folder = folder;
    controller.writable = true;
    return controller;
  };
  facts.cgroups.memory = at("/cg/memory/x");
  facts.cgroups.pids = at("/cg/pids");
  facts.cgroups.cpu = facts.cgroups.cpuacct = at("/cg/cpu,cpuacct");
  facts.cgroups.cpuset = at("/cg/cpuset");
  facts.cgroups.freezer = at("/cg/freezer");
  facts.cgroups.kill = true;
  facts.cgroups.unified = "/cg/unified";
  return facts;
}

// Ubuntu's rule, a masked /proc, and a cgroup that is not ours.
HostFacts PoorHost() {
  HostFacts facts = GoodHost();
  facts.euid = 1000;
  facts.root = {false, EPERM, "without CAP_SYS_ADMIN", "run as root"};
  facts.procfs = {false, EPERM, "a procfs of the job's own: parts of /proc are masked here (fsmount: EPERM)",
                  "docker: --security-opt systempaths=unconfined"};
  facts.idmap = {false, EINVAL, "an id-mapped mount of a tmpfs: a tmpfs cannot be id-mapped here", "a newer kernel"};
  facts.landlock_abi = 3;
  facts.cgroups.memory.writable = false;
  facts.cgroups.memory.problem = "no group can be made in /cg/memory/x (mkdir: EACCES)";
  facts.cgroups.memory.fix = "run as root";
  facts.cgroups.memory.error_number = EACCES;
  facts.cgroups.kill = false;
  facts.lsm_note = "a seccomp filter of an outer sandbox is in force";
  return facts;
}

const std::vector<Note> kNotes = {
    {Note::Level::kGood, "swap", "none", "memory limits mean memory", ""},
    {Note::Level::kAdvice, "kernel.kptr_restrict", "0", "kernel addresses can be read", "sysctl -w kernel.kptr_restrict=1"},
};

TEST(DoctorTest, GoodHostGolden) {
  EXPECT_EQ(DoctorText(GoodHost(), kNotes, Colour::kNever), R"(Linux 6.18.44 x86_64, as root

kernel
  works   clone3
  works   pidfd
  works   openat2
  works   close_range

namespaces
  works   user namespace
  works   mount namespace
  works   pid namespace
  works   network namespace
  works   ipc namespace
  works   uts namespace
  works   cgroup namespace
  works   loopback interface

mounts
  works   mount API
  works   tmpfs
  works   own /proc
  works   /proc of processes only
  works   overlayfs
  works   id-mapped mounts

seccomp
  works   filters
  works   log action
  works   user notification

Landlock
  works   Landlock                   ABI 7

cgroups
  works   memory                     v1, /cg/memory/x
  works   pids                       v1, /cg/pids
  works   cpu                        v1, /cg/cpu,cpuacct
  works   cpuacct                    v1, /cg/cpu,cpuacct
  works   cpuset                     v1, /cg/cpuset
  works   freezer                    v1, /cg/freezer
  works   cgroup.kill

identity
  works   a uid for each job         from 1000000 on
  works   RLIMIT_NPROC for each job

host (no layer of moat's, but what lies behind them)
  good    swap = none: memory limits mean memory
  advice  kernel.kptr_restrict = 0: kernel addresses can be read
          fix:   sysctl -w kernel.kptr_restrict=1

The default profile is enforced in full here.
)");
  EXPECT_EQ(DoctorExitCode(Diagnose(GoodHost())), 0);
}

constexpr const char* kPoorHost = R"(Linux 6.18.44 x86_64, as uid 1000
Note: a seccomp filter of an outer sandbox is in force

kernel
  works   clone3
  works   pidfd
  works   openat2
  works   close_range

namespaces
  works   user namespace
  works   mount namespace
  works   pid namespace
  works   network namespace
  works   ipc namespace
  works   uts namespace
  works   cgroup namespace
  works   loopback interface

mounts
  works   mount API
  works   tmpfs
  MISSING own /proc                  a procfs of the job's own: parts of /proc are masked here (fsmount: EPERM)
          means: the default profile is refused; a policy with proc = "none" runs
          fix:   docker: --security-opt systempaths=unconfined
  works   /proc of processes only
  works   overlayfs
  none    id-mapped mounts           an id-mapped mount of a tmpfs: a tmpfs cannot be id-mapped here
          means: files keep their host owners inside
          fix:   a newer kernel

seccomp
  works   filters
  works   log action
  works   user notification

Landlock
  works   Landlock                   ABI 3
          means: files only: TCP and abstract sockets are left to the network namespace

cgroups
  WEAKER  memory                     no group can be made in /cg/memory/x (mkdir: EACCES)
          means: the default memory limit holds for each process, not for the job; --memory is refused
          fix:   run as root
  works   pids                       v1, /cg/pids
  works   cpu                        v1, /cg/cpu,cpuacct
  works   cpuacct                    v1, /cg/cpu,cpuacct
  works   cpuset                     v1, /cg/cpuset
  works   freezer                    v1, /cg/freezer
  none    cgroup.kill                not to be had below /cg/unified
          means: jobs end with their pid namespace

identity
  none    a uid for each job         without CAP_SYS_ADMIN
          means: jobs are uid 1000 to the host, and keep its supplementary groups
          fix:   run as root
  works   RLIMIT_NPROC for each job

host (no layer of moat's, but what lies behind them)

The default profile is refused here, for want of: own /proc.
)";

TEST(DoctorTest, PoorHostGolden) {
  EXPECT_EQ(DoctorText(PoorHost(), {}, Colour::kNever), kPoorHost);
  EXPECT_EQ(DoctorExitCode(Diagnose(PoorHost())), 1);
}

TEST(DoctorTest, RootDoesWithoutUserNamespaces) {
  HostFacts facts = GoodHost();
  facts.user_ns = {false, ENOSPC, "user namespaces are switched off", "sysctl -w user.max_user_namespaces=10000"};
  const std::string as_root = DoctorText(facts, {}, Colour::kNever);
  EXPECT_NE(as_root.find("WEAKER  user namespace"), std::string::npos) << as_root;
  EXPECT_NE(as_root.find("root needs none"), std::string::npos);
  EXPECT_NE(as_root.find("weaker in: user namespace."), std::string::npos);
  facts.root = {false, EPERM, "without CAP_SYS_ADMIN", "run as root"};
  EXPECT_NE(DoctorText(facts, {}, Colour::kNever).find("MISSING user namespace"), std::string::npos);
}

TEST(DoctorTest, SpareLayersDoNotCount) {
  HostFacts facts = GoodHost();
  facts.overlayfs = facts.idmap = facts.seccomp_notify = facts.loopback = {false, ENODEV, "none", ""};
  facts.cgroups.cpu.writable = facts.cgroups.kill = false;
  EXPECT_EQ(DoctorExitCode(Diagnose(facts)), 0);
  facts.cgroups.pids.writable = false;  // counted by RLIMIT_NPROC
  EXPECT_EQ(DoctorExitCode(Diagnose(facts)), 0);
  facts.root.works = facts.rlimit_nproc_per_ns.works = false;
  EXPECT_EQ(DoctorExitCode(Diagnose(facts)), 1);
}

TEST(DoctorTest, ColoursOnlyWhenTold) {
  EXPECT_EQ(DoctorText(PoorHost(), kNotes, Colour::kNever).find('\x1b'), std::string::npos);
  EXPECT_NE(DoctorText(PoorHost(), kNotes, Colour::kAlways).find("\x1b[31mMISSING\x1b[0m own /proc"), std::string::npos);
}

TEST(DoctorTest, ForeignTextIsInert) {
  HostFacts facts = GoodHost();
  facts.cgroups.memory.folder = "/cg/\x1b[31m";
  EXPECT_EQ(DoctorText(facts, {}, Colour::kNever).find('\x1b'), std::string::npos);
}

TEST(DoctorTest, JsonSaysTheSame) {
  const auto json = nlohmann::json::parse(DoctorJson(PoorHost(), kNotes));
  EXPECT_EQ(json["kernel"], "6.18.44");
  EXPECT_EQ(json["euid"], 1000);
  EXPECT_EQ(json["full"], false);
  EXPECT_EQ(json["layers"].size(), Diagnose(PoorHost()).size());
  bool found = false;
  for (const auto& layer : json["layers"]) {
    if (layer["layer"] != "memory") continue;
    found = true;
    EXPECT_EQ(layer["verdict"], "weaker");
    EXPECT_EQ(layer["errno"], "EACCES");
    EXPECT_EQ(layer["fix"], "run as root");
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(json["host"][1]["level"], "advice");
  EXPECT_TRUE(nlohmann::json::parse(DoctorJson(GoodHost(), {}))["full"]);
}

TEST(DoctorTest, EveryMissingLayerSaysWhatItMeans) {
  for (const Diagnosis& each : Diagnose(HostFacts{})) {
    EXPECT_TRUE(each.verdict == Verdict::kWorks || !each.means.empty()) << each.layer;
  }
}

TEST(DoctorTest, CommandOnThisHost) {
  std::string out, errors;
  const std::vector<std::string> json = {"--json"};
  const int code = Doctor(json, Colour::kNever, out, errors);
  EXPECT_EQ(errors, "");
  EXPECT_EQ(code, nlohmann::json::parse(out)["full"] ? 0 : 1);
  std::string text;
  EXPECT_EQ(Doctor({}, Colour::kNever, text, errors), code);
  EXPECT_NE(text.find("\nThe default profile "), std::string::npos);
}

TEST(DoctorTest, WrongArgumentsAreNamed) {
  std::string out, errors;
  const std::vector<std::string> args = {"--jsn"};
  EXPECT_EQ(Doctor(args, Colour::kNever, out, errors), 125);
  EXPECT_EQ(out, "");
  EXPECT_EQ(errors, "moat doctor: unknown argument \"--jsn\"; did you mean --json?\n");
}

TEST(DoctorTest, OnlyNamesOfJobsAndTrialsAreCleaned) {
  for (const char* name : {"moat-1-0123456789ab", "moat-4194304-ffffffffffff", "moat-probe-17-123456789"}) {
    EXPECT_TRUE(IsGroupName(name)) << name;
  }
  for (const char* name : {"", "moat", "moat-", "moat-17", "moat-17-", "moat-17-0123456789a", "moat-17-0123456789abc", "moat-17-0123456789aB",
                           "moat--0123456789ab", "moat-x-0123456789ab", "moat-17-0123456789ab-", "xmoat-17-0123456789ab", "moat-probe-17",
                           "moat-probe-17-", "moat-probe--1", "moat-probe-17-12a", "user.slice"}) {
    EXPECT_FALSE(IsGroupName(name)) << name;
  }
}

TEST(DoctorTest, CleanedIsTold) {
  EXPECT_EQ(CleanedText({}), "Nothing was left behind.\n");
  const CleanedGroups cleaned{{"/cg/moat-1-0123456789ab"}, {{"/cg/\x1b", "its launcher lives"}}};
  EXPECT_EQ(CleanedText(cleaned), "removed  /cg/moat-1-0123456789ab\nkept     /cg/\\x1b: its launcher lives\n");
  const auto json = nlohmann::json::parse(CleanedJson(cleaned));
  EXPECT_EQ(json["removed"][0], "/cg/moat-1-0123456789ab");
  EXPECT_EQ(json["kept"][0]["why"], "its launcher lives");
  EXPECT_TRUE(CleanGroups("36 31 0:24 / /sys ro - cgroup2 cgroup2 ro\n").removed.empty());
}

}  // namespace
}  // namespace moat::cli
