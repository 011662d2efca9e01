// What a filter does with one system call, reduced: conditions checked against the table
// and normalised, rules that can never decide dropped. Two calls with equal decisions share
// their code. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/filter.h"
#include "moat/result.h"

namespace moat::bpf {

// A condition whose width and signedness are settled. Values and masks hold no bit above
// the width; the masked comparisons are left only where the mask matters.
struct Test {
  std::uint8_t arg = 0;
  bool wide = false;       // 64 bits
  bool is_signed = false;  // ordering only
  Compare compare = Compare::kEqual;
  std::uint64_t value = 0;
  std::uint64_t mask = 0;

  bool operator==(const Test&) const = default;
};

struct Arm {
  std::vector<Test> tests;  // all must hold; never empty
  Action action;

  bool operator==(const Arm&) const = default;
};

struct Decision {
  std::vector<Arm> arms;  // the first that holds decides
  Action otherwise;

  bool operator==(const Decision&) const = default;
};

// `rules` are those of `call`, in order. kPolicy: see Compile().
Result<Decision> Decide(const SyscallInfo& call, const std::vector<const Rule*>& rules,
                        const Action& default_action);

}  // namespace moat::bpf
