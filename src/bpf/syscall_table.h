// The table of system calls: number, name, group, risk tier, typed arguments, reason.
// Data lives in spec/syscalls/*.tbl and spec/groups.toml; tools/gen_syscalls.py turns it
// into the arrays behind these functions. The ABI is a value, so that a plan for another
// machine can be compiled and tested anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace moat::bpf {

enum class Abi : std::uint8_t { kX86_64, kAarch64 };

// How the kernel reads an argument. Width decides how a condition compares: 32-bit kinds
// compare the low word only, because the kernel ignores the upper half.
enum class ArgKind : std::uint8_t {
  kNone,     // the call does not have this argument
  kInt,      // signed 32 bits
  kUint,     // unsigned 32 bits (unsigned int, mode_t, uid_t, clockid_t ...)
  kFd,       // a file descriptor: signed 32 bits
  kLong,     // signed 64 bits
  kUlong,    // unsigned 64 bits (unsigned long, size_t, off_t flags words)
  kPointer,  // an address; its target cannot be examined by a filter
};

constexpr bool Is32Bit(ArgKind kind) {
  return kind == ArgKind::kInt || kind == ArgKind::kUint || kind == ArgKind::kFd;
}
constexpr bool IsSigned(ArgKind kind) {
  return kind == ArgKind::kInt || kind == ArgKind::kFd || kind == ArgKind::kLong;
}

struct Arg {
  ArgKind kind = ArgKind::kNone;
  std::string_view name;  // as in the man page: "fd", "flags", "cmd"
};

// Risk tiers: 0 any process, sealed ones too; 1 ordinary, needs a jail's namespaces;
// 2 wants an argument filter or a limit; 3 denied unless granted with a reason; 4 never.
struct SyscallInfo {
  std::uint32_t number = 0;
  std::string_view name;
  std::string_view group;  // exactly one group: groups partition the table
  std::uint8_t tier = 4;
  std::uint8_t arg_count = 0;
  Arg args[6];
  std::string_view since;   // first kernel release, "" when older than 3.0
  std::string_view reason;  // one line: what it is for, or why it is dangerous
};

// All calls of the ABI, by ascending number. Static storage.
std::span<const SyscallInfo> Syscalls(Abi abi);
const SyscallInfo* FindSyscall(Abi abi, std::string_view name);
const SyscallInfo* FindSyscall(Abi abi, std::uint32_t number);

struct GroupInfo {
  std::string_view name;  // without the "@"
  std::string_view doc;
  std::uint8_t max_tier = 0;
};
std::span<const GroupInfo> Groups();
const GroupInfo* FindGroup(std::string_view name);

// AUDIT_ARCH_* of linux/audit.h.
std::uint32_t AuditArch(Abi abi);
std::string_view AbiName(Abi abi);  // "x86_64", "aarch64"
std::optional<Abi> AbiFromName(std::string_view name);
Abi NativeAbi();

}  // namespace moat::bpf
