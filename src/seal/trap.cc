#include "seal/trap.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <ucontext.h>
#if defined(__GLIBC__)
#include <dlfcn.h>
#include <link.h>
#endif

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "seal/record.h"
#include "seal/spec.h"
#include "uapi/syscall.h"

// One system call from an address that is known beforehand: (number, six arguments).
extern "C" {
long moat_seal_repeat(long number, const std::uint64_t* args);
extern const char moat_seal_repeated[];  // where the kernel sees the caller: behind the instruction
}
#if defined(__x86_64__)
asm(R"(
  .pushsection .text
  .globl moat_seal_repeat
  .hidden moat_seal_repeat
  .type moat_seal_repeat, @function
moat_seal_repeat:
  mov %rdi, %rax
  mov %rsi, %r11
  mov (%r11), %rdi
  mov 8(%r11), %rsi
  mov 16(%r11), %rdx
  mov 24(%r11), %r10
  mov 32(%r11), %r8
  mov 40(%r11), %r9
  syscall
  .globl moat_seal_repeated
  .hidden moat_seal_repeated
moat_seal_repeated:
  ret
  .size moat_seal_repeat, . - moat_seal_repeat
  .popsection
)");
#else
asm(R"(
  .pushsection .text
  .globl moat_seal_repeat
  .hidden moat_seal_repeat
  .type moat_seal_repeat, %function
moat_seal_repeat:
  mov x8, x0
  mov x9, x1
  ldp x0, x1, [x9]
  ldp x2, x3, [x9, 16]
  ldp x4, x5, [x9, 32]
  svc 0
  .globl moat_seal_repeated
  .hidden moat_seal_repeated
moat_seal_repeated:
  ret
  .size moat_seal_repeat, . - moat_seal_repeat
  .popsection
)");
#endif

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
#define MOAT_HAS_FIND_OBJECT 1
#endif

// The linker's: the program's own code.
extern "C" {
extern const char __executable_start[] __attribute__((weak, visibility("hidden")));
extern const char etext[] __attribute__((weak, visibility("hidden")));
}

