#include "learn/grain.h"

#include <algorithm>

#include "watch/words.h"

namespace moat::learn {
namespace {

constexpr std::size_t kFew = 8;          // values of an argument that are worth a list
constexpr std::size_t kCombinations = 4;  // each doubles the alternatives of a condition
constexpr std::uint8_t kHarmless = 1;     // highest tier of a group that is taken whole

constexpr std::string_view kSiblings[][5] = {
    {"dup", "dup2", "dup3", "", ""},
    {"pipe", "pipe2", "", "", ""},
    {"fork", "vfork", "clone", "", ""},
    {"wait4", "waitid", "", "", ""},
    {"mkdir", "mkdirat", "", "", ""},
    {"unlink", "unlinkat", "rmdir", "", ""},
    {"rename", "renameat", "renameat2", "", ""},
    {"link", "linkat", "", "", ""},
    {"symlink", "symlinkat", "", "", ""},
    {"chmod", "fchmod", "fchmodat", "fchmodat2", ""},
    {"getrlimit", "setrlimit", "prlimit64", "", ""},
    {"execve", "execveat", "", "", ""},
    {"utime", "utimes", "utimensat", "futimesat", ""},
    {"truncate", "ftruncate", "fallocate", "", ""},
    {"eventfd", "eventfd2", "", "", ""},
    {"sendfile", "copy_file_range", "", "", ""},
    {"sched_setaffinity", "sched_getaffinity", "", "", ""},
    {"accept", "accept4", "", "", ""},
    {"mlock", "mlock2", "munlock", "", ""},
};

struct Noise {
  std::string_view call;
  std::vector<std::string_view> values;
};
const Noise kNoise[] = {
    {"fcntl", {"F_DUPFD", "F_DUPFD_CLOEXEC", "F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL"}},
    {"ioctl", {"TCGETS"}},
    {"prlimit64", {"RLIMIT_NOFILE", "RLIMIT_STACK", "RLIMIT_AS"}},
    {"prctl", {"PR_SET_NAME", "PR_GET_NAME", "PR_SET_VMA"}},
};

// The domain alone: types differ by flags that mean nothing to a filter.
bool FirstOnly(std::string_view call) { return call == "socket" || call == "socketpair"; }

}  // namespace

std::string EntryFor(const bpf::SyscallInfo& call) {
  const bpf::GroupInfo* group = bpf::FindGroup(call.group);
  if (group != nullptr && group->max_tier <= kHarmless) return "@" + std::string(call.group);
  return std::string(call.name);
}

std::vector<std::string_view> Siblings(std::string_view call) {
  std::vector<std::string_view> others;
  for (const auto& row : kSiblings) {
    if (std::find(std::begin(row), std::end(row), call) == std::end(row)) continue;
    for (const std::string_view other : row) {
      if (!other.empty() && other != call) others.push_back(other);
    }
  }
  return others;
}

const std::vector<std::string>& AlwaysNeeded() {
  static const std::vector<std::string> needed = {
      "@essential", "@io", "@time", "@random", "@threads", "@identity", "@signals", "@files",
      "brk", "execve", "fcntl", "ioctl", "madvise", "mmap", "mprotect", "mremap", "munmap", "prctl", "prlimit64", "tgkill"};
  return needed;
}

Grain GrainOf(const bpf::SyscallInfo& call, const std::map<std::string, Evidence>& uses) {
  if (call.tier < 2 || watch::TellingArguments(call) == 0) return Grain::kCall;
  if (call.name == "mmap" || call.name == "mprotect" || call.name == "clone") return Grain::kShape;
  const bool several = std::any_of(uses.begin(), uses.end(), [](const auto& use) { return use.first.find("&&") != std::string::npos; });
  if (several && !FirstOnly(call.name)) return uses.size() <= kCombinations ? Grain::kTogether : Grain::kCall;
  std::set<std::string> values;
  for (const auto& [when, evidence] : uses) values.insert(ValueOf(when));
  return values.size() <= kFew && values.count("") == 0 ? Grain::kOne : Grain::kCall;
}

std::string ValueOf(const std::string& when) {
  const std::string first = when.substr(0, when.find(" &&"));
  const std::size_t at = first.find(" == ");
  return at == std::string::npos ? "" : first.substr(at + 4);
}

std::vector<std::string_view> NoiseOf(std::string_view call) {
  for (const Noise& noise : kNoise) {
    if (noise.call == call) return noise.values;
  }
  return {};
}

}  // namespace moat::learn
