#include "probe/cgroups.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <set>

namespace moat::probe {
namespace {

using plan::Cgroups;
using plan::Controller;
using Version = Controller::Version;

// A host in three tables: files to read, folders in which groups can be made, and the errno of
// the others.
class FakeHost : public CgroupHost {
 public:
  std::optional<std::string> Read(const std::string& path) const override {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  }
  GroupTrial TryGroup(const std::string& folder) const override {
    tried.push_back(folder);
    const auto found = groups.find(folder);
    return found == groups.end() ? GroupTrial{ENOENT, {}} : found->second;
  }

  std::map<std::string, std::string> files;
  std::map<std::string, GroupTrial> groups;
  mutable std::vector<std::string> tried;
};

const std::vector<std::string> kCoreFiles = {"cgroup.kill", "cgroup.freeze", "cpu.stat"};

std::vector<std::string> With(std::vector<std::string> more) {
  more.insert(more.end(), kCoreFiles.begin(), kCoreFiles.end());
  return more;
}

constexpr std::string_view kV2Mount =
    "25 30 0:23 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CgroupsTest, PureV1FindsEachControllerInItsOwnHierarchy) {
  const std::string_view mounts =
      "30 25 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:9 - tmpfs tmpfs ro,mode=755\n"
      "33 30 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:13 - cgroup cgroup rw,cpu,cpuacct\n"
      "34 30 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:14 - cgroup cgroup rw,memory\n"
      "35 30 0:32 / /sys/fs/cgroup/pids rw,nosuid shared:15 - cgroup cgroup rw,pids\n";
  const std::string_view cgroup = "4:pids:/jobs\n3:memory:/jobs/a:b\n2:cpu,cpuacct:/\n1:name=systemd:/x\n";
  FakeHost host;
  host.groups["/sys/fs/cgroup/cpu,cpuacct"] = {};
  host.groups["/sys/fs/cgroup/memory/jobs/a:b"] = {};
  host.groups["/sys/fs/cgroup/pids/jobs"] = {EACCES, {}};
  const Cgroups found = FindCgroups(cgroup, mounts, host);
  EXPECT_EQ(found.memory.version, Version::kV1);
  EXPECT_EQ(found.memory.folder, "/sys/fs/cgroup/memory/jobs/a:b");
  EXPECT_TRUE(found.memory.writable);
  EXPECT_EQ(found.memory.problem, "");
  EXPECT_EQ(found.cpu.folder, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(found.cpuacct.folder, found.cpu.folder);
  EXPECT_EQ(found.pids.folder, "/sys/fs/cgroup/pids/jobs");
  EXPECT_FALSE(found.pids.writable);
  EXPECT_EQ(found.pids.error_number, EACCES);
  EXPECT_EQ(found.pids.problem, "no group can be made in /sys/fs/cgroup/pids/jobs (mkdir: EACCES)");
  EXPECT_EQ(found.pids.fix, "run as root, or chown /sys/fs/cgroup/pids/jobs to this user");
  EXPECT_EQ(found.cpuset.version, Version::kNone);
  EXPECT_EQ(found.cpuset.problem, "the kernel offers no cpuset controller");
  EXPECT_EQ(found.unified, "");
  EXPECT_FALSE(found.kill);
  EXPECT_EQ(host.tried.size(), 3u);  // co-mounted controllers are tried once
}

TEST(CgroupsTest, HybridKeepsKillOfTheUnifiedHierarchy) {
  const std::string_view mounts =
      "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
  FakeHost host;
  host.groups["/sys/fs/cgroup/cpu"] = {};
  host.groups["/sys/fs/cgroup/memory/a/b"] = {};
  host.groups["/sys/fs/cgroup/freezer"] = {};
  host.groups["/sys/fs/cgroup/unified"] = {0, kCoreFiles};
  host.files["/sys/fs/cgroup/unified/cgroup.controllers"] = "hugetlb\n";
  const Cgroups found = FindCgroups("6:freezer:/\n4:memory:/a/b\n1:cpu:/\n0::/\n", mounts, host);
  EXPECT_EQ(found.memory.version, Version::kV1);
  EXPECT_EQ(found.freezer.version, Version::kV1);
  EXPECT_EQ(found.unified, "/sys/fs/cgroup/unified");
  EXPECT_TRUE(found.kill);
  EXPECT_EQ(found.pids.version, Version::kNone);
  EXPECT_FALSE(found.pids.writable);
  EXPECT_EQ(found.cpuacct.version, Version::kV2);  // cpu.stat is there without any controller
  EXPECT_TRUE(found.cpuacct.writable);
}

TEST(CgroupsTest, PureV2DelegatedGroupPassesItsControllersOn) {
  FakeHost host;
  const std::string group = "/sys/fs/cgroup/user.slice/moat.scope";
  host.groups[group] = {0, With({"memory.max", "pids.max"})};
  host.files[group + "/cgroup.controllers"] = "cpu memory pids\n";
  host.files[group + "/cgroup.type"] = "domain\n";
  host.files[group + "/cgroup.procs"] = "";
  const Cgroups found = FindCgroups("0::/user.slice/moat.scope\n", kV2Mount, host);
  EXPECT_TRUE(found.memory.writable);
  EXPECT_TRUE(found.pids.writable);
  EXPECT_EQ(found.memory.folder, group);
  EXPECT_TRUE(found.kill);
  EXPECT_TRUE(found.freezer.writable);
  EXPECT_FALSE(found.cpu.writable);
  EXPECT_EQ(found.cpu.problem, group + "/cgroup.subtree_control does not pass the cpu controller on");
  EXPECT_EQ(found.cpu.fix, "echo +cpu > " + group + "/cgroup.subtree_control");
  EXPECT_EQ(found.cpuset.problem, "our group " + group + " was not given the cpuset controller");
}

TEST(CgroupsTest, PureV2InternalProcessesAreNamed) {
  FakeHost host;
  const std::string group = "/sys/fs/cgroup/system.slice/app.service";
  host.groups[group] = {0, kCoreFiles};
  host.files[group + "/cgroup.controllers"] = "cpu memory pids\n";
  host.files[group + "/cgroup.type"] = "domain\n";
  host.files[group + "/cgroup.procs"] = "4711\n";
  const Cgroups found = FindCgroups("0::/system.slice/app.service\n", kV2Mount, host);
  EXPECT_EQ(found.memory.version, Version::kV2);
  EXPECT_FALSE(found.memory.writable);
  EXPECT_EQ(found.memory.problem, group + "/cgroup.subtree_control does not pass the memory controller on, "
                                          "and cannot while processes are in the group itself");
  EXPECT_EQ(found.memory.fix, "run below a delegated group: systemd-run --user --scope -p Delegate=yes, "
                              "with the processes in a group below");
}

// A log-in session: its processes are in the group itself, the controllers end above it.
class SessionOnV2 : public testing::Test {
 protected:
  SessionOnV2() {
    host.groups[session] = {0, kCoreFiles};
    host.groups[user] = {0, With({"memory.max", "pids.max"})};
    host.groups[slice] = {0, With({"memory.max", "pids.max", "cpu.max"})};
    host.groups["/sys/fs/cgroup"] = {0, With({"memory.max", "pids.max", "cpu.max", "cpuset.cpus"})};
    for (const std::string& group : {session, user, slice}) {
      host.files[group + "/cgroup.controllers"] = "cpu memory pids\n";
      host.files[group + "/cgroup.type"] = "domain\n";
      host.files[group + "/memory.max"] = host.files[group + "/pids.max"] = "max\n";
      host.files[group + "/cpu.max"] = "max 100000\n";
      host.files[group + "/cgroup.freeze"] = "0\n";
      host.files[group + "/cpuset.cpus"] = host.files[group + "/io.max"] = "\n";
    }
    host.files[session + "/cgroup.procs"] = "4711\n";
  }
  Cgroups Find() { return FindCgroups("0::/user.slice/user-0.slice/session-3.scope\n", kV2Mount, host); }

