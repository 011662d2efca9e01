// A balanced search over ranges of a 32-bit number that is in the accumulator. Used for the
// system call number and for lists of argument values. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/assembler.h"

namespace moat::bpf {

// The numbers from `first` up to the next segment's.
struct Segment {
  std::uint32_t first = 0;
  Assembler::Label target;
  std::uint32_t weight = 1;  // how much its depth matters
};

// In ascending order and without two neighbours of one target; the first begins at 0.
class SegmentList {
 public:
  // From `first` on, until said otherwise, `target`.
  void From(std::uint32_t first, Assembler::Label target, std::uint32_t weight = 1);
  const std::vector<Segment>& segments() const { return segments_; }

 private:
  std::vector<Segment> segments_;
};

Assembler::Label EmitSearch(Assembler& assembler, const SegmentList& list);

}  // namespace moat::bpf
