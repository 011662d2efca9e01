// The filter of a spawner: the policy's, and before it what the spawner, and pid 1 of each jail, must do themselves.
// All of that is known by a number in the sixth argument register (ADR 12).
#include <asm/unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "bpf/filter.h"
#include "plan/emit.h"
#include "plan/filter_spec.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

using Conditions = std::vector<bpf::Condition>;

constexpr std::uint64_t kSigchld = 17, kClearTid = 0x200000;
constexpr std::uint64_t kReceive = 0xc0502100, kSend = 0xc0182101;  // SECCOMP_IOCTL_NOTIF_*

bpf::Condition Equals(std::uint8_t arg, std::uint64_t value) { return {arg, bpf::Compare::kEqual, value}; }

class Numbered {
 public:
  Numbered(bpf::FilterSpec& spec, const bpf::FilterSpec& own) : spec_(spec), own_(own) {}
  // What the policy allows anyway needs no number, and stays as quick as it is.
  void Allow(std::uint64_t place, std::uint32_t call, Conditions exact = {}) {
    if (IsAlwaysAllowed(own_, call)) return;
    exact.push_back(Equals(5, place));
    spec_.rules.insert(spec_.rules.begin(), {call, std::move(exact), bpf::Allow(), 0, true});
  }

 private:
  bpf::FilterSpec& spec_;
  const bpf::FilterSpec& own_;
};

// pid 1 for as long as it lives, and the program while it waits to be executed. None of it needs, or gives, a
// capability.
void AllowBeside(Numbered& numbered, std::uint64_t place) {
  const std::uint32_t calls[] = {__NR_futex, __NR_ppoll, __NR_exit_group, __NR_close, __NR_close_range, __NR_munmap,
                                 __NR_clock_gettime, __NR_signalfd4, __NR_read, __NR_write, __NR_kill, __NR_wait4,
                                 __NR_rt_sigtimedwait, __NR_getrusage, __NR_pidfd_open, __NR_pidfd_getfd, __NR_fstatfs,
                                 __NR_statx, __NR_restart_syscall};
  for (const std::uint32_t call : calls) numbered.Allow(place, call);
  numbered.Allow(place, __NR_ioctl, {Equals(1, kReceive)});
  numbered.Allow(place, __NR_ioctl, {Equals(1, kSend)});
  numbered.Allow(place, __NR_clone, {Equals(0, uapi::kCloneVm | uapi::kCloneFiles | kSigchld)});
}

// The prepared calls themselves; what makes namespaces or changes the process with its arguments as they are.
void AllowOps(Numbered& numbered, const Blob& blob) {
  std::set<std::pair<std::uint32_t, std::uint64_t>> seen;
  for (const abi::Op& op : blob.ops()) {
    const bool ours = op.phase == abi::Phase::kBirth || op.phase == abi::Phase::kSettle || op.phase == abi::Phase::kSetup ||
                      op.phase == abi::Phase::kProgram;
    const bool pseudo = op.number >= static_cast<std::uint16_t>(abi::Pseudo::kFirst);
    if (!ours || pseudo || op.number == __NR_execve || (op.flags & abi::kOwnFilter) != 0) continue;
    const bool exact = op.number == __NR_unshare || op.number == __NR_prctl;
    if (!seen.insert({op.number, exact ? op.args[0] : 0}).second) continue;
    numbered.Allow(abi::kPlaceSetUp, op.number, exact ? Conditions{Equals(0, op.args[0])} : Conditions{});
  }
}

bool Refuses(const bpf::Action& action) {
  using bpf::ActionKind;
  return action.kind == ActionKind::kErrno || action.kind == ActionKind::kKillProcess || action.kind == ActionKind::kNotify;
}

bool Speaks(const bpf::Condition& condition, bpf::Compare compare) {
  constexpr std::uint64_t kAfUnix = 1;
  return condition.arg == 0 && condition.compare == compare && condition.value == kAfUnix;
}

