// The plan as bytes: what Compile() writes, the cache stores, the launcher interprets and
// the child runs. One contiguous blob without a single absolute address: every reference is
// an offset from the start of the blob. The only header of the plan that the child and the
// launcher see, hence plain data, no library, no functions that allocate.
//
// Life of a blob: compiled -> (cached in a file) -> copied by run/ into memory that it shares with
// the job's pid 1 -> Slots filled, per-input templates expanded, pointer words relocated ->
// interpreted: kAhead in the launcher; then, side by side, kBirth in pid 1, and kPrepare in the launcher;
// behind the gates kSettle and kSetup in pid 1, and kProgram in the process that becomes the program. All
// of that knows nothing of the one job. kJob is what does, in a process of the launcher's that has entered
// the job's mounts; then the last gate opens, and the program is executed.
#pragma once

#include <cstdint>

namespace moat::abi {

using Offset = std::uint32_t;  // from the start of the blob; 0: none
using Index = std::uint32_t;

inline constexpr std::uint32_t kMagic = 0x54414f4d;  // "MOAT"
inline constexpr std::uint32_t kVersion = 14;        // raised with every change of this file

// By whom, and what it may know of the one job: nothing up to kProgram. Per-input ops come behind, so
// that the places of the ops before them are the same for every job.
enum class Phase : std::uint8_t {
  kAhead,    // launcher: the group that pid 1 is born into
  kBirth,    // pid 1
  kPrepare,  // launcher, beside kBirth: mounts
  kGroups,   // launcher, beside kSettle
  kSettle,   // pid 1: mounts moved into place, the host's gone
  kSetup,    // pid 1, with descriptors of its own
  kProgram,
  kJob,      // launcher, among the job's mounts: inputs
};
inline constexpr unsigned kPhases = 8;

// What the launcher opens the gate to, one after the other.
inline constexpr std::uint32_t kGateMounts = 1, kGateGroups = 2, kGateJob = 3;
// To a job that comes to a program which was started ahead of it: pid 1 has opened the one to the exec (ADR 13).
inline constexpr std::uint32_t kGateWarm = 4;

// Where such a program waits.
enum class WarmStop : std::uint32_t {
  kNone,      // nowhere yet
  kInput,     // before it looks at an input
  kAnother,   // before, or as, it makes a thread or a process
  kAsked,     // somewhere before that: its job has come
  kUnclear,   // where pid 1 could not see what comes next
  kUntraced,  // before its exec, as any other: pid 1 may not lead it
};

// The named order of things. Texts and reasons: plan/stages.cc.
enum class Stage : std::uint8_t {
  kInput, kMountSource, kRootfs, kCgroup, kNamespace, kGate, kMount, kPivot, kHostname,
  kNetwork, kLimits, kIds, kCapabilities, kNoNewPrivs, kDescriptors, kSignals, kLandlock, kSeccomp,
  kSpawn, kExec,
};
inline constexpr unsigned kStages = 20;

enum class Kind : std::uint8_t {
  kValue,    // the word itself
  kAddress,  // address of blob offset `word`
  kInt32,    // the int32 stored at blob offset `word`: a descriptor, mostly
  kUint64,   // the uint64 stored at blob offset `word`: a pointer that run/ wrote
};

// Numbers from here on are not system calls but the interpreter's own few words.
enum class Pseudo : std::uint16_t {
  kFirst = 0xff00,
  kGate = 0xff00,    // waits until Shared::gate >= args[0], or the launcher is gone (ESRCH)
  kSame = 0xff01,    // memory [args[0], +args[2]) must equal [args[1], +args[2]): else ESTALE
  kSpawn = 0xff02,   // vfork: the child goes on with kProgram, pid 1 with its loop
  kTell = 0xff03,    // raises Shared::told to args[0]
  kForget = 0xff04,  // in jails that inherit their filter: the number of the set-up is forgotten (ADR 12)
};

enum OpFlags : std::uint8_t {
  kPerInput = 1,    // a template: repeated for every -i file, Slots offsets shifted by run/
  kMustBeZero = 2,  // any result but 0 is a failure (ESRCH): "the launcher is still there"
  kTolerate = 4,    // failing with Op::tolerated is fine
  kBestEffort = 8,  // any failure degrades Op::layer instead of stopping the start
  kOptional = 16,   // any failure is fine: the result stays what it was, and a figure unknown
  kOwnFilter = 32,  // left out in jails that inherit their filter
  kOwnNetwork = 64,  // left out in jails that get a network namespace: Slots::network
};

struct Op {
  std::uint16_t number;     // system call of the plan's ABI, or Pseudo
  Phase phase;
  Stage stage;
  std::uint8_t flags;
  std::uint8_t tolerated;   // errno
  std::uint8_t layer;       // index into the layers, for kBestEffort
  Kind kinds[6];
  std::uint8_t pad[3];
  std::uint64_t args[6];
  Offset result;            // int32 in the blob that receives the return value; 0: dropped
  Offset subject;           // text: the path, limit or address concerned
  Index origin;             // into the origins; 0: moat's own
};
static_assert(sizeof(Op) == 80);

struct OriginRow {
  Offset file;
  std::uint32_t line, column;
};

enum class LayerState : std::uint8_t { kEnforced, kDegraded, kOff };
struct LayerRow {
  Offset name;    // "user namespace", "seccomp" ...
  Offset detail;  // "ABI 7", or why it is degraded
  LayerState state;
  std::uint8_t pad[3];
};

enum class EnvKind : std::uint8_t { kSet, kPass, kPassPrefix };
struct EnvRow {
  EnvKind kind;
  std::uint8_t pad[3];
  Offset name;
  Offset value;
};

// Names for reports: the launcher knows no syscall table.
struct CallNameRow {
  std::uint16_t number, pad;
  Offset name;
};

// A file whose change makes a cached plan stale: by its identity, or where that does not tell, by what is
// in it (control groups).
struct DependencyRow {
  Offset path;
  Offset text;           // all of its content; 0: its identity counts
  std::uint32_t exists;  // 0: it was absent
  std::uint32_t pad;
  std::uint64_t device, inode, size, mtime_ns, ctime_ns;
};

// One cgroup made for the job: kPrepare ops write to it, run/ reads its counters and removes it.
enum class CgroupKind : std::uint8_t { kV1Memory, kV1Pids, kV1Cpu, kV1Cpuacct, kV1Cpuset, kV1Freezer, kV2 };
struct CgroupRow {
  CgroupKind kind;
  std::uint8_t pad[3];
  Offset parent;         // text: the folder that the group is made in
  Offset parent_fd;      // int32, written by a kPrepare op
  Offset made;           // int32, 0 once the group was made: only then it is ours to remove
  Offset fd;             // int32, the group's own folder, locked as long as the job or its launcher lives
};

inline constexpr std::uint64_t kNone = ~0ULL;  // a limit that is off

struct LimitsRow {
  std::uint64_t wall_ns, cpu_ns, grace_ns;
  std::uint64_t memory, pids;
  std::uint64_t input, output, output_files, out_stream, err_stream;
  std::uint64_t stack, file_size, address_space;
  std::int32_t oom_score;
  std::uint32_t processors;   // that the job may use; 0: all of the launcher's
};

// One file system of limited size whose filling-up is a cause ("disk").
struct ScratchRow {
  Offset target;   // text
  Offset fd;       // int32, the detached mount
  std::uint64_t size, inodes;
};

inline constexpr unsigned kMaxInputs = 64;
inline constexpr unsigned kTextId = 16;
inline constexpr unsigned kNameMax = 256;
inline constexpr Index kNoOp = ~0U;
inline constexpr std::int32_t kCrashHere = -1;  // tests, as Slots::fail_errno

// Words that are only known when a job starts. run/ fills them in its private copy.
struct InputSlot {
  std::int32_t mount_fd;      // detached read-only mount of the file
  std::int32_t target_fd;     // the place, while it is mounted there
  char target[kNameMax + 8];  // "in/NAME", relative to the root
};
struct Slots {
  std::uint64_t argv, envp;       // addresses
  std::uint64_t nonce;            // in the 6th register of the launcher's own exec
  std::uint64_t processors[16];   // the job's, a bit each; chosen by run/ when LimitsRow::processors
  std::uint64_t wipe, wipe_size;  // the launcher's own argv and environment, cleared in pid 1
  std::int32_t standard[3];       // the guest's 0, 1, 2 before they are moved
  std::int32_t launcher_pidfd;
  std::int32_t root_fd;           // the new root
  std::int32_t output_fd;         // the output file system
  std::int32_t job_uid, job_gid;  // of the job, in the launcher's user namespace
  char uid_text[kTextId];         // the same in digits: the job's uid, gid in the launcher's user namespace
  char gid_text[kTextId];
  char group_name[kTextId * 2];   // "moat-<tid>-<random>"
  std::uint32_t input_count;
  std::uint32_t fail_op;          // tests: this op fails with fail_errno, or the launcher dies here; kNoOp: none
  std::int32_t fail_errno;
  std::int32_t listener;          // of the filter, in pid 1
  std::int32_t notice;            // an eventfd that pid 1 writes when nobody but itself is left; -1: it just ends
  std::int32_t watcher;           // a socket that gets the listener instead of pid 1 (ADR 7); -1: none
  std::int32_t network;           // an empty network namespace, which the job's pid 1 is born in; -1: it makes its own
  std::int32_t accounts;          // pid 1's own /proc/self/io, where the launcher may not read it; else -1
  InputSlot inputs[1];            // the template; run/ makes one for each input behind the ops
};

enum HeaderFlags : std::uint32_t {
  kUserNamespace = 1,    // clone with CLONE_NEWUSER, write maps
  kHasOutput = 2,        // there is an output folder
  kExecNonce = 4,        // the filter allows exec only with the nonce in the 6th register
  kOwnNamespace = 8,     // the launcher must enter a user namespace of its own first
  kCountsPids = 16,      // a control group counts processes, and refuses more
  kListens = 32,         // the filter asks pid 1 to kill, so that each denial is known (ADR 6)
  kWatchesAllocations = 64,  // and tells pid 1 of each fallocate, which the kernel then does or refuses
  kInheritable = 128,        // there is a filter for a spawner, whose jails need not install one (ADR 12)
  kHandsOnNetwork = 256,     // jails of a spawner may have an empty network namespace one after the other
};

// What stands in a spawner's filter until it draws its numbers: of the set-up, beside the guest, of the exec.
inline constexpr std::uint64_t kPlaceSetUp = 0xb5d1930ce24a7f68, kPlaceBeside = 0xc9e83d47715ba602,
                               kPlaceExec = 0x8f3a61d20b7c45e9;

inline constexpr std::uint32_t kEnforceAll = 10000;

struct Header {
  std::uint32_t magic, version;
  std::uint32_t size;              // of the blob
  std::uint32_t flags;             // HeaderFlags
  std::uint64_t clone_flags;       // CLONE_NEW* for clone3
  Offset clone_cgroup;             // int32: group of the v2 hierarchy to be born in; 0: none
  std::uint32_t inside_uid, inside_gid;
  std::uint32_t uid_base, uid_count;  // host ids of jobs, when the launcher is root
  char policy_hash[72];            // sha256 of the effective policy, hex
  std::uint32_t enforce;           // share of jobs that are enforced, in hundredths of a per cent
  Offset ops;
  Index op_count;
  Index phase_begin[kPhases + 1];  // ops of phase p: [phase_begin[p], phase_begin[p + 1])
  Offset origins;
  Index origin_count;
  Offset layers;
  Index layer_count;
  Offset env;
  Index env_count;
  Offset dependencies;
  Index dependency_count;
  Offset cgroups;
  Index cgroup_count;
  Offset scratches;
  Index scratch_count;
  Offset relocations;              // Offset[]: uint64 words that hold offsets, to become addresses
  Index relocation_count;
  Offset call_names;               // CallNameRow[]
  Index call_name_count;
  Offset stage_names;              // Offset[kStages]
  Offset slots;                    // Slots
  Offset inputs;                   // InputSlot[], written by run/
  Offset filter;                   // sock_filter[]
  Index filter_count;
  Index nonce_low, nonce_high;     // instructions whose k is half of the nonce; 0: none
  Offset spawner_filter;           // sock_filter[], with the kPlace numbers in it; kInheritable
  Index spawner_filter_count;
  Offset exec_path;                // text, the program inside the jail
  Offset program;                  // text, as the caller named it
  Offset input_dir, output_dir;    // texts, inside the jail
  Offset policy_name;
  Offset host_facts;               // text: one line for the report
  LimitsRow limits;
};

// Memory shared by launcher and child (MAP_SHARED): the gate, the way back. The guest never
// has it: exec drops it.
enum class ChildState : std::uint32_t { kStarting, kFailed, kRunning, kDone };
inline constexpr unsigned kDenialRows = 16;
struct DenialRow {
  std::uint32_t number, arch;  // of the call; AUDIT_ARCH_*
  std::uint64_t args[6];       // of the first one
  std::uint64_t count;
};
inline constexpr int kWakeSignal = 64;  // SIGRTMAX: the launcher wrote `end`
// struct rusage of getrusage(2), word for word.
inline constexpr unsigned kUsageWords = 18;

struct Shared {
  std::uint32_t gate;             // futex; raised by the launcher
  std::uint32_t told;             // futex; raised by pid 1: it has descriptors of its own. ~0: it failed
  ChildState state;
  std::uint32_t failed_op;        // index into the ops, when kFailed
  std::int32_t failed_errno;
  std::int32_t status;            // wait status of the program, when kDone
  std::int32_t program_pid;       // inside the jail
  std::uint64_t started_ns, ended_ns;  // CLOCK_MONOTONIC: pid 1 began to start the program, saw its end; 0: not yet
  std::uint64_t opened_ns;        // the launcher opened the last gate; a job begins with what came later of the two
  std::uint32_t timed_out;        // pid 1 ended the job: the wall limit was over, and the launcher silent
  std::uint32_t end;              // the launcher's word: end everybody, now; before the job: end at the next gate
  std::uint32_t denial_rows;      // used
  std::uint64_t denials;          // calls that were answered with death
  DenialRow denied[kDenialRows];
  std::uint64_t degraded_layers;  // bit set: a kBestEffort op of that layer failed
  std::uint32_t no_more_processes;  // when the program had ended, the kernel refused pid 1 another one
  std::uint32_t unmet_major, unmet_minor;  // of the file system that had no room
  std::uint64_t unmet_bytes;        // that a fallocate wanted of it; 0: there was room for each
  std::uint32_t alone;              // nobody but pid 1 is left, and it has noted all that follows
  std::uint64_t used_by_init[kUsageWords], used_by_others[kUsageWords];
  char accounts[256];               // of the whole job, as /proc/PID/io has them
  std::uint32_t warm;               // the launcher's word, from birth on: the program starts ahead of its job
  std::uint32_t stop_asked;         // the same: a job has come, it shall stand still
  std::uint32_t stopped;            // futex; WarmStop, pid 1: it does
  std::uint32_t warm_within;        // it begins below the folder of inputs
  char warm_folder[kNameMax];       // the first name of that folder's path
};

static_assert(sizeof(Shared) <= 4096, "one page");

}  // namespace moat::abi
