// What became of a job. Everything that a guest did is in here, nothing of it is an Error.
//
//   auto report = MOAT_TRY(moat::Sandbox(policy).Run({"convert", "in.png", "out.png"}));
//   if (report.cause == moat::Cause::kMemory) std::puts(report.Summary().c_str());
//
// Value type, no references into anything. Times in nanoseconds, sizes in bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"

namespace moat {

// One per job; names and texts: spec/causes.toml.
enum class Cause : std::uint8_t {
  kExit,        // the program ended by itself with exit_code
  kSignal,      // the program was ended by a signal that moat did not send
  kWall,        // wall clock limit
  kCpu,         // cpu time limit of the whole tree
  kMemory,      // the kernel's OOM killer, by the group's counter
  kOutput,      // too much output: a stream or the collected files
  kDisk,        // a scratch file system or a file size limit was full
  kPids,        // processes or threads
  kDenied,      // a system call was denied with death
  kCancelled,   // the caller gave up (SIGINT, SIGTERM to moat)
  kSetup,       // the job could not be started; `setup` says why
  kWorkerLost,  // the supervisor or its helper vanished
};
std::string_view CauseName(Cause cause);  // "exit", "worker-lost"
std::optional<Cause> CauseFromName(std::string_view name);

struct StreamUsage {
  std::uint64_t bytes = 0;  // written by the guest
  std::uint64_t kept = 0;   // passed on
  bool truncated = false;
};

struct InputFile {
  std::string name;  // inside the jail
  std::uint64_t size = 0;
  bool path_hidden = false;  // the job's mount table does not tell where the file lies
};
struct OutputFile {
  std::string name;    // relative to the output folder, as written there
  std::uint64_t size = 0;
  std::string type;    // "file"
  std::string sha256;  // of the content that was kept
  bool truncated = false;
  std::vector<std::string> changes;  // "set-id bits removed", "renamed from \"a\\nb\"" ...
};
struct RefusedOutput {
  std::string name;
  std::string why;  // "symbolic link", "FIFO", "hard link to something outside" ...
};

// A call, or more of the same kind, that the policy did not allow. Everything but call, arguments, action and
// count needs a watcher (`moat run --watch`), and was read from the guest's memory while it stood still: it
// explains, and decides nothing.
struct Denial {
  std::string call;
  std::string arguments;  // of the first one
  std::string rule;       // what decided, and where it is written
  std::string edit;       // the narrowest addition to the policy that would allow it, as TOML; "": there is none
  std::uint64_t count = 1;
  std::string action;     // what it was answered with: "kill", "errno EPERM", "reported"
  std::string path;       // that the call is about, "" for none
  std::string executable, thread, folder;  // of whom; `folder` is its working folder
  std::vector<std::string> stack;          // "function+0x1 in object+0x1234", innermost first
};

struct SetupFailure {
  std::string stage;   // "mount", "seccomp", "exec" ...
  std::string call;    // "move_mount"
  int error_number = 0;
  std::string subject; // path or value
  Origin origin;       // the policy line
  std::string message; // one line in words, with the fix
};

struct Layer {
  std::string name;
  std::string detail;
};

struct Report {
  Cause cause = Cause::kSetup;
  std::string detail;                // in words: "wall limit of 2s reached"
  std::optional<int> exit_code;      // raw, when the program exited
  std::optional<int> signal;         // raw, when a signal ended it
  bool core = false;
  std::uint64_t wall = 0, cpu_user = 0, cpu_system = 0;
  std::uint64_t memory_peak = 0;
  // Nothing: the host could not tell; `unknown` says why.
  std::optional<std::uint64_t> memory_anonymous, memory_file, memory_shared;
  std::optional<std::uint64_t> pids_peak;
  std::optional<std::uint64_t> read, written;
  std::vector<Layer> unknown;        // figures that are missing: "pids_peak", and why
  std::uint64_t voluntary_switches = 0, involuntary_switches = 0;
  StreamUsage out, err;
  std::vector<InputFile> inputs;
  std::vector<OutputFile> outputs;
  std::vector<RefusedOutput> refused;
  std::string results_lost;          // why moat could not bring all results home, "" when it could
  std::uint64_t denial_count = 0;
  std::vector<Denial> denials;
  // Where the policy's `enforce` divides jobs: "enforced", "reported" (calls that it refuses were let through, but
  // for dangerous ones), "off". Empty: it divides none.
  std::string side;
  // Where the program waited for this job, when it should have been started ahead of it: "input", "process",
  // "starting", "unclear", "untraced" (docs/pool.md); "cold": there was none. Empty: nobody asked for that.
  std::string warm;
  std::vector<std::string> limits_hit;
  std::vector<std::string> hints;    // "stack overflow? the stack limit is 8 MiB"
  std::vector<Layer> enforced, degraded;
  std::optional<SetupFailure> setup;
  std::string policy_name, policy_hash;
  std::string host;
  std::string version;

  // As `moat run` exits: the program's code, 128+n for a signal, 125 for cause setup, and where
  // the program's 0 would hide that something of its output is missing.
  int ExitStatus() const;
  // "exited 0 in 41 ms, peak 18 MiB; enforced: user, mount, ... "
  std::string Summary() const;
  // One JSON object; text is lossless: invalid UTF-8 is carried as described in docs/reference/report.md.
  std::string ToJson() const;
  // The inverse. Unknown fields are ignored and missing ones keep their defaults: reports of
  // other versions of moat are readable. An error says what is no report, and where.
  static Result<Report> FromJson(std::string_view text);
};

}  // namespace moat
