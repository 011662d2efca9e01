// Commands, folders and processes for the tests of the library.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "moat/sandbox.h"

namespace moat::testing {

// A temporary folder that every user may enter, gone with the test.
class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "/moat-api-XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ / name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path_ / name, std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

inline Policy MakePolicy(const std::vector<std::pair<std::string, std::string>>& flags = {}) {
  auto policy = Policy::Load("default");
  if (!policy.ok()) ADD_FAILURE() << policy.error().ToString();
  for (const auto& [flag, value] : flags) {
    const Status set = policy->Set(flag, value);
    if (!set.ok()) ADD_FAILURE() << set.error().ToString();
  }
  return *policy;
}

// A shell command whose output is captured.
inline Command Shell(const std::string& script) {
  Command command;
  command.argv = {"/bin/sh", "-c", script};
  command.out = Stream::Capture();
  command.err = Stream::Capture();
  return command;
}

inline Outcome MustRun(Sandbox& sandbox, const Command& command) {
  auto outcome = sandbox.Run(command);
  if (!outcome.ok()) {
    ADD_FAILURE() << outcome.error().ToString();
    return {};
  }
  return *std::move(outcome);
}

inline std::vector<int> OpenDescriptors(const std::string& process = "self") {
  std::vector<int> numbers;
  const std::string path = "/proc/" + process + "/fd";
  DIR* listing = opendir(path.c_str());
  if (listing == nullptr) return numbers;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_name[0] != '.') numbers.push_back(atoi(entry->d_name));
  }
  closedir(listing);
  return numbers;
}

inline std::string Slurp(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline bool IsHelper(const std::string& pid) {
  return Slurp("/proc/" + pid + "/cmdline") == std::string("moat\0__spawner\0", 15);
}

// The helpers of this process: /proc names them by their command line and by the pidfd of us
// that each holds as descriptor 4.
inline std::vector<int> HelpersOf(int host) {
  std::vector<int> pids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!IsHelper(name)) continue;
    // Not the process beside a helper that makes a namespace for it.
    const std::string stat = Slurp("/proc/" + name + "/stat");
    const std::size_t parent = stat.find(") ");
    if (parent == std::string::npos || IsHelper(std::to_string(atoi(stat.c_str() + parent + 4)))) continue;
    const std::string info = Slurp("/proc/" + name + "/fdinfo/4");
    if (info.find("\nPid:\t" + std::to_string(host) + "\n") != std::string::npos) pids.push_back(atoi(name.c_str()));
  }
  return pids;
}

}  // namespace moat::testing
