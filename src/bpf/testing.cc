#include "bpf/testing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace moat::bpf::testing {
namespace {

std::uint64_t RandomValue(Rng& rng, ArgKind kind) {
  static constexpr std::uint64_t kEdges[] = {
      0, 1, 2, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff,
  };
  static constexpr std::uint64_t kWideEdges[] = {
      0x100000000, 0x1ffffffff, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000,
      ~0ULL,       ~1ULL,       0xffffffff7fffffff, 0xffffffff80000000, 0x8000000000000001,
  };
  std::uint64_t value = Below(rng, 20);
  if (OneIn(rng, 3)) value = kEdges[Below(rng, std::size(kEdges))];
  if (OneIn(rng, 6)) value = rng() & 0xffffffff;
  if (!Is32Bit(kind)) {
    if (OneIn(rng, 3)) value = kWideEdges[Below(rng, std::size(kWideEdges))];
    if (OneIn(rng, 6)) value = rng();
  } else if (IsSigned(kind) && OneIn(rng, 6)) {
    value = static_cast<std::uint64_t>(-static_cast<std::int64_t>(Below(rng, 200)) - 1);
  }
  return value;
}

std::uint64_t RandomMask(Rng& rng, ArgKind kind) {
  switch (Below(rng, 5)) {
    case 0:
      return 1ULL << Below(rng, Is32Bit(kind) ? 32 : 64);
    case 1:
      return ~(Below(rng, 16));  // a complement: also for 32-bit arguments
    case 2:
      return Is32Bit(kind) ? 0xffff0000 : 0xffff0000ULL << 32;
    case 3:
      return Is32Bit(kind) ? rng() & 0xffffffff : rng();
    default:
      return Below(rng, 64);
  }
}

}  // namespace

std::size_t Below(Rng& rng, std::size_t bound) { return static_cast<std::size_t>(rng() % bound); }
bool OneIn(Rng& rng, std::size_t n) { return Below(rng, n) == 0; }

seccomp_data MakeData(Abi abi, std::uint32_t number, std::vector<std::uint64_t> args) {
  seccomp_data data{};
  data.arch = AuditArch(abi);
  data.nr = static_cast<int>(number);
  data.instruction_pointer = 0x7f0012345678;
  std::copy(args.begin(), args.end(), std::begin(data.args));
  return data;
}

seccomp_data MakeForeign(std::uint32_t arch, std::uint32_t number) {
  seccomp_data data = MakeData(Abi::kX86_64, number);
  data.arch = arch;
  return data;
}

Rule MakeRule(Abi abi, std::string_view call, std::vector<Condition> all_of, Action action) {
  const SyscallInfo* info = FindSyscall(abi, call);
  EXPECT_NE(info, nullptr) << call;
  Rule rule;
  rule.number = info == nullptr ? 0 : info->number;
  rule.all_of = std::move(all_of);
  rule.action = action;
  return rule;
}

FilterSpec MakeSpec(Abi abi, std::vector<Rule> rules, Action default_action) {
  FilterSpec spec;
  spec.abi = abi;
  spec.rules = std::move(rules);
  spec.default_action = default_action;
  spec.unknown_action = Errno(38);
  spec.foreign_action = KillProcess();
  return spec;
}

bool HasUsableArgument(const SyscallInfo& call) {
  return std::any_of(std::begin(call.args), std::end(call.args), [](const Arg& arg) {
    return arg.kind != ArgKind::kNone && arg.kind != ArgKind::kPointer;
  });
}

Action RandomAction(Rng& rng) {
  switch (Below(rng, 6)) {
    case 0:
    case 1:
      return Allow();
    case 2:
      return Errno(static_cast<int>(Below(rng, 40)));
    case 3:
      return KillProcess();
    case 4:
      return {ActionKind::kTrap, static_cast<std::uint16_t>(Below(rng, 3))};
    default:
      return {OneIn(rng, 2) ? ActionKind::kNotify : ActionKind::kLog, 0};
  }
}