// Can the call be made for local sockets alone? As the kernel reads it: the first rule that holds decides.
bool IsLocalOnly(const bpf::FilterSpec& spec, std::uint32_t call) {
  for (const bpf::Rule& rule : spec.rules) {
    if (rule.number != call) continue;
    if (Refuses(rule.action)) {
      if (rule.all_of.empty()) return true;
      if (rule.all_of.size() == 1 && Speaks(rule.all_of.front(), bpf::Compare::kNotEqual)) return true;
      continue;
    }
    const auto is_local = [](const bpf::Condition& condition) { return Speaks(condition, bpf::Compare::kEqual); };
    if (std::none_of(rule.all_of.begin(), rule.all_of.end(), is_local)) return false;
  }
  return Refuses(spec.default_action);
}

bool IsRefused(const bpf::FilterSpec& spec, std::uint32_t call) {
  for (const bpf::Rule& rule : spec.rules) {
    if (rule.number != call) continue;
    if (!Refuses(rule.action)) return false;
    if (rule.all_of.empty()) return true;
  }
  return Refuses(spec.default_action);
}

// An empty network namespace keeps nothing of a job but its sockets. Where these are local ones, none of another job can be
// reached by an abstract name (Landlock), and all are gone with their job, which is looked at: the namespace is as new.
bool MayHandOnNetwork(const bpf::FilterSpec& own, const Request& request) {
  constexpr int kScopesNames = 6;  // ABI of Landlock
  return request.model.network.value == policy::NetworkMode::kNone && request.facts.net_ns.works &&
         request.facts.landlock_abi >= kScopesNames && IsLocalOnly(own, __NR_socket) && IsLocalOnly(own, __NR_socketpair) &&
         IsRefused(own, __NR_io_uring_setup);
}

// Each half of a place is a number that nothing else in the filter is compared with.
bool HasPlaces(const bpf::Program& own, const bpf::Program& program) {
  const std::uint64_t places[] = {abi::kPlaceSetUp, abi::kPlaceBeside};
  for (const std::uint64_t place : places) {
    const std::uint32_t halves[] = {static_cast<std::uint32_t>(place), static_cast<std::uint32_t>(place >> 32)};
    for (const std::uint32_t half : halves) {
      const auto compares = [half](const sock_filter& each) { return each.code == (BPF_JMP | BPF_JEQ | BPF_K) && each.k == half; };
      if (std::any_of(own.code.begin(), own.code.end(), compares)) return false;
      if (std::none_of(program.code.begin(), program.code.end(), compares)) return false;
    }
  }
  return true;
}

}  // namespace

void EmitSpawnerFilter(Blob& blob, const Request& request, const bpf::FilterSpec& own) {
  if (request.watched == Watched::kYes || own.rules.empty()) return;
  bpf::FilterSpec spec = own;
  Numbered numbered(spec, own);
  AllowOps(numbered, blob);
  AllowBeside(numbered, abi::kPlaceSetUp);
  AllowBeside(numbered, abi::kPlaceBeside);
  numbered.Allow(abi::kPlaceSetUp, __NR_clone3);
  numbered.Allow(abi::kPlaceSetUp, __NR_clone, {Equals(0, uapi::kCloneVm | uapi::kCloneFiles | kSigchld | kClearTid)});
  numbered.Allow(abi::kPlaceSetUp, __NR_madvise);
  numbered.Allow(abi::kPlaceSetUp, __NR_setns, {Equals(1, uapi::kCloneNewNet)});
  const auto plain = bpf::Compile(own), program = bpf::Compile(spec);
  if (!plain.ok() || !program.ok() || !HasPlaces(*plain, *program)) return;
  abi::Header& header = blob.header();
  header.flags |= abi::kInheritable;
  if (MayHandOnNetwork(own, request)) header.flags |= abi::kHandsOnNetwork;
  header.spawner_filter_count = static_cast<abi::Index>(program->code.size());
  header.spawner_filter = blob.Bytes(
      std::string_view(reinterpret_cast<const char*>(program->code.data()), program->code.size() * sizeof(sock_filter)));
}

}  // namespace moat::plan
