// The grammar of filter.h, read line by line, slowly, and sharing no code with the
// compiler: what both agree on is what was meant.
#include "bpf/filter.h"

namespace moat::bpf {
namespace {

template <typename T>
bool Holds(Compare compare, T argument, T value, T mask) {
  switch (compare) {
    case Compare::kEqual:
      return argument == value;
    case Compare::kNotEqual:
      return argument != value;
    case Compare::kLess:
      return argument < value;
    case Compare::kLessEqual:
      return argument <= value;
    case Compare::kGreater:
      return argument > value;
    case Compare::kGreaterEqual:
      return argument >= value;
    case Compare::kMaskedEqual:
      return (argument & mask) == value;
    case Compare::kMaskedNotEqual:
      return (argument & mask) != value;
  }
  return false;
}

template <typename T>
bool HoldsAs(const Condition& condition, std::uint64_t argument) {
  return Holds(condition.compare, static_cast<T>(argument), static_cast<T>(condition.value),
               static_cast<T>(condition.mask));
}

bool Holds(const Condition& condition, ArgKind kind, std::uint64_t argument) {
  switch (kind) {
    case ArgKind::kInt:
    case ArgKind::kFd:
      return HoldsAs<std::int32_t>(condition, argument);
    case ArgKind::kUint:
      return HoldsAs<std::uint32_t>(condition, argument);
    case ArgKind::kLong:
      return HoldsAs<std::int64_t>(condition, argument);
    case ArgKind::kUlong:
      return HoldsAs<std::uint64_t>(condition, argument);
    case ArgKind::kNone:
    case ArgKind::kPointer:
      break;  // Compile() refuses these
  }
  return false;
}

bool AllHold(const Rule& rule, const SyscallInfo& call, const seccomp_data& data) {
  for (const Condition& condition : rule.all_of) {
    if (condition.arg >= 6) return false;
    const ArgKind kind = rule.whole_registers ? ArgKind::kUlong : call.args[condition.arg].kind;
    if (!Holds(condition, kind, data.args[condition.arg])) return false;
  }
  return true;
}

}  // namespace

const Rule* Deciding(const FilterSpec& spec, const seccomp_data& data) {
  if (data.arch != AuditArch(spec.abi)) return nullptr;
  const auto number = static_cast<std::uint32_t>(data.nr);
  const SyscallInfo* call = FindSyscall(spec.abi, number);
  if (call == nullptr) return nullptr;
  for (const Rule& rule : spec.rules) {
    if (rule.number == number && AllHold(rule, *call, data)) return &rule;
  }
  return nullptr;
}

Action Interpret(const FilterSpec& spec, const seccomp_data& data) {
  if (data.arch != AuditArch(spec.abi)) return spec.foreign_action;
  const auto number = static_cast<std::uint32_t>(data.nr);
  if ((number & 0x40000000U) != 0 && number != 0xffffffffU) return spec.foreign_action;
  if (FindSyscall(spec.abi, number) == nullptr) return spec.unknown_action;
  const Rule* rule = Deciding(spec, data);
  return rule != nullptr ? rule->action : spec.default_action;
}

}  // namespace moat::bpf
