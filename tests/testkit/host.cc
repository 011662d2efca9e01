#include "testkit/host.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include "testkit/temp_dir.h"

namespace moat::testkit {
namespace {

namespace fs = std::filesystem;

// Numbers of processes come round: a group that is older than this test belongs to another
// launcher, which was killed. The kernel's clock for files is a little behind.
const fs::file_time_type kBegin = fs::file_time_type::clock::now() - std::chrono::seconds(1);

constexpr int kPatienceMs = 30000;

std::vector<std::string> Lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> CgroupRoots() {
  std::vector<std::string> roots;
  for (const std::string& line : MountTable()) {
    std::istringstream words(line);
    std::vector<std::string> fields;
    for (std::string word; words >> word;) fields.push_back(word);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash == fields.end() || std::next(dash) == fields.end()) continue;
    if (std::next(dash)->rfind("cgroup", 0) == 0) roots.push_back(fields[4]);
  }
  return roots;
}

// pid -> its parent, of everything in /proc.
std::map<pid_t, pid_t> Parents() {
  std::map<pid_t, pid_t> parents;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    const std::string stat = ReadFile(entry.path() / "stat");
    const std::size_t name_end = stat.rfind(')');
    char state = 0;
    int parent = 0;
    if (name_end != std::string::npos && std::sscanf(stat.c_str() + name_end + 1, " %c %d", &state, &parent) == 2) {
      parents[pid] = parent;
    }
  }
  return parents;
}

}  // namespace

std::vector<std::string> MountTable() { return Lines("/proc/self/mountinfo"); }

std::set<std::string> OpenDescriptors() {
  std::set<std::string> open;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::string target = fs::read_symlink(entry.path(), error);
    if (target.find("/proc/") == 0) continue;  // the one that lists
    // The runner's log may be replaced while it is open here.
    constexpr std::string_view kDeleted = " (deleted)";
    if (target.size() > kDeleted.size() && target.ends_with(kDeleted)) target.resize(target.size() - kDeleted.size());
    open.insert(entry.path().filename().string() + " -> " + target);
  }
  return open;
}

std::set<std::string> CgroupsOfLaunchers(const std::set<pid_t>& pids) {
  std::set<std::string> found;
  for (const std::string& root : CgroupRoots()) {
    std::error_code error;
    for (fs::recursive_directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
      int pid = 0;
      const bool named = std::sscanf(at->path().filename().c_str(), "moat-%d-", &pid) == 1 && pids.count(pid) != 0;
      if (named && fs::last_write_time(at->path(), error) >= kBegin) found.insert(at->path());
      error.clear();
    }
  }
  return found;
}

std::set<std::string> CgroupsOfLauncher(pid_t pid) { return CgroupsOfLaunchers({pid}); }

bool RemoveCgroupsOfLauncher(pid_t pid) {
  for (const std::string& group : CgroupsOfLauncher(pid)) {
    // The kernel lets go of a group a little after it has said that the last process ended.
    for (int waited = 0; ::rmdir(group.c_str()) != 0; ++waited) {
      if (errno != EBUSY || waited == kPatienceMs) return false;
      ::poll(nullptr, 0, 1);
    }
  }
  return true;
}

std::string OwnMemoryCgroup() {
  for (const std::string& line : Lines("/proc/self/cgroup")) {
    const std::size_t at = line.find(":memory:");
    if (at != std::string::npos && fs::exists("/sys/fs/cgroup/memory")) return "/sys/fs/cgroup/memory" + line.substr(at + 8);
    if (line.rfind("0::", 0) == 0 && fs::exists("/sys/fs/cgroup/cgroup.controllers")) return "/sys/fs/cgroup" + line.substr(3);
  }
  return "";
}

std::set<std::string> FilesBelow(const std::string& folder) {
  std::set<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) found.insert(entry.path());
  return found;
}

std::vector<pid_t> Descendants(pid_t root) {
  const std::map<pid_t, pid_t> parents = Parents();
  std::vector<pid_t> family = {root};
  for (std::size_t i = 0; i < family.size(); ++i) {
    for (const auto& [pid, parent] : parents) {
      if (parent == family[i]) family.push_back(pid);
    }
  }
  return family;
}

std::set<pid_t> ProcessesOf(const std::string& program) {
  std::set<pid_t> found;
  std::error_code error;
  for (const auto& [pid, parent] : Parents()) {
    const fs::path exe = fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
    if (!error && fs::equivalent(exe, program, error)) found.insert(pid);
  }
  return found;
}

uid_t UidOf(pid_t pid) {
  for (const std::string& line : Lines("/proc/" + std::to_string(pid) + "/status")) {
    unsigned uid = 0;
    if (std::sscanf(line.c_str(), "Uid: %u", &uid) == 1) return uid;
  }
  return static_cast<uid_t>(-1);
}

bool AwaitNoProcessOf(uid_t uid) {
  std::vector<pid_t> of_uid;
  for (const auto& [pid, parent] : Parents()) {
    if (UidOf(pid) == uid) of_uid.push_back(pid);
  }
  return AwaitEnd(HoldProcesses(of_uid));
}

std::vector<sys::Fd> HoldProcesses(const std::vector<pid_t>& pids) {
  std::vector<sys::Fd> held;
  for (const pid_t pid : pids) {
    sys::Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (fd.valid()) held.push_back(std::move(fd));
  }
  return held;
}

bool AwaitEnd(const std::vector<sys::Fd>& processes) {
  return std::all_of(processes.begin(), processes.end(), [](const sys::Fd& process) {
    struct pollfd ended = {process.get(), POLLIN, 0};
    return ::poll(&ended, 1, kPatienceMs) == 1;
  });
}

}  // namespace moat::testkit
