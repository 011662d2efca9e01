#include "svg/backdrop.h"

#include "svg/effects.h"
#include "svg/number.h"
#include "svg/paint.h"

namespace svg {
namespace {

// A blur over a blur over a blur doubles what a viewer has to draw each time: this many elements more
// than there are, and no more.
constexpr std::uint64_t kMostRepeated = 100'000;

std::string Group(const std::string& name, const std::string& value) {
  return value.empty() ? "<g>" : "<g" + Attribute(name, value) + ">";
}

std::string Use(const std::string& id) { return "<use" + Attribute("xlink:href", "#" + id) + "/>"; }

}  // namespace

Backdrop::Backdrop(const scene::Scene& scene, const std::vector<Extent>& extents, Markup* markup, std::set<std::string>* remarks)
    : scene_(scene), extents_(extents), markup_(markup), remarks_(remarks), left_(kMostRepeated) {
  for (const scene::Node& node : scene.nodes) {
    for (const scene::Effect& effect : node.effects) {
      active_ = active_ || effect.type == scene::Effect::Type::kBackgroundBlur;
    }
  }
  if (active_) costs_.resize(scene.nodes.size());
}

void Backdrop::Enter(std::uint32_t node, Grouping group, const std::string& fills, const std::string& clip) {
  if (active_) levels_.push_back({node, group, fills, clip, 0, {}});
}

void Backdrop::Leave() {
  if (active_) levels_.pop_back();
}

void Backdrop::Painted(std::uint32_t node, const std::string& id) {
  if (!active_ || levels_.empty()) return;
  const scene::Node& painted = scene_.nodes[node];
  costs_[node] += 1 + painted.fills.size() + painted.strokes.size();
  costs_[levels_.back().node] += costs_[node];
  levels_.back().painted.push_back({node, id, levels_.back().masks});
}

void Backdrop::OpenMask() {
  if (active_) ++levels_.back().masks;
}

// What of one level reaches into that part of the picture. Behind a mask, what came before it is not
// in the same group.
std::string Backdrop::UsesOf(const Level& level, const scene::Rect& reach, std::uint64_t* cost) const {
  std::string text;
  if (!level.fills.empty() && level.masks == 0) {
    text += Use(level.fills);
    *cost += scene_.nodes[level.node].fills.size();
  }
  text += Group("clip-path", level.clip);
  for (const Element& element : level.painted) {
    const Extent& extent = extents_[element.node];
    if (element.masks != level.masks) continue;
    if (extent.certain && scene::Intersection(scene::Bounds(extent.to_root, extent.full), reach).empty()) continue;
    *cost += costs_[element.node];
    text += Use(element.id);
  }
  return text;
}

std::size_t Backdrop::FirstLevel() const {
  std::size_t first = levels_.size() - 1;
  while (first > 0 && levels_[first].group == Grouping::kOpen && levels_[first].masks == 0) --first;
  return first;
}

void Backdrop::Write(std::uint32_t node, double radius, const std::string& area) {
  const Extent& extent = extents_[node];
  scene::Matrix from_root;
  if (!active_ || area.empty() || !scene::Invert(extent.to_root, &from_root)) return;
  const scene::Node& glass = scene_.nodes[node];
  const scene::Rect shown = ShapesExtent(glass.clip_shapes.empty() ? glass.fills : glass.clip_shapes);
  const std::string filter = BlurFilter(radius, shown, extent.visible, markup_);
  if (filter.empty()) return;
  const scene::Rect reach = scene::Bounds(extent.to_root, Grown(shown, BlurReach(radius)));
  const std::size_t first = FirstLevel();
  std::uint64_t cost = 0;
  std::string content, close;
  if (scene_.background.a > 0 && first == 0 && levels_[0].masks == 0) {
    content += "<rect" + BoxAttributes(scene_.region) + SolidFill(scene_.background, 1) + "/>";
  }
  content += Group("transform", TransformValue(extents_[levels_[first].node].to_root));
  for (std::size_t i = first; i < levels_.size(); ++i) {
    if (i > first) content += Group("transform", TransformValue(scene_.nodes[levels_[i].node].transform));
    content += UsesOf(levels_[i], reach, &cost);
    close += "</g></g>";
  }
  if (cost > left_) {
    remarks_->insert("a background blur over too much of the picture is left out");
    return;
  }
  left_ -= cost;
  costs_[node] += cost;
  markup_->Add("<g" + Attribute("clip-path", area) + "><g" + Attribute("filter", filter) + ">");
  markup_->Add(Group("transform", TransformValue(from_root)) + content + close + "</g></g></g>");
}

}  // namespace svg