Condition RandomCondition(Rng& rng, const SyscallInfo& call) {
  Condition condition;
  ArgKind kind = ArgKind::kNone;
  while (kind == ArgKind::kNone || kind == ArgKind::kPointer) {
    condition.arg = static_cast<std::uint8_t>(Below(rng, 6));
    kind = call.args[condition.arg].kind;
  }
  condition.compare = static_cast<Compare>(Below(rng, 8));
  condition.value = RandomValue(rng, kind);
  const bool masked =
      condition.compare == Compare::kMaskedEqual || condition.compare == Compare::kMaskedNotEqual;
  if (masked) {
    condition.mask = RandomMask(rng, kind);
    // Mostly something that can match; else the filter has little to tell apart.
    if (!OneIn(rng, 4)) condition.value &= condition.mask;
  }
  return condition;
}

Rule RandomRule(Rng& rng, Abi abi) {
  const auto calls = Syscalls(abi);
  // Half of the rules meet on a few calls, so that their order matters.
  const std::size_t index = OneIn(rng, 2) ? Below(rng, calls.size()) : Below(rng, 8) * calls.size() / 8;
  const SyscallInfo& call = calls[index];
  Rule rule;
  rule.number = call.number;
  rule.action = RandomAction(rng);
  if (HasUsableArgument(call)) {
    const std::size_t count = Below(rng, 4);
    for (std::size_t i = 0; i < count; ++i) rule.all_of.push_back(RandomCondition(rng, call));
    if (count == 1 && OneIn(rng, 2)) rule.all_of[0].compare = Compare::kEqual;  // switches
  }
  return rule;
}

FilterSpec RandomSpec(Rng& rng, Abi abi, std::size_t rules) {
  FilterSpec spec = MakeSpec(abi, {}, RandomAction(rng));
  spec.unknown_action = OneIn(rng, 4) ? spec.default_action : Errno(38);
  spec.foreign_action = OneIn(rng, 4) ? Errno(1) : KillProcess();
  for (std::size_t i = 0; i < rules; ++i) spec.rules.push_back(RandomRule(rng, abi));
  spec.favour = OneIn(rng, 2) ? Favour::kCalls : Favour::kInstall;
  return spec;
}

std::set<std::uint32_t> InterestingNumbers(Abi abi) {
  std::set<std::uint32_t> numbers = {0, 0xffffffff};
  const auto around = [&](std::uint32_t number) {
    for (std::uint32_t delta : {0U, 1U, 2U, ~0U, ~1U}) numbers.insert(number + delta);
  };
  for (const SyscallInfo& call : Syscalls(abi)) {
    around(call.number);
    numbers.insert(call.number | 0x40000000);
    numbers.insert(call.number | 0x80000000);
  }
  for (std::uint32_t bit = 0; bit < 32; ++bit) around(1U << bit);
  around(0xc0000000);
  return numbers;
}

std::vector<std::uint64_t> InterestingValues(const Condition& condition) {
  std::set<std::uint64_t> values = {0, 1, ~0ULL, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 63};
  for (const std::uint64_t base : {condition.value, condition.value & condition.mask,
                                   condition.value ^ condition.mask, condition.value | ~condition.mask}) {
    for (const std::uint64_t value : {base, base - 1, base + 1, ~base}) values.insert(value);
  }
  const std::uint64_t value = condition.value;
  for (int bit = 0; bit < 64; bit += 7) values.insert(value ^ (1ULL << bit));
  for (const std::uint64_t upper : {0ULL, 1ULL, 0x80000000ULL, 0xffffffffULL}) {
    for (const std::uint64_t low : {value, value - 1, value + 1}) {
      values.insert((low & 0xffffffff) | upper << 32);
    }
  }
  return {values.begin(), values.end()};
}

std::vector<seccomp_data> InterestingInputs(Rng& rng, const FilterSpec& spec, std::uint32_t number) {
  std::array<std::vector<std::uint64_t>, 6> matching;
  for (auto& values : matching) values = {0, 3};
  std::vector<Condition> conditions;
  for (const Rule& rule : spec.rules) {
    if (rule.number != number) continue;
    for (const Condition& condition : rule.all_of) {
      conditions.push_back(condition);
      matching[condition.arg].push_back(condition.value);
    }
  }
  std::vector<seccomp_data> inputs = {MakeData(spec.abi, number)};
  for (const Condition& condition : conditions) {
    for (const std::uint64_t value : InterestingValues(condition)) {
      seccomp_data data = MakeData(spec.abi, number);
      for (std::size_t i = 0; i < 6; ++i) data.args[i] = matching[i][Below(rng, matching[i].size())];
      data.args[condition.arg] = value;
      inputs.push_back(data);
    }
  }
  return inputs;
}

}  // namespace moat::bpf::testing
