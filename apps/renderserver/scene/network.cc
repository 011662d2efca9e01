#include "scene/network.h"

#include <algorithm>

#include "scene/numbers.h"
#include "scene/pen.h"

namespace scene {
namespace {

using fig::Fault;
using fig::FaultClass;

struct Segment {
  std::uint32_t from = 0, to = 0;
  Point from_tangent, to_tangent;
};

// Reads a network blob: counts are checked against what is left before anything is reserved.
class NetworkReader {
 public:
  NetworkReader(fig::Bytes bytes, const std::string& where, Point scale) : bytes_(bytes), where_(where), scale_(scale) {}

  fig::Outcome<std::vector<NetworkRegion>> Read(std::uint64_t most_commands) {
    FIG_TRY(ReadHead());
    std::vector<NetworkRegion> regions;
    std::uint64_t commands = 0;
    for (std::uint32_t i = 0; i < regions_; ++i) {
      regions.push_back(FIG_TRY(ReadRegion()));
      commands += regions.back().outline.commands.size();
      if (commands > most_commands) {
        return Fault{FaultClass::kBudget, "more than " + std::to_string(most_commands) + " path commands", at_, where_};
      }
    }
    return regions;
  }

 private:
  fig::Outcome<std::uint32_t> Word() {
    if (bytes_.size - at_ < 4) return BadBlob(where_, at_, "vector network ends early");
    const std::uint32_t value = fig::Load32(bytes_, at_);
    at_ += 4;
    return value;
  }
  fig::Outcome<Point> Place() {
    if (bytes_.size - at_ < 8) return BadBlob(where_, at_, "vector network ends early");
    const float x = LoadFloat(bytes_, at_), y = LoadFloat(bytes_, at_ + 4);
    const Point place{x * scale_.x, y * scale_.y};
    if (!IsSane(place.x) || !IsSane(place.y)) {
      return BadBlob(where_, at_, "vector network has a coordinate that is no place");
    }
    at_ += 8;
    return place;
  }
  fig::Outcome<std::uint32_t> Count(std::size_t bytes_each) {
    const std::uint32_t count = FIG_TRY(Word());
    if (count > (bytes_.size - std::min(at_, bytes_.size)) / bytes_each) {
      return BadBlob(where_, at_ - 4, "vector network is too short for its " + std::to_string(count) + " parts");
    }
    return count;
  }
  fig::Outcome<fig::Nothing> ReadHead() {
    constexpr std::size_t kVertexBytes = 12, kSegmentBytes = 28, kLeastRegionBytes = 8;
    const std::uint32_t vertices = FIG_TRY(Count(kVertexBytes));
    const std::uint32_t segments = FIG_TRY(Count(kSegmentBytes));
    regions_ = FIG_TRY(Count(kLeastRegionBytes));
    for (std::uint32_t i = 0; i < vertices; ++i) {
      FIG_TRY(Word());
      vertices_.push_back(FIG_TRY(Place()));
    }
    for (std::uint32_t i = 0; i < segments; ++i) {
      Segment segment;
      FIG_TRY(Word());
      segment.from = FIG_TRY(Word());
      segment.from_tangent = FIG_TRY(Place());
      segment.to = FIG_TRY(Word());
      segment.to_tangent = FIG_TRY(Place());
      if (segment.from >= vertices || segment.to >= vertices) return BadBlob(where_, at_, "segment of a vertex that is not there");
      segments_.push_back(segment);
    }
    return fig::Nothing{};
  }
  fig::Outcome<NetworkRegion> ReadRegion() {
    NetworkRegion region;
    const std::uint32_t flags = FIG_TRY(Word());
    region.winding = (flags & 1) != 0 ? Winding::kNonZero : Winding::kOdd;
    region.style_id = flags >> 1;
    const std::uint32_t loops = FIG_TRY(Count(4));
    Pen pen;
    for (std::uint32_t i = 0; i < loops; ++i) FIG_TRY(ReadLoop(pen));
    region.outline = pen.Take();
    return region;
  }
  // Segments may lie against the direction of the loop.
  fig::Outcome<fig::Nothing> ReadLoop(Pen& pen) {
    const std::uint32_t count = FIG_TRY(Count(4));
    std::vector<Segment> loop;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t index = FIG_TRY(Word());
      if (index >= segments_.size()) return BadBlob(where_, at_ - 4, "loop of a segment that is not there");
      loop.push_back(segments_[index]);
    }
    if (loop.empty()) return fig::Nothing{};
    const auto turn = [](Segment& segment) {
      std::swap(segment.from, segment.to);
      std::swap(segment.from_tangent, segment.to_tangent);
    };
    if (loop.size() > 1 && loop[0].to != loop[1].from && loop[0].to != loop[1].to) turn(loop[0]);
    const Point start = vertices_[loop[0].from];
    pen.Move(start.x, start.y);
    std::uint32_t here = loop[0].from;
    for (Segment& segment : loop) {
      if (segment.from != here) turn(segment);
      const Point from = vertices_[segment.from], to = vertices_[segment.to];
      pen.Cubic({from.x + segment.from_tangent.x, from.y + segment.from_tangent.y},
                {to.x + segment.to_tangent.x, to.y + segment.to_tangent.y}, to);
      here = segment.to;
    }
    pen.Close();
    return fig::Nothing{};
  }

  fig::Bytes bytes_;
  const std::string& where_;
  Point scale_;
  std::size_t at_ = 0;
  std::uint32_t regions_ = 0;
  std::vector<Point> vertices_;
  std::vector<Segment> segments_;
};

}  // namespace

fig::Outcome<std::vector<NetworkRegion>> ParseNetwork(fig::Bytes blob, const std::string& where, Point scale,
                                                      const fig::Budget& budget) {
  return NetworkReader(blob, where, scale).Read(budget.path_commands);
}

}  // namespace scene
