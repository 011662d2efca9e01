#include "moat/seal.h"

#include <linux/filter.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/safe_text.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "seal/inspect.h"
#include "seal/lock.h"
#include "seal/prove.h"
#include "seal/spec.h"
#include "seal/trap.h"

namespace moat {
namespace {

SealRole& RoleOf(SealRequest& request, int fd) {
  if (fd < 0 && request.mistake.empty()) request.mistake = "descriptor " + base::SignedNumber(fd) + " cannot be declared";
  for (SealRole& role : request.roles) {
    if (role.fd == fd) return role;
  }
  SealRole role;
  role.fd = fd;
  request.roles.push_back(role);
  return request.roles.back();
}

void Grant(SealRequest& request, SealGrant grant) { request.grants |= static_cast<std::uint32_t>(grant); }

Status CheckRequest(const SealRequest& request) {
  if (!request.mistake.empty()) return PolicyError(request.mistake);
  if (request.violation_errno < 1 || request.violation_errno > 4095) {
    return PolicyError("errno " + base::SignedNumber(request.violation_errno) + " is none");
  }
  if (request.record_fd >= seal::kNoRecord) {
    return PolicyError("the descriptor for records must be below 65535: it travels in 16 bits");
  }
  return {};
}

// A copy on the stack where it fits: a forked child has the heap's pages to itself only once it writes
// to them, one fault after the other.
class Code {
 public:
  explicit Code(const std::vector<std::uint64_t>& words) : size_(words.size()) {
    static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
    if (size_ > kNear) far_.resize(size_);
    memcpy(data(), words.data(), size_ * sizeof(sock_filter));
  }
  sock_filter* data() { return size_ > kNear ? far_.data() : near_; }
  std::span<sock_filter> all() { return {data(), size_}; }

 private:
  static constexpr std::size_t kNear = 256;
  std::size_t size_;
  sock_filter near_[kNear];
  std::vector<sock_filter> far_;
};

std::vector<sock_filter> Instructions(const std::vector<std::uint64_t>& words) {
  std::vector<sock_filter> code(words.size());
  static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
  memcpy(code.data(), words.data(), words.size() * sizeof(sock_filter));
  return code;
}

// The place that was kept for the process' own number is only ever compared for equality.
Status PutPid(std::span<sock_filter> code, int pid) {
  for (sock_filter& instruction : code) {
    if (BPF_CLASS(instruction.code) != BPF_JMP) continue;
    if (instruction.k != static_cast<std::uint32_t>(seal::kPidPlace)) continue;
    if (instruction.code != (BPF_JMP | BPF_JEQ | BPF_K)) return BugError("the filter orders what it should compare");
    instruction.k = static_cast<std::uint32_t>(pid);
  }
  return {};
}

// What Apply looks at, looked at once: the calls of libc that it makes are bound then (lazily, in a
// dynamic program), and not in each child of a server anew.
void Rehearse(const SealRequest& request) {
  SealReport ignored;
  (void)seal::CheckIds().ok();
  (void)seal::CheckRoles(request, ignored).ok();
  (void)seal::CountsAsDeclared(request);
}

bool IsWall(const SealRequest& request) {
  return request.violation != SealViolation::kLog && request.violation != SealViolation::kReport;
}

}  // namespace

Result<Seal> Seal::Preset(std::string_view name, SealSelfTest self_test) {
  Seal seal(self_test);
  if (name == "strict") {
    seal.request_.grants = 0;
  } else if (name == "pure") {
    seal.AnyWrite().Memory().Time();
  } else if (name == "stdio") {
    seal.Read(0).Seek(0).Write(1).Seek(1).Write(2).Memory().Time().Random().Threads();
  } else {
    return WithFix(PolicyError("there is no preset " + base::Quoted(name)), "there are: strict, pure, stdio");
  }
  return seal;
}

Seal& Seal::Promise(std::string_view words) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    if (word.empty() || seal::AddPromise(request_, word) || !request_.mistake.empty()) continue;
    request_.mistake = "there is no promise " + base::Quoted(word) +
                       "; there are: stdio rpath wpath cpath fattr flock inet unix proc exec prot_exec tty";
  }
  return *this;
}

