// Rules -> seccomp program, and back to words. Pure: nothing here calls the kernel.
//
// Grammar of a filter, in the order in which it decides:
//   1. an architecture other than the spec's own: foreign_action (kill-process);
//   2. x32 numbers (bit 30 set, but not -1): foreign_action;
//   3. the rules of the call, in the order given; the first whose conditions all hold
//      decides; a rule without conditions always holds;
//   4. a call in the table that no rule decided: default_action;
//   5. a number that is not in the table: unknown_action (ENOSYS, so that libc falls back).
//
// Conditions compare as wide as the kernel reads: 32-bit argument kinds look at the low
// word only; the upper half never matters. Ordering is signed for signed kinds.
// seccomp(2), Documentation/userspace-api/seccomp_filter.rst.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bpf/syscall_table.h"
#include "moat/result.h"

namespace moat::bpf {

enum class ActionKind : std::uint8_t { kAllow, kErrno, kKillProcess, kTrap, kNotify, kLog };

struct Action {
  ActionKind kind = ActionKind::kKillProcess;
  std::uint16_t data = 0;  // errno for kErrno, SECCOMP_RET_DATA for kTrap

  bool operator==(const Action&) const = default;
  std::uint32_t ToRet() const;       // SECCOMP_RET_*
  std::string ToString() const;      // "allow", "errno EPERM", "kill-process" ...
};
Action Allow();
Action Errno(int error_number);
Action KillProcess();

enum class Compare : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual,
                                    kMaskedEqual, kMaskedNotEqual };

struct Condition {
  std::uint8_t arg = 0;  // 0..5
  Compare compare = Compare::kEqual;
  std::uint64_t value = 0;
  std::uint64_t mask = ~0ULL;  // for the masked comparisons: (arg & mask) compared with value

  bool operator==(const Condition&) const = default;
};

struct Rule {
  std::uint32_t number = 0;  // system call
  std::vector<Condition> all_of;
  Action action;
  std::uint32_t id = 0;  // the caller's own: index of a policy line
  // The conditions read whole 64-bit registers, also those that the call does not use: how a
  // launcher marks the one exec that is its own (ADR 1). Never set for rules of a policy.
  bool whole_registers = false;
};

// What a program is made short for.
enum class Favour : std::uint8_t {
  kCalls,    // those with argument checks: a filter that is installed once and asked often
  kInstall,  // the kernel's analysis when it is installed: a filter for a short life
};

struct FilterSpec {
  Abi abi = Abi::kX86_64;
  std::vector<Rule> rules;
  Action default_action;
  Action unknown_action;
  Action foreign_action;
  Favour favour = Favour::kCalls;
};

struct Program {
  std::vector<sock_filter> code;
  Abi abi = Abi::kX86_64;
};

// Balanced dispatch over number ranges; verdicts shared as common leaves; the path of an
// unconditional allow never loads an argument, which keeps it in the kernel's action bitmap.
// Fails (kPolicy) on a condition on an argument that the call does not have, on a pointer,
// on a value wider than the argument (sign-extended is fine for signed ones), on a number
// outside the table, on an errno over 4095, and on a program over BPF_MAXINSNS.
Result<Program> Compile(const FilterSpec& spec);

// The rule that decides, or null where one of the three other actions does.
const Rule* Deciding(const FilterSpec& spec, const seccomp_data& data);
// The direct reading of the grammar above; the oracle of the tests.
Action Interpret(const FilterSpec& spec, const seccomp_data& data);

struct Evaluation {
  std::uint32_t ret = 0;        // SECCOMP_RET_*
  std::uint32_t steps = 0;      // instructions executed
  bool read_arguments = false;  // loaded args or instruction_pointer: not in the bitmap
};
// Runs a classic BPF program the way the kernel's checked interpreter does. Fails (kBug) on
// anything that the kernel's seccomp_check_filter would refuse, or that reads outside data.
Result<Evaluation> Evaluate(std::span<const sock_filter> code, const seccomp_data& data);

// The two halves of Evaluate(), for those who run one program many times.
Status CheckProgram(std::span<const sock_filter> code);
Evaluation RunChecked(std::span<const sock_filter> code, const seccomp_data& data);

// One instruction a line, jump targets resolved, syscall names and verdicts in words.
std::string Disassemble(std::span<const sock_filter> code, Abi abi);

}  // namespace moat::bpf
