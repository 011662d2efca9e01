#include "pool/worker_filter.h"

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>
#include <string_view>

#include "base/text.h"
#include "pool/worker_protocol.h"
#include "seal/rules.h"
#include "seal/spec.h"

namespace moat::pool {
namespace {

using seal::Rules;
using Conditions = Rules::Conditions;

constexpr std::uint64_t kEight = ~std::uint64_t{7} & 0xffffffffU;
constexpr std::uint64_t kMapTypeMask = 0x0f;

// The keeper's own calls. All registers are compared whole, also those that a call does not use.
class KeeperRules {
 public:
  explicit KeeperRules(bpf::FilterSpec& spec) : spec_(spec), rules_(spec) {}
  void Allow(std::string_view call, std::initializer_list<bpf::Condition> exact = {}) {
    const std::size_t before = spec_.rules.size();
    Conditions all = {Rules::Equals(kNonceArgument, kNoncePlace)};
    all.insert(all.end(), exact.begin(), exact.end());
    rules_.Allow(call, std::move(all));
    if (spec_.rules.size() > before) spec_.rules.back().whole_registers = true;
  }

 private:
  bpf::FilterSpec& spec_;
  Rules rules_;
};

void AddKeeper(bpf::FilterSpec& spec, std::uint64_t clone_flags) {
  KeeperRules rules(spec);
  rules.Allow("clone", {Rules::Equals(0, clone_flags), Rules::Equals(1, 0), Rules::Equals(4, 0)});
  rules.Allow("recvmsg");
  rules.Allow("sendmsg");
  rules.Allow("close");
  rules.Allow("close_range", {Rules::Equals(2, 0)});
  rules.Allow("dup3", {Rules::Equals(2, 0)});
  rules.Allow("pidfd_open", {Rules::Equals(1, 0)});
  rules.Allow("prctl", {Rules::Equals(0, PR_SET_PDEATHSIG), Rules::Equals(1, SIGKILL)});
  rules.Allow("prlimit64", {Rules::Equals(0, 0), Rules::Equals(3, 0)});
  rules.Allow("rt_sigprocmask");
}

// The job's descriptors have their numbers, and by them their roles.
void AddDescriptors(Rules& rules) {
  const bpf::Condition input = Rules::Masked(0, kEight, kInputFds), output = Rules::Masked(0, kEight, kOutputFds);
  rules.AllowEach({"read", "readv", "pread64", "preadv"}, {input});
  rules.AllowEach({"write", "writev", "pwrite64", "pwritev", "ftruncate"}, {output});
  rules.Allow("mmap", {Rules::Masked(4, kEight, kInputFds), Rules::Masked(2, PROT_EXEC, 0),
                       Rules::Masked(3, kMapTypeMask | MAP_ANONYMOUS, MAP_PRIVATE)});
  static_assert((F_GETFD | 2) == F_GETFL);
  for (const bpf::Condition& own : {input, output}) {
    rules.AllowEach({"lseek", "fstat"}, {own});
    rules.Allow("fcntl", {own, Rules::Masked(1, ~std::uint64_t{2} & 0xffffffffU, F_GETFD)});
    rules.Allow("close", {own});
  }
  rules.Allow("read", {Rules::Equals(0, 0)});
  for (const std::uint64_t fd : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{kChannelFd}}) {
    rules.AllowEach({"write", "writev"}, {Rules::Equals(0, fd)});
  }
}

// What abort() asks for traps; the handler does it by the pidfd. A signal to anybody else fails.
void AddAbort(bpf::FilterSpec& spec, Rules& rules) {
  // Flags could mean the whole process group.
  rules.Allow("pidfd_send_signal", {Rules::Equals(0, kSelfFd), Rules::Equals(1, SIGABRT), Rules::Equals(3, 0)});
  struct Call {
    std::string_view name;
    int signal;
  };
  for (const Call& call : {Call{"tgkill", 2}, Call{"tkill", 1}}) {
    rules.Refuse(call.name, EPERM, {Rules::Differs(call.signal, SIGABRT)});
    rules.Refuse(call.name, EPERM);
    spec.rules.back().action = {bpf::ActionKind::kTrap, kAbortMark};
  }
}

constexpr SealGrant kNotForWorkers[] = {
    SealGrant::kAnyRead, SealGrant::kAnyWrite, SealGrant::kDescriptors, SealGrant::kReadPaths, SealGrant::kWritePaths,
    SealGrant::kCreatePaths, SealGrant::kAttributes, SealGrant::kFileLocks, SealGrant::kInternet, SealGrant::kUnixSockets,
    SealGrant::kProcesses, SealGrant::kExecute, SealGrant::kNewCode, SealGrant::kTerminal};

Status CheckRole(const SealRole& role) {
  const std::string name = "descriptor " + base::SignedNumber(role.fd);
  if (role.read || role.write || role.seek) {
    return WithFix(PolicyError(name + " would be shared by all jobs, with its position"),
                   "read it before Serve, or keep it for mapping only: Map(fd)");
  }
  if (role.fd > kServeDescriptor && role.fd < kProgramFds) return {};
  return WithFix(PolicyError(name + " is one of those that Serve uses itself"),
                 "duplicate it to a number from 4 to " + base::SignedNumber(kProgramFds - 1));
}

}  // namespace

