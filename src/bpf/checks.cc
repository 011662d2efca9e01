#include "bpf/checks.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/flat_map.h"
#include "bpf/search.h"

namespace moat::bpf {
namespace {

using Label = Assembler::Label;

constexpr std::uint32_t kAll = 0xffffffffU;
constexpr std::uint32_t kSign = 0x80000000U;
constexpr std::uint32_t kNoWord = ~0U;

// Where the next check begins. When it begins by loading a word that the accumulator still
// holds, `loaded` is the place behind that load.
struct Entry {
  Label label;
  std::uint32_t word = kNoWord;  // offset in seccomp_data
  Label loaded;
};

Label Pick(const Entry& entry, std::uint32_t word_in_accumulator) {
  return word_in_accumulator != kNoWord && entry.word == word_in_accumulator ? entry.loaded : entry.label;
}

// Both ABIs are little-endian: the low word comes first.
std::uint32_t LowWord(std::uint8_t arg) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8U * arg);
}
std::uint32_t HighWord(std::uint8_t arg) { return LowWord(arg) + 4; }

std::uint32_t Low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t High(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

class CheckEmitter {
 public:
  explicit CheckEmitter(Assembler& assembler) : out_(assembler) {}

  Label Emit(const Decision& decision) {
    Entry next = Leaf(decision.otherwise);
    std::span<const Arm> arms(decision.arms);
    while (!arms.empty()) {
      const std::size_t run = SwitchLength(arms);
      if (run >= 2) {
        next = Switch(arms.last(run), next);
        arms = arms.first(arms.size() - run);
      } else {
        next = All(Rest{arms.back().tests, arms.back().action}, next);
        arms = arms.first(arms.size() - 1);
      }
    }
    return next.label;
  }

 private:
  Entry Leaf(const Action& action) { return {out_.Return(action.ToRet()), kNoWord, {}}; }

  Entry Loaded(std::uint32_t word, Label behind) { return {out_.Load(word, behind), word, behind}; }

  static bool AsksForOneValue(const Test& test) { return !test.wide && test.compare == Compare::kEqual; }

  // How many arms at the end begin with "argument == value" of one 32-bit argument: their order
  // only matters between equal values, so that they can be searched instead of tried.
  static std::size_t SwitchLength(std::span<const Arm> arms) {
    const std::uint8_t arg = arms.back().tests.front().arg;
    const auto differs = std::find_if(arms.rbegin(), arms.rend(), [&](const Arm& arm) {
      return !AsksForOneValue(arm.tests.front()) || arm.tests.front().arg != arg;
    });
    return static_cast<std::size_t>(differs - arms.rbegin());
  }

  Entry Switch(std::span<const Arm> arms, const Entry& no) {
    const std::uint32_t word = LowWord(arms.front().tests.front().arg);
    base::FlatMap<std::uint32_t, std::vector<Rest>> by_value;
    for (const Arm& arm : arms) {
      by_value[Low(arm.tests.front().value)].push_back({std::span(arm.tests).subspan(1), arm.action});
    }
    std::vector<std::pair<const std::vector<Rest>*, Label>> emitted;
    const auto target = [&](const std::vector<Rest>& rests) {  // values that ask the same share it
      const auto same = std::find_if(emitted.begin(), emitted.end(), [&](const auto& known) { return Same(*known.first, rests); });
      if (same != emitted.end()) return same->second;
      return emitted.emplace_back(&rests, Pick(FirstOf(rests, no), word)).second;
    };
    SegmentList list;
    const Label otherwise = Pick(no, word);
    list.From(0, otherwise);
    for (const auto& [value, rests] : by_value) {
      list.From(value, target(rests));
      if (value != kAll) list.From(value + 1, otherwise);
    }
    return Loaded(word, EmitSearch(out_, list));
  }

  // What an arm still asks once its first test has held.
  struct Rest {
    std::span<const Test> tests;
    Action action;
  };

  static bool Same(const std::vector<Rest>& left, const std::vector<Rest>& right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const Rest& one, const Rest& other) {
      return one.action == other.action &&
             std::equal(one.tests.begin(), one.tests.end(), other.tests.begin(), other.tests.end());
    });
  }

  Entry FirstOf(const std::vector<Rest>& rests, const Entry& no) {
    Entry next = no;
    for (auto rest = rests.rbegin(); rest != rests.rend(); ++rest) next = All(*rest, next);
    return next;
  }

  Entry All(const Rest& rest, const Entry& no) {
    Entry next = Leaf(rest.action);
    for (auto test = rest.tests.rbegin(); test != rest.tests.rend(); ++test) {
      next = One(*test, next, no);
    }
    return next;
  }

  Entry One(const Test& test, const Entry& yes, const Entry& no) {
    switch (test.compare) {
      case Compare::kEqual:
        return Equal(test, ~0ULL, yes, no);
      case Compare::kNotEqual:
        return Equal(test, ~0ULL, no, yes);
      case Compare::kMaskedEqual:
        return Equal(test, test.mask, yes, no);
      case Compare::kMaskedNotEqual:
        return Equal(test, test.mask, no, yes);
      case Compare::kGreater:
        return Ordered(test, BPF_JGT, yes, no);
      case Compare::kLessEqual:
        return Ordered(test, BPF_JGT, no, yes);
      case Compare::kGreaterEqual:
        return Ordered(test, BPF_JGE, yes, no);
      case Compare::kLess:
        break;
    }
    return Ordered(test, BPF_JGE, no, yes);
  }

  Entry Equal(const Test& test, std::uint64_t mask, const Entry& yes, const Entry& no) {
    const Entry low = EqualWord(LowWord(test.arg), Low(mask), Low(test.value), yes, no);
    if (!test.wide) return low;
    return EqualWord(HighWord(test.arg), High(mask), High(test.value), low, no);
  }

  // (word & mask) == value. Forms that leave the word in the accumulator come first.
  Entry EqualWord(std::uint32_t word, std::uint32_t mask, std::uint32_t value, const Entry& yes,
                  const Entry& no) {
    if (mask == 0) return yes;
    const bool one_bit = (mask & (mask - 1)) == 0;
    if (mask == kAll) {
      return Loaded(word, out_.Branch(BPF_JEQ, value, Pick(yes, word), Pick(no, word)));
    }
    if (value == 0) {
      return Loaded(word, out_.Branch(BPF_JSET, mask, Pick(no, word), Pick(yes, word)));
    }
    if (one_bit && value == mask) {
      return Loaded(word, out_.Branch(BPF_JSET, mask, Pick(yes, word), Pick(no, word)));
    }
    const Label compare = out_.Branch(BPF_JEQ, value, yes.label, no.label);
    return Loaded(word, out_.Alu(BPF_AND, mask, compare));
  }

  Entry Ordered(const Test& test, int operation, const Entry& yes, const Entry& no) {
    const bool flip_low = test.is_signed && !test.wide;
    // Every low word is >= 0: then the high words being equal decides it.
    const bool low_is_sure = test.wide && operation == BPF_JGE && Low(test.value) == 0;
    const Entry low =
        low_is_sure ? yes : OrderedWord(LowWord(test.arg), operation, Low(test.value), flip_low, yes, no, no);
    if (!test.wide) return low;
    return OrderedWord(HighWord(test.arg), BPF_JGT, High(test.value), test.is_signed, yes, low, no);
  }

  // word > value (or >=): yes; equal, when that is not a yes: `equal`; less: no. With the
  // sign bit flipped on both sides, unsigned order is signed order.
  Entry OrderedWord(std::uint32_t word, int operation, std::uint32_t value, bool flip, const Entry& yes,
                    const Entry& equal, const Entry& no) {
    const std::uint32_t kept = flip ? kNoWord : word;
    const std::uint32_t limit = flip ? value ^ kSign : value;
    const Label no_label = Pick(no, kept);
    Label rest = Pick(equal, kept);
    // Not above 0 means 0; and when equality means no, nothing is left to ask.
    if (!(rest == no_label) && limit != 0) rest = out_.Branch(BPF_JEQ, limit, rest, no_label);
    const Label first = out_.Branch(operation, limit, Pick(yes, kept), rest);
    return Loaded(word, flip ? out_.Alu(BPF_XOR, kSign, first) : first);
  }

  Assembler& out_;
};

}  // namespace

Label EmitDecision(Assembler& assembler, const Decision& decision) {
  return CheckEmitter(assembler).Emit(decision);
}

}  // namespace moat::bpf
