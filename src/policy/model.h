// The policy as values: what a TOML file, its bases and the command line add up to. Every
// setting remembers where it was said, so that each prepared system call, each refusal and
// each denial can name its line. Plain data; pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "moat/result.h"

namespace moat::policy {

// A setting with its origin. `origin.empty()`: it is moat's built-in default.
template <typename T>
struct Setting {
  T value{};
  Origin origin;

  Setting() = default;
  Setting(T initial) : value(std::move(initial)) {}  // NOLINT: implicit
  void Set(T new_value, Origin where) {
    value = std::move(new_value);
    origin = std::move(where);
  }
};

constexpr std::uint64_t kUnlimited = ~0ULL;

enum class FileAccess : std::uint8_t {
  kRead,     // recursive read-only bind, nosuid, nodev
  kWrite,    // bind of a host folder, writable, nosuid, nodev, noexec: dangerous
  kScratch,  // private tmpfs: sized, counted in inodes, gone with the job
  kHide,     // an empty read-only folder in place of what a wider rule shows
  kDevice,   // one character device of the host
};

// One line of [files]. The most specific target wins whatever the order of the lines.
struct FileRule {
  FileAccess access = FileAccess::kRead;
  std::string source;        // host path, absolute and lexically normal; "" for scratch and hide
  std::string target;        // path inside the jail, absolute and lexically normal
  bool optional = false;     // absent on the host: skipped instead of refused (path groups, "?")
  bool execute = true;       // programs may be executed from it
  bool follow = true;        // false: where the host has a symbolic link, show that link itself
                             // (/bin -> usr/bin, /etc/localtime); path groups say so
  std::uint64_t size = 0;    // scratch: bytes
  std::uint64_t inodes = 0;  // scratch: inodes, 0: derived from the size
  Origin origin;
};

enum class ProcMode : std::uint8_t { kPid, kFull, kNone };

struct Files {
  std::vector<FileRule> rules;            // expanded: no @groups left
  Setting<std::string> input = std::string("/in");
  Setting<std::string> output = std::string("/out");
  Setting<std::string> cwd;               // "": output when collected, else /tmp
  Setting<ProcMode> proc = ProcMode::kPid;
};

using Nanoseconds = std::chrono::nanoseconds;

// Each is a key of [limits] and a flag of the same name. kUnlimited / Nanoseconds::max(): none.
struct Limits {
  Setting<Nanoseconds> wall, cpu, grace;
  Setting<std::uint64_t> memory;          // resident bytes of the whole tree, by cgroup
  Setting<std::uint64_t> pids;            // processes and threads
  Setting<double> cpus;                   // rate, in processors; 0: not limited
  Setting<std::uint64_t> files;           // RLIMIT_NOFILE
  Setting<std::uint64_t> file_size;       // RLIMIT_FSIZE
  Setting<std::uint64_t> stack;           // RLIMIT_STACK
  Setting<std::uint64_t> address_space;   // RLIMIT_AS; off unless asked: kills modern runtimes
  Setting<std::uint64_t> locked;          // RLIMIT_MEMLOCK
  Setting<std::uint64_t> input;           // bytes of one -i file
  Setting<std::uint64_t> output;          // collected bytes, all files
  Setting<std::uint64_t> output_files;    // collected files
  Setting<std::uint64_t> out_stream, err_stream;  // keys `stdout`, `stderr`
  Setting<std::int64_t> nice;             // 0..19
  Setting<std::int64_t> oom_score;        // oom_score_adj, 0..1000
};

enum class NetworkMode : std::uint8_t { kNone, kLoopback };

struct Environment {
  std::vector<Setting<std::string>> pass;                         // names, or PREFIX_*
  std::vector<std::pair<std::string, Setting<std::string>>> set;  // in name order
};

enum class DoKind : std::uint8_t { kAllow, kErrno, kKill, kNotify, kLog };
struct Do {
  DoKind kind = DoKind::kAllow;
  std::uint16_t error_number = 0;
  bool operator==(const Do&) const = default;
};

// One [[syscalls.rule]]: `when` is kept as text (moat plan shows it) and compiled by
// policy/when.h when the ABI is known.
struct SyscallRule {
  std::string call;
  std::string when;    // "" : always
  Do action;
  std::string reason;
  Origin origin;
};

struct Syscalls {
  std::vector<Setting<std::string>> allow;  // "@group" or a name
  std::vector<Setting<std::string>> deny;   // taken out of allow; "@group" or a name
  std::vector<SyscallRule> rules;           // first match decides, before allow
  Setting<Do> otherwise;                    // key `default`: known calls that nothing allows
  Setting<Do> unknown;                      // key `unknown`: numbers newer than the table
};

enum class BestEffort : std::uint8_t { kNo, kYes };

struct Mode {
  Setting<double> enforce = 100.0;               // per cent
  Setting<BestEffort> best_effort = BestEffort::kNo;  // a missing layer degrades instead of refusing
};

// One entry of [lint] allow or [attack] allow: a risk that somebody looked at. Which rules and probes there
// are is known to others.
struct Exception {
  std::string name, reason;  // of the rule or the probe
  std::string before_linux;  // probes: only on kernels before this one, "6.15"; empty: on every one
  Origin origin;
};

struct Model {
  std::string name;         // profile name or file path
  std::string description;
  std::vector<std::string> bases;    // the chain, nearest first
  std::vector<std::string> sources;  // every file read, for the plan cache
  Files files;
  Limits limits;
  Setting<NetworkMode> network = NetworkMode::kNone;
  Environment environment;
  Syscalls syscalls;
  Mode mode;
  std::vector<Exception> lint_allow, attack_allow;
};

}  // namespace moat::policy
