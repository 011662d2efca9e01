#include "bpf/syscall_table.h"

#include <linux/audit.h>

#include <algorithm>

#include "bpf/syscall_table_data.h"

namespace moat::bpf {
namespace {

const SyscallTable& TableOf(Abi abi) { return abi == Abi::kAarch64 ? kAarch64Table : kX86_64Table; }

}  // namespace

std::span<const SyscallInfo> Syscalls(Abi abi) { return TableOf(abi).calls; }

const SyscallInfo* FindSyscall(Abi abi, std::string_view name) {
  const SyscallTable& table = TableOf(abi);
  const auto found = std::lower_bound(
      table.by_name.begin(), table.by_name.end(), name,
      [&](std::uint16_t index, std::string_view wanted) { return table.calls[index].name < wanted; });
  if (found == table.by_name.end() || table.calls[*found].name != name) return nullptr;
  return &table.calls[*found];
}

const SyscallInfo* FindSyscall(Abi abi, std::uint32_t number) {
  const auto calls = Syscalls(abi);
  const auto found =
      std::lower_bound(calls.begin(), calls.end(), number,
                       [](const SyscallInfo& call, std::uint32_t wanted) { return call.number < wanted; });
  return found == calls.end() || found->number != number ? nullptr : &*found;
}

std::span<const GroupInfo> Groups() { return kGroups; }

const GroupInfo* FindGroup(std::string_view name) {
  const auto found = std::find_if(kGroups.begin(), kGroups.end(),
                                  [&](const GroupInfo& group) { return group.name == name; });
  return found == kGroups.end() ? nullptr : &*found;
}

std::uint32_t AuditArch(Abi abi) { return abi == Abi::kAarch64 ? AUDIT_ARCH_AARCH64 : AUDIT_ARCH_X86_64; }

std::string_view AbiName(Abi abi) { return abi == Abi::kAarch64 ? "aarch64" : "x86_64"; }

std::optional<Abi> AbiFromName(std::string_view name) {
  for (const Abi abi : {Abi::kX86_64, Abi::kAarch64}) {
    if (AbiName(abi) == name) return abi;
  }
  return std::nullopt;
}

Abi NativeAbi() {
#if defined(__x86_64__) && defined(__LP64__)
  return Abi::kX86_64;
#elif defined(__aarch64__) && defined(__LP64__)
  return Abi::kAarch64;
#else
#error "no syscall table for this machine"
#endif
}

}  // namespace moat::bpf