Status CheckWorkerSeal(const SealRequest& request) {
  if (!request.mistake.empty()) return PolicyError(request.mistake);
  for (const SealGrant grant : kNotForWorkers) {
    if (!request.Has(grant)) continue;
    return WithFix(PolicyError("a worker's seal has no AnyRead, AnyWrite or promises: its descriptors are given by the pool"),
                   "Memory, Time, Random, Waiting, Threads, SoftOpen and Map are what there is");
  }
  if (!request.Has(SealGrant::kBasics)) return PolicyError("the preset `strict` is too narrow for a worker");
  if (request.threads == SealThreads::kExisting) {
    return WithFix(PolicyError("a worker begins with one thread"), "Threads(SealThreads::kNew), if jobs start threads");
  }
  if (request.violation == SealViolation::kLog || request.violation == SealViolation::kReport) {
    return PolicyError("a worker's seal has to be a wall: kTrap, kKill or kErrno");
  }
  if (request.violation_errno < 1 || request.violation_errno > 4095) {
    return PolicyError("errno " + base::SignedNumber(request.violation_errno) + " is none");
  }
  if (request.record_fd >= 0) return PolicyError("records of workers go to the pool, into the report: no Record()");
  for (const SealRole& role : request.roles) MOAT_TRY(CheckRole(role));
  return {};
}

Result<bpf::FilterSpec> BuildWorkerSpec(const SealRequest& given, bpf::Abi abi, std::uint64_t clone_flags) {
  MOAT_TRY(CheckWorkerSeal(given));
  SealRequest request = given;
  if (request.violation == SealViolation::kTrap) request.record_fd = kChannelFd;
  bpf::FilterSpec common = MOAT_TRY(seal::BuildSpec(request, abi, seal::kPidPlace));
  bpf::FilterSpec spec = common;
  spec.rules.clear();
  Rules rules(spec);
  AddKeeper(spec, clone_flags);
  AddDescriptors(rules);
  AddAbort(spec, rules);
  spec.rules.insert(spec.rules.end(), common.rules.begin(), common.rules.end());
  return spec;
}

Status PutNonce(std::span<sock_filter> code, std::uint64_t nonce) {
  bool found = false;
  const auto put = [&](std::uint32_t place, std::uint64_t value) -> Status {
    for (sock_filter& instruction : code) {
      if (BPF_CLASS(instruction.code) != BPF_JMP || instruction.k != place) continue;
      if (instruction.code != (BPF_JMP | BPF_JEQ | BPF_K)) return BugError("the filter orders what it should compare");
      instruction.k = static_cast<std::uint32_t>(value);
      found = true;
    }
    return found ? Status{} : BugError("the filter has no place for the keeper's number");
  };
  // The halves of the place differ, and a drawn half may look like the other: high halves first would
  // do as well, as long as each is looked for before it could have been drawn.
  constexpr auto kLow = static_cast<std::uint32_t>(kNoncePlace), kHigh = static_cast<std::uint32_t>(kNoncePlace >> 32);
  static_assert(kLow != kHigh);
  if (static_cast<std::uint32_t>(nonce) == kHigh) return BugError("this number cannot be the keeper's");
  MOAT_TRY(put(kLow, nonce));
  found = false;
  return put(kHigh, nonce >> 32);
}

}  // namespace moat::pool
