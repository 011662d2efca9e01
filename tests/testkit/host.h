// The host as it is before and after a job: what a job must not leave behind.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>
#include <vector>

#include "sys/fd.h"

namespace moat::testkit {

std::vector<std::string> MountTable();        // of this process, a line per mount
std::set<std::string> OpenDescriptors();      // of this process, "5 -> /dev/null"
// Folders below every mounted cgroup hierarchy that moat made for the launcher `pid`.
std::set<std::string> CgroupsOfLauncher(pid_t pid);
std::set<std::string> CgroupsOfLaunchers(const std::set<pid_t>& pids);
// What a launcher that was killed could not remove: must be empty, and is removed here.
bool RemoveCgroupsOfLauncher(pid_t pid);
// The group of memory that this process is in, as a folder; "" when none is mounted.
std::string OwnMemoryCgroup();
std::set<std::string> FilesBelow(const std::string& folder);

// A process and, recursively, its children, as far as they can be seen.
std::vector<pid_t> Descendants(pid_t root);
std::set<pid_t> ProcessesOf(const std::string& program);  // that execute this file
uid_t UidOf(pid_t pid);  // the real one, on this host
// Waits until no process of that uid is left; false when one is still there after a long time.
bool AwaitNoProcessOf(uid_t uid);
// Descriptors of processes, which tell for certain whether they have ended.
std::vector<sys::Fd> HoldProcesses(const std::vector<pid_t>& pids);
// Waits until all have ended; false when one is still there after a long time.
bool AwaitEnd(const std::vector<sys::Fd>& processes);

}  // namespace moat::testkit
