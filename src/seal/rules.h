// Rules by name, in the order in which they decide. Pure.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "bpf/filter.h"

namespace moat::seal {

class Rules {
 public:
  using Conditions = std::vector<bpf::Condition>;

  explicit Rules(bpf::FilterSpec& spec) : spec_(spec) {}

  void Allow(std::string_view call, Conditions all_of = {}) { Add(call, std::move(all_of), bpf::Allow()); }
  void Refuse(std::string_view call, int error_number, Conditions all_of = {}) {
    Add(call, std::move(all_of), bpf::Errno(error_number));
  }
  void AllowEach(std::initializer_list<std::string_view> calls, const Conditions& all_of = {}) {
    for (const auto call : calls) Allow(call, all_of);
  }
  void RefuseEach(std::initializer_list<std::string_view> calls, int error_number, const Conditions& all_of = {}) {
    for (const auto call : calls) Refuse(call, error_number, all_of);
  }

  static bpf::Condition Equals(int arg, std::uint64_t value) {
    return {static_cast<std::uint8_t>(arg), bpf::Compare::kEqual, value, ~0ULL};
  }
  static bpf::Condition Differs(int arg, std::uint64_t value) {
    return {static_cast<std::uint8_t>(arg), bpf::Compare::kNotEqual, value, ~0ULL};
  }
  // (arg & mask) == value
  static bpf::Condition Masked(int arg, std::uint64_t mask, std::uint64_t value) {
    return {static_cast<std::uint8_t>(arg), bpf::Compare::kMaskedEqual, value, mask};
  }

 private:
  void Add(std::string_view call, Conditions all_of, bpf::Action action) {
    const bpf::SyscallInfo* info = bpf::FindSyscall(spec_.abi, call);
    if (info == nullptr) return;  // an ABI without it (open on aarch64): nothing to decide
    bpf::Rule rule;
    rule.number = info->number;
    rule.all_of = std::move(all_of);
    rule.action = action;
    rule.id = static_cast<std::uint32_t>(spec_.rules.size()) + 1;
    spec_.rules.push_back(std::move(rule));
  }

  bpf::FilterSpec& spec_;
};

}  // namespace moat::seal