namespace moat::seal {
namespace {

using uapi::Syscall;

constexpr int kSysSeccomp = 1;  // si_code
constexpr std::uint64_t kPage = 4096;

// The kernel looks whether a page can be read before it says that 99 is no way to change a
// signal mask; nothing is changed.
bool CanRead(std::uint64_t address) {
  return Syscall(__NR_rt_sigprocmask, 99, static_cast<uapi::Word>(address & ~7ULL), nullptr, 8UL) == -EINVAL;
}

class OwnMemory final : public Memory {
 public:
  // Reads on past the end of objects, on purpose: a sanitizer would object.
  __attribute__((no_sanitize("address", "thread"))) std::size_t Read(std::uint64_t address, void* to, std::size_t size) override {
    std::size_t got = 0;
    while (got < size) {
      const std::uint64_t at = address + got;
      if (at < kPage || !CanRead(at)) break;
      const std::size_t rest = kPage - at % kPage;
      const std::size_t now = rest < size - got ? rest : size - got;
      const auto* from = reinterpret_cast<const volatile char*>(at);
      for (std::size_t i = 0; i < now; ++i) static_cast<char*>(to)[got + i] = from[i];
      got += now;
    }
    return got;
  }
};

class OwnObjects final : public Objects {
 public:
  bool Find(std::uint64_t address, Place& place) override {
#if defined(MOAT_HAS_FIND_OBJECT)
    // Made for unwinding in signal handlers: no lock.
    dl_find_object found;
    if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return false;
    place.start = reinterpret_cast<std::uint64_t>(found.dlfo_map_start);
    place.end = reinterpret_cast<std::uint64_t>(found.dlfo_map_end);
    if (found.dlfo_link_map != nullptr) {
      place.object = found.dlfo_link_map->l_name;
      place.offset = address - found.dlfo_link_map->l_addr;
    }
    return true;
#else
    const auto start = reinterpret_cast<std::uint64_t>(__executable_start);
    const auto end = reinterpret_cast<std::uint64_t>(etext);
    if (start == 0 || address < start || address >= end) return false;
    place.object = "";
    // As its symbol table counts: from its start, unless it is linked for one address (ET_EXEC).
    place.offset = __executable_start[16] == 2 ? address : address - start;
    place.start = start;
    place.end = end;
    return true;
#endif
  }
};

struct Registers {
  Violation violation;
  std::uint64_t* result = nullptr;
};

Registers ReadRegisters(const siginfo_t& info, void* context) {
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  Registers registers;
  Violation& violation = registers.violation;
  violation.number = static_cast<std::uint32_t>(info.si_syscall);
  violation.arch = info.si_arch;
#if defined(__x86_64__)
  constexpr int kOrder[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
  for (int i = 0; i < 6; ++i) violation.args[i] = static_cast<std::uint64_t>(machine.gregs[kOrder[i]]);
  violation.pc = static_cast<std::uint64_t>(machine.gregs[REG_RIP]);
  violation.sp = static_cast<std::uint64_t>(machine.gregs[REG_RSP]);
  violation.fp = static_cast<std::uint64_t>(machine.gregs[REG_RBP]);
  registers.result = reinterpret_cast<std::uint64_t*>(&machine.gregs[REG_RAX]);
#else
  for (int i = 0; i < 6; ++i) violation.args[i] = machine.regs[i];
  violation.pc = machine.pc;
  violation.sp = machine.sp;
  violation.fp = machine.regs[29];
  registers.result = reinterpret_cast<std::uint64_t*>(&machine.regs[0]);
#endif
  return registers;
}

void Write(Violation& violation, std::string_view mode, unsigned data) {
  if (data == kNoRecord) return;
  violation.mode = mode;
  violation.pid = Syscall(__NR_getpid);
  violation.tid = Syscall(__NR_gettid);
  char line[kRecordSize];
  OwnMemory memory;
  OwnObjects objects;
  const std::size_t size = FormatRecord(violation, memory, objects, line);
  // One write: records of several threads do not mix, and a pipe takes it whole.
  Syscall(__NR_write, static_cast<int>(data), line, size);
}

}  // namespace

void OnTrap(int, siginfo_t* info, void* context) {
  if (info->si_code != kSysSeccomp) Syscall(__NR_exit_group, 128 + SIGSYS);  // somebody's kill(2)
  Registers registers = ReadRegisters(*info, context);
  Write(registers.violation, "trap", static_cast<unsigned>(info->si_errno));
  // SIGSYS is blocked while its handler runs: the same call again, and the kernel ends us by
  // the signal itself. Nothing more has to be allowed for that, nor can it be prevented.
  for (;;) moat_seal_repeat(registers.violation.number, registers.violation.args);
}

namespace {

void OnReport(int, siginfo_t* info, void* context) {
  const int kept = errno;
  if (info->si_code != kSysSeccomp) return;
  Registers registers = ReadRegisters(*info, context);
  Write(registers.violation, "report", static_cast<unsigned>(info->si_errno));
  *registers.result = static_cast<std::uint64_t>(moat_seal_repeat(registers.violation.number, registers.violation.args));
  errno = kept;
}

}  // namespace

Status InstallHandler(SealViolation mode) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = mode == SealViolation::kReport ? OnReport : OnTrap;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  if (sigaction(SIGSYS, &action, nullptr) != 0) return SystemError("rt_sigaction", errno, "SIGSYS");
  // Blocked, it would kill instead of running the handler.
  sigset_t sigsys;
  sigemptyset(&sigsys);
  sigaddset(&sigsys, SIGSYS);
  if (sigprocmask(SIG_UNBLOCK, &sigsys, nullptr) != 0) return SystemError("rt_sigprocmask", errno, "SIGSYS");
  return {};
}

std::vector<sock_filter> LetHandlerThrough(const std::vector<sock_filter>& code) {
  const auto place = reinterpret_cast<std::uint64_t>(moat_seal_repeated);
  const auto load = [](std::size_t offset) {
    return sock_filter{BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)};
  };
  constexpr std::size_t kPlace = offsetof(seccomp_data, instruction_pointer);
  std::vector<sock_filter> whole = {
      load(kPlace),
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, static_cast<std::uint32_t>(place)},
      load(kPlace + 4),
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, static_cast<std::uint32_t>(place >> 32)},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  whole.insert(whole.end(), code.begin(), code.end());
  return whole;
}

}  // namespace moat::seal
