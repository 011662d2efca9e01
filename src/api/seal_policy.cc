#include "moat/seal_policy.h"

#include <algorithm>
#include <map>

#include "api/policy_impl.h"
#include "bpf/filter.h"
#include "plan/filter_spec.h"
#include "policy/verdicts.h"

namespace moat {
namespace {

constexpr std::uint64_t kThreadFlags = 0x3d0f00;  // what pthread_create asks clone for

// What each word of a seal stands for; the calls that it takes in count as used.
struct Word {
  const char* deciding;
  Seal& (*add)(Seal&);
  std::vector<const char*> takes_in;
};

const std::vector<Word>& Words() {
  static const std::vector<Word> kWords = {
      {"mmap", [](Seal& seal) -> Seal& { return seal.Memory(); }, {"mmap", "munmap", "mremap", "mprotect", "madvise", "brk", "sysinfo"}},
      {"clock_gettime", [](Seal& seal) -> Seal& { return seal.Time(); },
       {"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times"}},
      {"getrandom", [](Seal& seal) -> Seal& { return seal.Random(); }, {"getrandom"}},
      {"poll", [](Seal& seal) -> Seal& { return seal.Waiting(); }, {"poll", "ppoll", "select", "pselect6"}},
      {"futex", [](Seal& seal) -> Seal& { return seal.Threads(); },
       {"futex", "futex_wait", "futex_wake", "futex_waitv", "futex_requeue", "sched_yield", "membarrier", "rseq",
        "set_robust_list", "sched_getaffinity"}},
  };
  return kWords;
}

// In the seal anyway, or decided by the roles of descriptors.
bool IsEverywhere(std::string_view call) {
  for (const std::string_view name :
       {"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek", "close", "fstat", "exit",
        "exit_group", "rt_sigreturn", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "sigaltstack", "getpid", "gettid",
        "getppid", "getuid", "geteuid", "getgid", "getegid"}) {
    if (call == name) return true;
  }
  return false;
}

// Grants the call for some arguments.
bool MayCall(const policy::Model& model, const bpf::FilterSpec& spec, const bpf::SyscallInfo& call) {
  if (policy::Grants(policy::Fallback(model, call).action)) return true;
  return std::any_of(spec.rules.begin(), spec.rules.end(), [&](const bpf::Rule& rule) {
    return rule.number == call.number && rule.action == bpf::Allow();
  });
}

void SetViolation(const policy::Do& otherwise, PolicySeal& made) {
  switch (otherwise.kind) {
    case policy::DoKind::kErrno: made.seal.OnViolation(SealViolation::kErrno, otherwise.error_number); return;
    case policy::DoKind::kKill: made.seal.OnViolation(SealViolation::kKill); return;
    case policy::DoKind::kAllow:
    case policy::DoKind::kNotify:
    case policy::DoKind::kLog:
      made.without_meaning.emplace_back("[syscalls] default: a seal only knows errno and kill; it kills");
  }
}

void NoteCalls(const policy::Model& model, const bpf::FilterSpec& spec, PolicySeal& made) {
  std::map<std::string, std::string> left_out;  // by group
  for (const bpf::SyscallInfo& call : bpf::Syscalls(spec.abi)) {
    if (IsEverywhere(call.name) || !MayCall(model, spec, call)) continue;
    const auto takes = [&](const Word& word) {
      return std::any_of(word.takes_in.begin(), word.takes_in.end(), [&](const char* name) { return call.name == name; });
    };
    if (std::any_of(Words().begin(), Words().end(), takes)) continue;
    std::string& names = left_out["@" + std::string(call.group)];
    names += (names.empty() ? "" : " ") + std::string(call.name);
  }
  for (const auto& [group, names] : left_out) {
    made.without_meaning.push_back("[syscalls] " + group + ": not in a seal, which has no mounts, network or process numbers of its own: " + names);
  }
}

template <typename T>
void NoteLimit(const char* name, const policy::Setting<T>& setting, const char* why, PolicySeal& made) {
  if (!setting.origin.empty()) made.without_meaning.push_back(std::string("[limits] ") + name + ": " + why);
}

void NoteRest(const policy::Model& model, PolicySeal& made) {
  if (!model.files.rules.empty()) {
    made.without_meaning.emplace_back("[files]: a seal shows no files; it keeps the descriptors that are declared");
  }
  if (model.mode.enforce.value < 100) {
    made.without_meaning.emplace_back("[mode] enforce: every seal is enforced");
  }
  made.without_meaning.emplace_back("[network]: a seal opens no socket; connect before it, and declare the descriptor");
  if (!model.environment.pass.empty() || !model.environment.set.empty()) {
    made.without_meaning.emplace_back("[environment]: the program already has its environment");
  }
  constexpr const char* kWatched = "nobody watches a sealed program from outside";
  const policy::Limits& limits = model.limits;
  NoteLimit("wall", limits.wall, kWatched, made);
  NoteLimit("cpu", limits.cpu, "set RLIMIT_CPU before the seal", made);
  NoteLimit("memory", limits.memory, "set RLIMIT_AS before the seal, or use a control group", made);
  NoteLimit("pids", limits.pids, "a seal starts no process", made);
  NoteLimit("output", limits.output, "nothing is collected", made);
  NoteLimit("stdout", limits.out_stream, kWatched, made);
  NoteLimit("stderr", limits.err_stream, kWatched, made);
  NoteLimit("files", limits.files, "a seal opens no descriptor", made);
}

}  // namespace

Result<PolicySeal> SealOf(const Policy& policy, SealSelfTest self_test) {
  const policy::Model& model = policy.impl().model;
  const bpf::FilterSpec spec = MOAT_TRY(plan::FilterSpecOf(model, bpf::NativeAbi()));
  PolicySeal made{Seal(self_test), {}};
  for (const Word& word : Words()) {
    const bpf::SyscallInfo* call = bpf::FindSyscall(spec.abi, word.deciding);
    if (call != nullptr && MayCall(model, spec, *call)) word.add(made.seal);
  }
  if (const bpf::SyscallInfo* clone = bpf::FindSyscall(spec.abi, "clone")) {
    seccomp_data data{};
    data.nr = static_cast<int>(clone->number);
    data.arch = bpf::AuditArch(spec.abi);
    data.args[0] = kThreadFlags;
    if (bpf::Interpret(spec, data) == bpf::Allow()) made.seal.Threads(SealThreads::kNew);
  }
  SetViolation(model.syscalls.otherwise.value, made);
  if (model.limits.file_size.value != policy::kUnlimited) made.seal.FileSize(model.limits.file_size.value);
  NoteCalls(model, spec, made);
  NoteRest(model, made);
  return made;
}

}  // namespace moat
