// Emits a program from its end to its beginning. Every jump then aims at code that exists
// already, so its distance is known when it is made, and one that is too far for the 8 bits
// of a conditional jump gets a stepping stone on the spot: there is nothing to relax later
// and no input that can overflow an offset. Pure.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/flat_map.h"

namespace moat::bpf {

class Assembler {
 public:
  // An instruction, counted from the end of the program.
  struct Label {
    std::size_t index = 0;
    bool operator==(const Label&) const = default;
  };

  // RET. One per distinct value, as long as nobody is too far away.
  Label Return(std::uint32_t value);

  // A conditional jump; `operation` is BPF_JEQ, BPF_JGE, BPF_JGT or BPF_JSET.
  Label Branch(int operation, std::uint32_t k, Label if_true, Label if_false);

  // Instructions that fall through to `next`: LD W ABS, and A = A op k.
  Label Load(std::uint32_t offset, Label next);
  Label Alu(int operation, std::uint32_t k, Label next);

  std::size_t size() const { return reversed_.size(); }
  // Ends the program so that it begins at `start`.
  std::vector<sock_filter> Finish(Label start);

 private:
  Label Push(int code, std::uint32_t k, std::uint8_t jt = 0, std::uint8_t jf = 0);
  Label FallThrough(int code, std::uint32_t k, Label next);
  // A label within reach of the next conditional jump that leads to `target`: itself, a
  // copy (of a RET), or a JA.
  Label Reach(Label target);

  std::vector<sock_filter> reversed_;
  base::FlatMap<std::uint32_t, Label> returns_;
  base::FlatMap<std::size_t, Label> nearest_;  // the latest stepping stone of a far target
};

}  // namespace moat::bpf
