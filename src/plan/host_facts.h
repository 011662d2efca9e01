// What a host can enforce, as a value: probe/ fills it by trying, tests invent it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/abi.h"

namespace moat::plan {

// "yes", or "no" with the error that trying gave and the one thing that would fix it.
struct Fact {
  bool works = false;
  int error_number = 0;
  std::string detail;  // what was tried, what was seen
  std::string fix;     // one command or setting; "" when there is none
};

// One cgroup controller where it was found.
struct Controller {
  enum class Version : std::uint8_t { kNone, kV1, kV2 } version = Version::kNone;
  std::string folder;   // where groups for jobs can be made (our own group), "" when none
  bool writable = false;
  std::string problem;  // why it cannot be used, "" when it can
  int error_number = 0; // of making a group there, 0 when none was tried
  std::string fix;      // the one thing that would help; "" when there is none
};

// A file of a group that says which limit it has.
struct LimitFile {
  std::string path;
  std::optional<std::string> text;  // nothing: there is none
};

struct Cgroups {
  Controller memory, pids, cpu, cpuacct, cpuset, freezer;
  bool kill = false;            // cgroup.kill exists (v2 hierarchy, even without controllers)
  std::string unified;          // our group in the v2 hierarchy, "" when not mounted
  // Of the groups that a job beside ours would leave: whether it may depends on them.
  std::vector<LimitFile> own_limits;
};

// A path of the host as the plan compiler needs it. Filled for the paths that a policy
// names: `Compile` asks through HostFacts::Look.
struct PathFacts {
  enum class Type : std::uint8_t { kAbsent, kFile, kDirectory, kSymlink, kCharDevice, kOther } type = Type::kAbsent;
  std::string link;       // kSymlink: its text
  std::uint32_t mode = 0, uid = 0, gid = 0;  // mode: with the type, as statx(2) has it
  std::uint64_t rdev = 0;  // major << 32 | minor
  abi::DependencyRow row{};  // identity for the cache; `path` unset
};

class HostView {  // the file system as the compiler sees it; injected
 public:
  virtual ~HostView() = default;
  virtual PathFacts Look(const std::string& path) const = 0;  // does not follow the last link
  // Names in a folder, sorted, without "." and ".."; empty when unreadable.
  virtual std::vector<std::string> List(const std::string& path) const = 0;
  // The first bytes of a file (ELF headers, #! lines); empty when unreadable.
  virtual std::string Head(const std::string& path, std::size_t bytes) const = 0;
};

struct HostFacts {
  std::string kernel;             // "6.18.44"
  std::string machine = "x86_64";
  std::uint32_t euid = 0, egid = 0;
  Fact root;                      // CAP_SYS_ADMIN and CAP_SETUID here: a uid of its own per job
  // Host ids that jobs may get when we are root: mapped here and far from anybody's.
  std::uint32_t uid_base = 0x70000000, uid_count = 1U << 22;
  Fact user_ns, mount_ns, pid_ns, net_ns, ipc_ns, uts_ns, cgroup_ns;
  Fact mount_api;                 // open_tree, fsmount, move_mount, mount_setattr
  Fact openat2, clone3, close_range, pidfd;
  Fact procfs, procfs_subset;     // a fresh procfs of its own; subset=pid
  Fact tmpfs, overlayfs, idmap;
  Fact seccomp, seccomp_log, seccomp_notify;
  Fact rlimit_nproc_per_ns;       // 5.14: counted per user namespace
  Fact loopback;
  int landlock_abi = 0;           // 0: none
  Fact landlock;                  // why there is none
  Cgroups cgroups;
  std::string lsm_note;           // AppArmor's userns restriction etc, in words
};

}  // namespace moat::plan