  const std::string slice = "/sys/fs/cgroup/user.slice", user = slice + "/user-0.slice", session = user + "/session-3.scope";
  FakeHost host;
};

TEST_F(SessionOnV2, TheNearestGroupThatPassesItOnIsUsed) {
  const Cgroups found = Find();
  EXPECT_EQ(found.memory.folder, user);
  EXPECT_TRUE(found.memory.writable);
  EXPECT_EQ(found.memory.problem, "");
  EXPECT_EQ(found.pids.folder, user);
  EXPECT_EQ(found.cpu.folder, slice);
  EXPECT_EQ(found.cpuacct.folder, session) << "counted everywhere";
  EXPECT_FALSE(found.cpuset.writable) << "nobody asks for it: no reason to look higher";
  EXPECT_EQ(found.unified, session);
  EXPECT_EQ(host.tried, (std::vector<std::string>{session, user, slice}));
  // Two groups were left, and whether they may be depends on these.
  std::set<std::string> read;
  for (const plan::LimitFile& file : found.own_limits) read.insert(file.path);
  for (const std::string& folder : {session, user}) {
    for (const char* file : {"/memory.max", "/pids.max", "/cpu.max", "/cpuset.cpus", "/cgroup.freeze"}) {
      EXPECT_EQ(read.count(folder + file), 1U) << folder << file;
    }
  }
  EXPECT_EQ(read.count(slice + "/memory.max"), 0U);
}

TEST_F(SessionOnV2, NoLimitIsEvaded) {
  for (const auto& [file, text] : std::map<std::string, std::string>{{"memory.max", "1073741824\n"}, {"pids.max", "100\n"},
                                                                     {"cpu.max", "50000 100000\n"}, {"cpuset.cpus", "0-1\n"},
                                                                     {"io.max", "8:0 rbps=1\n"}}) {
    const std::string before = host.files[session + "/" + file];
    host.files[session + "/" + file] = text;
    host.tried.clear();
    const Cgroups found = Find();
    EXPECT_FALSE(found.memory.writable) << file;
    EXPECT_NE(found.memory.problem.find("; a group above it would evade its " + file), std::string::npos) << found.memory.problem;
    EXPECT_EQ(host.tried, std::vector<std::string>{session});
    host.files[session + "/" + file] = before;
  }
  host.files[user + "/pids.max"] = "100\n";  // further up: so far and no further
  EXPECT_EQ(Find().memory.folder, user);
  EXPECT_FALSE(Find().cpu.writable);
}

TEST_F(SessionOnV2, WithoutTheRightToMoveThereItIsRefused) {
  for (const std::string& group : {session, user, slice, std::string("/sys/fs/cgroup")}) host.groups[group].error_number = EACCES;
  const Cgroups found = Find();
  EXPECT_FALSE(found.memory.writable);
  EXPECT_EQ(found.memory.error_number, EACCES);
  EXPECT_EQ(found.memory.folder, session);
}

TEST(CgroupsTest, PureV2RootOfTheHost) {
  FakeHost host;
  host.groups["/sys/fs/cgroup"] = {0, With({"memory.max"})};
  host.files["/sys/fs/cgroup/cgroup.controllers"] = "cpu memory\n";
  host.files["/sys/fs/cgroup/cgroup.procs"] = "1\n2\n";
  const Cgroups found = FindCgroups("0::/\n", kV2Mount, host);
  EXPECT_TRUE(found.memory.writable);  // the true root may hold processes
  EXPECT_EQ(found.cpu.fix, "echo +cpu > /sys/fs/cgroup/cgroup.subtree_control");
  EXPECT_EQ(found.pids.version, Version::kNone);
  EXPECT_EQ(found.pids.problem, "the kernel offers no pids controller");
}

TEST(CgroupsTest, ContainerWithNamespaceAndReadOnlyMount) {
  FakeHost host;
  const std::string_view mounts =
      "1291 1290 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n";
  const Cgroups found = FindCgroups("0::/\n", mounts, host);
  EXPECT_FALSE(found.memory.writable);
  EXPECT_EQ(found.memory.error_number, EROFS);
  EXPECT_EQ(found.memory.problem, "/sys/fs/cgroup is mounted read-only");
  EXPECT_NE(found.memory.fix.find("writable-cgroups=true"), std::string::npos);
  EXPECT_TRUE(host.tried.empty());
  EXPECT_FALSE(found.kill);
}

TEST(CgroupsTest, ContainerWithNamespaceButWritable) {
  FakeHost host;
  host.groups["/sys/fs/cgroup"] = {0, kCoreFiles};
  host.files["/sys/fs/cgroup/cgroup.controllers"] = "memory pids\n";
  host.files["/sys/fs/cgroup/cgroup.type"] = "domain\n";  // only looks like the root
  host.files["/sys/fs/cgroup/cgroup.procs"] = "1\n";
  const Cgroups found = FindCgroups("0::/\n", kV2Mount, host);
  EXPECT_FALSE(found.memory.writable);
  EXPECT_NE(found.memory.problem.find("while processes are in the group itself"), std::string::npos);
}

TEST(CgroupsTest, ContainerOnV1SeesTheMountedSubtreeOnly) {
  // No cgroup namespace: the paths are the host's, and the mount shows the container's group.
  const std::string_view mounts =
      "700 690 0:32 /docker/c0ffee /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
      "701 690 0:33 /docker/c0ffee /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids\n"
      "702 690 0:34 /docker/other /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu\n";
  const std::string_view cgroup = "9:memory:/docker/c0ffee\n8:pids:/docker/c0ffee/inner\n7:cpu:/docker/c0ffee\n";
  FakeHost host;
  host.groups["/sys/fs/cgroup/memory"] = {};
  host.groups["/sys/fs/cgroup/pids/inner"] = {};
  const Cgroups found = FindCgroups(cgroup, mounts, host);
  EXPECT_EQ(found.memory.folder, "/sys/fs/cgroup/memory");
  EXPECT_TRUE(found.memory.writable);
  EXPECT_EQ(found.pids.folder, "/sys/fs/cgroup/pids/inner");
  EXPECT_EQ(found.cpu.folder, "");
  EXPECT_EQ(found.cpu.problem, "our own group /docker/c0ffee is not visible below its mount");
}

TEST(CgroupsTest, NoneAtAll) {
  const FakeHost host;
  const Cgroups found = FindCgroups("", "22 27 0:21 / /proc rw - proc proc rw\n", host);
  EXPECT_EQ(found.memory.version, Version::kNone);
  EXPECT_EQ(found.memory.problem, "the kernel offers no memory controller");
  const Cgroups unmounted = FindCgroups("0::/a\n", "", host);
  EXPECT_FALSE(unmounted.memory.writable);
  EXPECT_EQ(unmounted.memory.problem, "it is not mounted");
}

TEST(CgroupsTest, FolderRespectsRootOfTheMount) {
  const CgroupMount all{.root = "/", .point = "/cg"}, part{.root = "/a/b", .point = "/cg"};
  EXPECT_EQ(GroupFolder(all, "/"), "/cg");
  EXPECT_EQ(GroupFolder(all, "/a"), "/cg/a");
  EXPECT_EQ(GroupFolder(part, "/a/b"), "/cg");
  EXPECT_EQ(GroupFolder(part, "/a/b/c"), "/cg/c");
  EXPECT_EQ(GroupFolder(part, "/a/bc"), std::nullopt);
  EXPECT_EQ(GroupFolder(part, "/a"), std::nullopt);
  EXPECT_EQ(GroupFolder(part, "/"), std::nullopt);
  EXPECT_EQ(GroupFolder(all, "/../x"), std::nullopt);
  EXPECT_EQ(GroupFolder(all, ""), std::nullopt);
}

TEST(CgroupsTest, MountsAreUnescapedAndCoveredOnesForgotten) {
  const auto mounts = ParseCgroupMounts(
      "1 0 0:1 / /cg\\040one rw - cgroup cgroup rw,memory\n"
      "2 0 0:2 / /cg2 rw - cgroup cgroup rw,pids\n"
      "3 2 0:3 / /cg2 rw - tmpfs tmpfs rw\n"
      "short line - cgroup\n\n");
  ASSERT_EQ(mounts.size(), 1u);
  EXPECT_EQ(mounts[0].point, "/cg one");
}

TEST(CgroupsTest, WritableMountIsPreferred) {
  const std::string_view mounts =
      "1 0 0:1 / /ro ro - cgroup2 cgroup2 rw\n"
      "2 0 0:1 / /rw rw - cgroup2 cgroup2 rw\n";
  FakeHost host;
  host.groups["/rw/g"] = {0, With({"memory.max"})};
  const Cgroups found = FindCgroups("0::/g\n", mounts, host);
  EXPECT_EQ(found.memory.folder, "/rw/g");
  EXPECT_TRUE(found.memory.writable);
}

}  // namespace
}  // namespace moat::probe
