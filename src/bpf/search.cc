#include "bpf/search.h"

#include <algorithm>
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

// Loads that tell the kernel's analysis nothing, before a search of its own.
Assembler::Label EmitRun(Assembler& assembler, Segments run, const AnalysedSearch& how) {
  constexpr std::size_t kWorthIt = 3;
  const Assembler::Label search = Emit(assembler, run);
  if (run.size() < kWorthIt) return search;
  return assembler.Load(how.other_offset, assembler.Load(how.number_offset, search));
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

Assembler::Label EmitAnalysedSearch(Assembler& assembler, const SegmentList& list, const AnalysedSearch& how) {
  const Segments all = list.segments();
  std::vector<Segment> runs;
  for (std::size_t end = all.size(); end > 0;) {  // backwards, as the assembler goes
    std::size_t start = end - 1;
    while (start > 0 && all[start].target != how.allow && all[start - 1].target != how.allow) --start;
    const std::uint32_t beyond = end < all.size() ? std::min(all[end].first, how.numbers) : how.numbers;
    const std::uint32_t first = std::min(all[start].first, how.numbers);
    // Never nothing: what no kernel has a call for still has its place in the search.
    const std::uint32_t weight = beyond > first ? beyond - first : 1;
    runs.push_back({all[start].first, EmitRun(assembler, all.subspan(start, end - start), how), weight});
    end = start;
  }
  std::reverse(runs.begin(), runs.end());
  return Emit(assembler, runs);
}

}  // namespace moat::bpf
