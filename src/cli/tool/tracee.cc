#include "cli/tool/tracee.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::tool {

#if defined(__x86_64__)
namespace {
constexpr int kSysSeccomp = 1;
constexpr std::uint64_t kInstruction = 2;  // bytes of `syscall`

Error TraceError(const char* what) { return SystemError("ptrace", errno, what); }
}  // namespace

Status Tracee::Supported() { return {}; }

Result<user_regs_struct> Tracee::Registers() const {
  user_regs_struct registers{};
  if (ptrace(PTRACE_GETREGS, tid_, nullptr, &registers) != 0) return TraceError("PTRACE_GETREGS");
  return registers;
}

Status Tracee::SetRegisters(const user_regs_struct& registers) const {
  if (ptrace(PTRACE_SETREGS, tid_, nullptr, &registers) != 0) return TraceError("PTRACE_SETREGS");
  return {};
}

Result<PendingCall> Tracee::Call() const {
  const user_regs_struct now = MOAT_TRY(Registers());
  return PendingCall{now.orig_rax, {now.rdi, now.rsi, now.rdx, now.r10, now.r8, now.r9}};
}

Status Tracee::ToNextCallStop() {
  int deliver = 0;
  for (;;) {
    if (ptrace(PTRACE_SYSCALL, tid_, nullptr, deliver) != 0) return TraceError("PTRACE_SYSCALL");
    int status = 0;
    if (waitpid(tid_, &status, __WALL) != tid_) return SystemError("waitpid", errno);
    if (!WIFSTOPPED(status)) return SystemError("waitpid", ESRCH, "the program ended while it was sealed");
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) return {};
    // Held back: its handler must not run in the middle.
    if (status >> 16 == 0) signals_.push_back(WSTOPSIG(status));
  }
}

Status Tracee::PutOff() {
  saved_ = MOAT_TRY(Registers());
  user_regs_struct skip = saved_;
  skip.orig_rax = ~0ULL;
  MOAT_TRY(SetRegisters(skip));
  return ToNextCallStop();
}

Result<long> Tracee::Inject(long number, std::vector<std::uint64_t> args) {
  args.resize(6);
  user_regs_struct call = saved_;
  call.rip = saved_.rip - kInstruction;
  call.rax = static_cast<unsigned long long>(number);
  call.orig_rax = ~0ULL;  // no call is being restarted
  call.rdi = args[0];
  call.rsi = args[1];
  call.rdx = args[2];
  call.r10 = args[3];
  call.r8 = args[4];
  call.r9 = args[5];
  MOAT_TRY(SetRegisters(call));
  MOAT_TRY(ToNextCallStop());
  MOAT_TRY(ToNextCallStop());
  const user_regs_struct after = MOAT_TRY(Registers());
  return static_cast<long>(after.rax);
}

Status Tracee::Resume() {
  user_regs_struct again = saved_;
  again.rip = saved_.rip - kInstruction;
  again.rax = saved_.orig_rax;
  again.orig_rax = ~0ULL;
  return SetRegisters(again);
}

bool ReadViolation(pid_t tid, pid_t pid, seal::Violation& violation) {
  siginfo_t info{};
  user_regs_struct registers{};
  if (ptrace(PTRACE_GETSIGINFO, tid, nullptr, &info) != 0 || info.si_code != kSysSeccomp) return false;
  if (ptrace(PTRACE_GETREGS, tid, nullptr, &registers) != 0) return false;
  violation.mode = "supervised";
  violation.pid = pid;
  violation.tid = tid;
  violation.number = static_cast<std::uint32_t>(info.si_syscall);
  violation.arch = info.si_arch;
  const std::uint64_t args[6] = {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9};
  for (int i = 0; i < 6; ++i) violation.args[i] = args[i];
  violation.pc = registers.rip;
  violation.sp = registers.rsp;
  violation.fp = registers.rbp;
  return true;
}
#else
namespace {
Error NotHere() { return HostError("`moat seal -- COMMAND` makes calls in another program's name, and knows how on x86-64 only", "seal it in its source (moat/seal.h)"); }
}  // namespace
Status Tracee::Supported() { return NotHere(); }
Result<user_regs_struct> Tracee::Registers() const { return NotHere(); }
Status Tracee::SetRegisters(const user_regs_struct&) const { return NotHere(); }
Result<PendingCall> Tracee::Call() const { return NotHere(); }
Status Tracee::ToNextCallStop() { return NotHere(); }
Status Tracee::PutOff() { return NotHere(); }
Result<long> Tracee::Inject(long, std::vector<std::uint64_t>) { return NotHere(); }
Status Tracee::Resume() { return NotHere(); }
bool ReadViolation(pid_t, pid_t, seal::Violation&) { return false; }
#endif

Status Tracee::Write(std::uint64_t address, const void* bytes, std::size_t size) const {
  const iovec from{const_cast<void*>(bytes), size}, to{reinterpret_cast<void*>(address), size};
  if (process_vm_writev(tid_, &from, 1, &to, 1, 0) == static_cast<ssize_t>(size)) return {};
  return SystemError("process_vm_writev", errno, "the filter");
}

std::size_t ForeignMemory::Read(std::uint64_t address, void* to, std::size_t size) {
  // Page by page: what lies before a hole is still read.
  std::size_t got = 0;
  while (got < size) {
    const std::size_t rest = 4096 - (address + got) % 4096;
    const std::size_t now = rest < size - got ? rest : size - got;
    const iovec here{static_cast<char*>(to) + got, now}, there{reinterpret_cast<void*>(address + got), now};
    if (process_vm_readv(pid_, &here, 1, &there, 1, 0) != static_cast<ssize_t>(now)) break;
    got += now;
  }
  return got;
}

ForeignObjects::ForeignObjects(pid_t pid) {
  auto maps = sys::ReadFile("/proc/" + base::Number(static_cast<std::uint64_t>(pid)) + "/maps", 16U << 20);
  for (std::size_t at = 0; maps.ok() && at < maps->size();) {
    const std::size_t end = std::min(maps->find('\n', at), maps->size());
    const std::string line = maps->substr(at, end - at);
    at = end + 1;
    unsigned long start = 0, stop = 0, offset = 0;
    char rights[5] = {};
    int path = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx %4s %lx %*s %*s %n", &start, &stop, rights, &offset, &path) < 4) continue;
    if (rights[2] == 'x') code_.push_back({start, stop, offset, path > 0 ? line.substr(static_cast<std::size_t>(path)) : ""});
  }
}

bool ForeignObjects::Find(std::uint64_t address, seal::Place& place) {
  for (const Mapping& mapping : code_) {
    if (address < mapping.start || address >= mapping.end) continue;
    place = {mapping.path.c_str(), address - mapping.start + mapping.offset, mapping.start, mapping.end};
    return true;
  }
  return false;
}

}  // namespace moat::tool
