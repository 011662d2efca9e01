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

// The same answers by a path that is short to analyse. When a filter is installed, the kernel
// walks it once for each number below `numbers`, until it finds a verdict or a load of something
// other than the number and the architecture; some 5 ns a step, which is most of the price of an
// installation. Runs of segments that do not lead to `allow` need no verdict there: each begins
// with such a load, and then loads the number anew from `number_offset`.
struct AnalysedSearch {
  Assembler::Label allow;
  std::uint32_t numbers = 0;
  std::uint32_t number_offset = 0;
  std::uint32_t other_offset = 0;  // of what the kernel's analysis does not know
};
Assembler::Label EmitAnalysedSearch(Assembler& assembler, const SegmentList& list, const AnalysedSearch& how);

}  // namespace moat::bpf
