#include "bpf/search.h"

#include <cstddef>
#include <numeric>
#include <span>

namespace moat::bpf {
namespace {

using Segments = std::span<const Segment>;

// Neighbours on both sides of a single number that go the same way: one equality does.
bool IsIsland(Segments segments) {
  return segments.size() == 3 && segments[0].target == segments[2].target &&
         segments[2].first - segments[1].first == 1;
}

// Where to cut so that both sides weigh about the same. Depth stays within log2(total
// weight) plus a little, because each cut is at worst one segment off the middle.
std::size_t Cut(Segments segments) {
  const std::uint64_t total =
      std::accumulate(segments.begin(), segments.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const Segment& s) { return sum + s.weight; });
  std::size_t best = 1;
  std::uint64_t best_gap = ~0ULL;
  std::uint64_t left = 0;
  for (std::size_t cut = 1; cut < segments.size(); ++cut) {
    left += segments[cut - 1].weight;
    const std::uint64_t gap = 2 * left > total ? 2 * left - total : total - 2 * left;
    if (gap < best_gap) {
      best = cut;
      best_gap = gap;
    }
  }
  return best;
}

Assembler::Label Emit(Assembler& assembler, Segments segments) {
  if (segments.size() == 1) return segments[0].target;
  if (IsIsland(segments)) {
    return assembler.Branch(BPF_JEQ, segments[1].first, segments[1].target, segments[0].target);
  }
  const std::size_t cut = Cut(segments);
  const Assembler::Label upper = Emit(assembler, segments.subspan(cut));
  const Assembler::Label lower = Emit(assembler, segments.first(cut));
  return assembler.Branch(BPF_JGE, segments[cut].first, upper, lower);
}

}  // namespace

void SegmentList::From(std::uint32_t first, Assembler::Label target, std::uint32_t weight) {
  if (!segments_.empty() && segments_.back().first == first) segments_.pop_back();
  if (!segments_.empty() && segments_.back().target == target) return;
  segments_.push_back({first, target, weight});
}

Assembler::Label EmitSearch(Assembler& assembler, const SegmentList& list) {
  return Emit(assembler, list.segments());
}

}  // namespace moat::bpf