Seal& Seal::Read(int fd) {
  RoleOf(request_, fd).read = true;
  return *this;
}
Seal& Seal::Write(int fd) {
  RoleOf(request_, fd).write = true;
  return *this;
}
Seal& Seal::ReadWrite(int fd) { return Read(fd).Write(fd); }
Seal& Seal::Seek(int fd) {
  RoleOf(request_, fd).seek = true;
  return *this;
}
Seal& Seal::Map(int fd) {
  RoleOf(request_, fd).map = true;
  return *this;
}
Seal& Seal::AnyRead() {
  Grant(request_, SealGrant::kAnyRead);
  return *this;
}
Seal& Seal::AnyWrite() {
  Grant(request_, SealGrant::kAnyWrite);
  return *this;
}
Seal& Seal::Memory() {
  Grant(request_, SealGrant::kMemory);
  return *this;
}
Seal& Seal::Time() {
  Grant(request_, SealGrant::kTime);
  return *this;
}
Seal& Seal::Random() {
  Grant(request_, SealGrant::kRandom);
  return *this;
}
Seal& Seal::Waiting() {
  Grant(request_, SealGrant::kWaiting);
  return *this;
}
Seal& Seal::SoftOpen() {
  Grant(request_, SealGrant::kSoftOpen);
  return *this;
}
Seal& Seal::Threads(SealThreads threads) {
  request_.threads = threads;
  return *this;
}
Seal& Seal::OnViolation(SealViolation mode, int error_number) {
  request_.violation = mode;
  request_.violation_errno = error_number;
  return *this;
}
Seal& Seal::Record(int fd) {
  request_.record_fd = fd;
  return *this;
}
Seal& Seal::Strays(SealStrays strays) {
  request_.strays = strays;
  return *this;
}
Seal& Seal::FileSize(std::uint64_t bytes) {
  request_.file_size = bytes;
  return *this;
}
Seal& Seal::Dumps(SealDumps dumps) {
  request_.dumps = dumps;
  return *this;
}

Result<PreparedSeal> Seal::Prepare() const {
  PreparedSeal prepared = MOAT_TRY(Compile());
  SealReport ignored;
  MOAT_TRY(seal::CheckMappings(request_, ignored));
  return prepared;
}

Result<PreparedSeal> Seal::Compile() const {
  MOAT_TRY(CheckRequest(request_));
  const bpf::Abi abi = bpf::NativeAbi();
  const bpf::FilterSpec spec = MOAT_TRY(seal::BuildSpec(request_, abi, seal::kPidPlace));
  bpf::Program program = MOAT_TRY(bpf::Compile(spec));
  if (request_.self_test == SealSelfTest::kOn) MOAT_TRY(seal::Prove(spec, program.code));
  if (request_.violation == SealViolation::kReport) program.code = seal::LetHandlerThrough(program.code);
  SealWarmUp();
  PreparedSeal prepared;
  if (request_.threads == SealThreads::kNew || (request_.threads == SealThreads::kExisting && MOAT_TRY(seal::Threads()).size() > 1)) {
    SealWarmThreads();
    prepared.threads_are_warm_ = true;
  }
  Rehearse(request_);
  prepared.request_ = request_;
  prepared.code_.resize(program.code.size());
  memcpy(prepared.code_.data(), program.code.data(), program.code.size() * sizeof(sock_filter));
  return prepared;
}

Result<SealReport> Seal::Apply() const {
  const PreparedSeal prepared = MOAT_TRY(Compile());
  SealReport report;
  MOAT_TRY(seal::CheckMappings(request_, report));
  return prepared.Apply(std::move(report));
}

std::vector<std::uint64_t> PreparedSeal::Program(int own_pid) const {
  std::vector<sock_filter> code = Instructions(code_);
  if (!PutPid(code, own_pid).ok()) return {};
  std::vector<std::uint64_t> words(code.size());
  memcpy(words.data(), code.data(), code.size() * sizeof(sock_filter));
  return words;
}

std::string PreparedSeal::Listing() const { return bpf::Disassemble(Instructions(code_), bpf::NativeAbi()); }

Result<SealReport> PreparedSeal::Apply() const { return Apply(SealReport()); }

// Behind the lock nothing is allocated: there may be no memory to be had.
Result<SealReport> PreparedSeal::Apply(SealReport report) const {
  Code copy(code_);
  const std::span<sock_filter> code = copy.all();
  MOAT_TRY(PutPid(code, getpid()));
  report.instructions = static_cast<std::uint32_t>(code.size());
  MOAT_TRY(seal::CheckIds());
  MOAT_TRY(seal::CheckPersonality(request_));
  MOAT_TRY(seal::CheckCompany(request_, report));
  MOAT_TRY(seal::CheckRoles(request_, report));
  MOAT_TRY(seal::HandleStrays(request_, report));
  if (!IsWall(request_)) {
    report.notes.emplace_back("violations are allowed and told: this is not a wall");
  } else if (request_.self_test == SealSelfTest::kOn) {
    MOAT_TRY(seal::SelfTest(code, report));
  }
  std::vector<seal::Thread> threads;
  if (request_.threads != SealThreads::kNone) threads = MOAT_TRY(seal::Threads());
  if (threads.size() > 1 && !threads_are_warm_) SealWarmThreads();  // they came after Prepare
  MOAT_TRY(seal::Lower(request_));
  const bool traps = request_.violation == SealViolation::kTrap || request_.violation == SealViolation::kReport;
  if (traps) MOAT_TRY(seal::InstallHandler(request_.violation));
  MOAT_TRY(seal::Lock(code, threads));
  MOAT_TRY(seal::IsLocked(request_));
  return report;
}

}  // namespace moat
