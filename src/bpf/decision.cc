#include "bpf/decision.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"

namespace moat::bpf {
namespace {

constexpr std::uint64_t kLow = 0xffffffffULL;

bool IsMasked(Compare compare) {
  return compare == Compare::kMaskedEqual || compare == Compare::kMaskedNotEqual;
}

// Is `value` a 32-bit number, or one that was sign-extended on its way here?
bool Fits32(std::uint64_t value, bool allow_negative) {
  if (value <= kLow) return true;
  return allow_negative && value >= 0xffffffff80000000ULL;
}

Error WrongCondition(const SyscallInfo& call, const std::string& text) {
  Error error = PolicyError(text);
  error.subject = std::string(call.name);
  return error;
}

std::string ArgumentName(const SyscallInfo& call, std::size_t arg) {
  const std::string_view name = call.args[arg].name;
  if (name.empty()) return "arg" + base::Number(arg);
  return "`" + std::string(name) + "`";
}

Status CheckCondition(const SyscallInfo& call, const Condition& condition) {
  const std::size_t arg = condition.arg;
  const std::string call_name(call.name);
  if (arg >= 6 || call.args[arg].kind == ArgKind::kNone) {
    return WrongCondition(call, call_name + " has no argument " + base::Number(arg) + " (it has " +
                                    base::Number(call.arg_count) + ", counted from 0)");
  }
  const ArgKind kind = call.args[arg].kind;
  const std::string name = ArgumentName(call, arg) + " of " + call_name;
  if (kind == ArgKind::kPointer) {
    return WithFix(WrongCondition(call, name + " is an address, and a filter cannot see what it "
                                               "points to"),
                   "decide on the other arguments, or on the call as a whole");
  }
  if (!Is32Bit(kind)) return {};
  if (!Fits32(condition.value, IsSigned(kind))) {
    return WrongCondition(
        call, "value " + base::Hex(condition.value) + " is too wide for " + name + ", which has 32 bits");
  }
  // A mask may come as a complement (~3), whatever the sign of the argument.
  if (IsMasked(condition.compare) && !Fits32(condition.mask, true)) {
    return WrongCondition(
        call, "mask " + base::Hex(condition.mask) + " is too wide for " + name + ", which has 32 bits");
  }
  return {};
}

Test Normalise(const Condition& condition, ArgKind kind) {
  Test test;
  test.arg = condition.arg;
  test.wide = !Is32Bit(kind);
  test.compare = condition.compare;
  const std::uint64_t all = test.wide ? ~0ULL : kLow;
  test.value = condition.value & all;
  if (!IsMasked(test.compare)) {
    // Equality reads the same with either sign: let equal tests compare equal.
    test.is_signed = IsSigned(kind) && test.compare != Compare::kEqual && test.compare != Compare::kNotEqual;
    return test;
  }
  test.mask = condition.mask & all;
  if (test.mask == all) {
    test.compare = test.compare == Compare::kMaskedEqual ? Compare::kEqual : Compare::kNotEqual;
    test.mask = 0;
  }
  return test;
}

// The answer of a test that does not depend on the argument.
std::optional<bool> Fixed(const Test& test) {
  const std::uint64_t sign = test.wide ? 1ULL << 63 : 1ULL << 31;
  const std::uint64_t all = test.wide ? ~0ULL : kLow;
  const std::uint64_t least = test.is_signed ? sign : 0;
  const std::uint64_t most = test.is_signed ? sign - 1 : all;
  switch (test.compare) {
    case Compare::kEqual:
    case Compare::kNotEqual:
      return std::nullopt;
    case Compare::kLess:
      return test.value == least ? std::optional(false) : std::nullopt;
    case Compare::kGreaterEqual:
      return test.value == least ? std::optional(true) : std::nullopt;
    case Compare::kGreater:
      return test.value == most ? std::optional(false) : std::nullopt;
    case Compare::kLessEqual:
      return test.value == most ? std::optional(true) : std::nullopt;
    case Compare::kMaskedEqual:
    case Compare::kMaskedNotEqual:
      break;
  }
  const bool equal_wanted = test.compare == Compare::kMaskedEqual;
  if ((test.value & ~test.mask) != 0) return !equal_wanted;  // a bit that the mask clears
  if (test.mask == 0) return equal_wanted;
  return std::nullopt;
}

// The tests of a rule that are worth making, or nothing when it can never hold.
std::optional<std::vector<Test>> Reduce(const Rule& rule, const SyscallInfo& call) {
  std::vector<Test> tests;
  for (const Condition& condition : rule.all_of) {
    const Test test = Normalise(condition, rule.whole_registers ? ArgKind::kUlong : call.args[condition.arg].kind);
    const std::optional<bool> fixed = Fixed(test);
    if (fixed == std::optional(false)) return std::nullopt;
    const bool repeated = std::find(tests.begin(), tests.end(), test) != tests.end();
    if (!fixed.has_value() && !repeated) tests.push_back(test);
  }
  return tests;
}

}  // namespace

Result<Decision> Decide(const SyscallInfo& call, const std::vector<const Rule*>& rules,
                        const Action& default_action) {
  for (const Rule* rule : rules) {  // first of all: unreachable rules are checked too
    if (rule->whole_registers) continue;
    for (const Condition& condition : rule->all_of) MOAT_TRY(CheckCondition(call, condition));
  }
  Decision decision;
  decision.otherwise = default_action;
  for (const Rule* rule : rules) {
    std::optional<std::vector<Test>> tests = Reduce(*rule, call);
    if (!tests.has_value()) continue;
    if (tests->empty()) {
      decision.otherwise = rule->action;
      break;
    }
    decision.arms.push_back({std::move(*tests), rule->action});
  }
  // What falls through to the same verdict needs no test; for "allow", this also keeps the
  // call in the kernel's bitmap.
  while (!decision.arms.empty() && decision.arms.back().action == decision.otherwise) {
    decision.arms.pop_back();
  }
  return decision;
}

}  // namespace moat::bpf
