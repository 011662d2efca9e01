#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "svg/backdrop.h"
#include "svg/effects.h"
#include "svg/extent.h"
#include "svg/groups.h"
#include "svg/images.h"
#include "svg/markup.h"
#include "svg/number.h"
#include "svg/paint.h"
#include "svg/shadows.h"
#include "svg/shapes.h"
#include "svg/svg.h"

namespace svg {
namespace {

using scene::Effect;
using scene::Mask;
using scene::Node;

constexpr std::size_t kNameCharacters = 128;

scene::Rect BoxOf(const Node& node) { return {0, 0, node.width, node.height}; }

class Writer {
 public:
  Writer(const scene::Scene& scene, const fig::Budget& budget)
      : scene_(scene), markup_(budget.svg_bytes), images_(budget, &markup_, &remarks_), shapes_(scene, &markup_, &images_),
        shadows_(&markup_, &shapes_), extents_(Extents(scene)), blend_(ChildrenThatBlend(scene)),
        backdrop_(scene, extents_, &markup_, &remarks_) {}

  fig::Outcome<std::string> Write(const Options& options);
  const std::set<std::string>& remarks() const { return remarks_; }

 private:
  // What is left to be done, the last first: a tree of any depth needs no deep stack.
  struct Step {
    enum class What : std::uint8_t { kNode, kSiblings, kAfterChildren, kEndMask };
    What what = What::kNode;
    std::uint32_t node = Node::kNone;
    bool keep = false;     // an effect around it may show what lies outside the picture
    int groups = 0;        // kSiblings: groups of masks that are open around it
    std::string name;      // kAfterChildren: of the whole node; kEndMask: of the mask
    std::string children;  // kAfterChildren: what closes the groups around the children
    std::string whole;     // kAfterChildren: what closes the groups around everything
  };
  void Push(Step step) { steps_.push_back(std::move(step)); }

  void Do(const Step& step);
  void DoSiblings(const Step& step);
  void BeginMask(const Step& step);
  void EndMask(const Step& step);
  void BeginNode(const Step& step);
  void BeginContent(const Step& step, Step after);
  void AfterChildren(const Step& step);

  bool LeftOut(const Step& step) const;
  bool WriteAsOne(const Node& node, const std::string& id);
  std::string OpenWhole(std::uint32_t index, std::string* id);
  void Painted(std::uint32_t index, const std::string& id);
  void BackgroundBlur(std::uint32_t index);
  std::string Fills(std::uint32_t index);
  void Strokes(const Node& node);
  std::string NodeId(const Node& node);
  std::string NodeAttributes(const Node& node, const std::string& id);
  std::string CompositeAttributes(const Node& node, const Extent& extent);
  void NoteApproximations();
  void NoteBlend(scene::BlendMode blend);

  const scene::Scene& scene_;
  std::set<std::string> remarks_;
  Markup markup_;
  Images images_;
  Shapes shapes_;
  Shadows shadows_;
  std::vector<Extent> extents_;
  std::vector<bool> blend_;
  Backdrop backdrop_;
  std::vector<Step> steps_;
  int open_masks_ = 0;  // what is written is within so many
  std::map<fig::Guid, std::uint32_t> copies_;  // of a node, in instances
};

// ---- the tree -------------------------------------------------------------------------------------

void Writer::Do(const Step& step) {
  switch (step.what) {
    case Step::What::kNode: return BeginNode(step);
    case Step::What::kSiblings: return DoSiblings(step);
    case Step::What::kAfterChildren: return AfterChildren(step);
    case Step::What::kEndMask: return EndMask(step);
  }
}

// One child and, below it on the stack, the rest of them. A mask opens a group around that rest.
void Writer::DoSiblings(const Step& step) {
  if (step.node == Node::kNone) {
    for (int i = 0; i < step.groups; ++i) markup_.Add("</g>");
    return;
  }
  const Node& node = scene_.nodes[step.node];
  const bool mask = node.mask != Mask::kNone;
  Push({Step::What::kSiblings, node.next_sibling, step.keep, step.groups + (mask ? 1 : 0), "", "", ""});
  if (mask) {
    BeginMask(step);
  } else {
    Push({Step::What::kNode, step.node, step.keep, 0, "", "", ""});
  }
}

void Writer::BeginMask(const Step& step) {
  const Node& node = scene_.nodes[step.node];
  const std::string id = markup_.NewId("m");
  markup_.BeginDefinition();
  ++open_masks_;
  std::string head = "<mask" + Attribute("id", id) + " maskUnits=\"userSpaceOnUse\"";
  head += BoxAttributes(Grown(scene::Bounds(node.transform, scene::Union(extents_[step.node].full, ShapesExtent(node.clip_shapes))), 1));
  if (node.mask != Mask::kLuminance) head += Attribute("style", "mask-type:alpha");
  markup_.Add(head + ">");
  Push({Step::What::kEndMask, step.node, true, 0, id, "", ""});
  if (node.mask == Mask::kOutline && !node.clip_shapes.empty()) {  // the area alone, whatever it is painted with
    markup_.Add("<g" + TransformAttribute("transform", node.transform) + ">");
    shapes_.Silhouette(node.clip_shapes);
    markup_.Add("</g>");
  } else {
    Push({Step::What::kNode, step.node, true, 0, "", "", ""});
  }
}

void Writer::EndMask(const Step& step) {
  markup_.Add("</mask>");
  markup_.EndDefinition();
  --open_masks_;
  backdrop_.OpenMask();
  markup_.Add("<g" + Attribute("mask", Reference(step.name)) + ">");
}

bool Writer::LeftOut(const Step& step) const {
  const Extent& extent = extents_[step.node];
  if (!extent.certain) return false;
  if (extent.full.empty()) return true;
  return !step.keep && scene::Intersection(extent.full, extent.visible).empty();
}

void Writer::BeginNode(const Step& step) {
  const Node& node = scene_.nodes[step.node];
  if (LeftOut(step)) return;
  Step after{Step::What::kAfterChildren, step.node, false, 0, NodeId(node), "", ""};
  if (WriteAsOne(node, after.name)) return Painted(step.node, after.name);
  after.whole = OpenWhole(step.node, &after.name);
  if (HasEffect(node, Effect::Type::kDropShadow)) {
    const std::string content = markup_.NewId("p");
    shadows_.Drop(node, extents_[step.node], content);
    markup_.Add("<g" + Attribute("id", content) + (blend_[step.node] ? Attribute("style", "isolation:isolate") : "") + ">");
    after.whole.insert(0, "</g>");
  }
  BeginContent(step, std::move(after));
}

void Writer::BeginContent(const Step& step, Step after) {
  const Node& node = scene_.nodes[step.node];
  const bool children = node.first_child != Node::kNone;
  // A clip cuts its group off from what is below: children that blend with the fills need them there.
  const std::string clip = ClipMatters(node, extents_[step.node]) ? shapes_.Clip(node.clip_shapes) : "";
  const bool together = !clip.empty() && blend_[step.node];
  if (together) markup_.Add("<g" + Attribute("clip-path", clip) + ">");
  const std::string fills = Fills(step.node);
  shadows_.Inner(node, extents_[step.node]);
  if (!together && !clip.empty()) markup_.Add("<g" + Attribute("clip-path", clip) + ">");
  if (!clip.empty()) after.children = "</g>";
  const auto grouping = IsIsolated(node) ? Backdrop::Grouping::kIsolated : Backdrop::Grouping::kOpen;
  backdrop_.Enter(step.node, grouping, fills, clip);
  Push(std::move(after));
  const bool hidden = node.clips && node.clip_shapes.empty();  // clipped to nothing
  if (children && !hidden) Push({Step::What::kSiblings, node.first_child, step.keep || !node.effects.empty(), 0, "", "", ""});
}

void Writer::AfterChildren(const Step& step) {
  markup_.Add(step.children);
  Strokes(scene_.nodes[step.node]);
  markup_.Add(step.whole);
  backdrop_.Leave();
  Painted(step.node, step.name);
}

// What is in a mask cannot be seen through anything.
void Writer::Painted(std::uint32_t index, const std::string& id) {
  if (open_masks_ == 0) backdrop_.Painted(index, id);
}

// ---- one node -------------------------------------------------------------------------------------

// A node that is one path needs no group around it.
bool Writer::WriteAsOne(const Node& node, const std::string& id) {
  if (node.first_child != Node::kNone || !node.effects.empty()) return false;
  const bool fill = !node.fills.empty();
  if (fill != node.strokes.empty()) return false;
  if (!fill && node.stroke_align != scene::StrokeAlign::kCenter) return false;
  const std::vector<scene::Shape>& shapes = fill ? node.fills : node.strokes;
  if (!Shapes::IsOneElement(shapes)) return false;
  shapes_.PaintAsOne(shapes, NodeAttributes(node, id) + CompositeAttributes(node, {}));
  return true;
}

// The node's group. What it blurs of the background is not subject to its own opacity or mode: then
// both are in a group, and `id` becomes the name of that. Returns what closes all.
std::string Writer::OpenWhole(std::uint32_t index, std::string* id) {
  const Node& node = scene_.nodes[index];
  const std::string group = "<g" + NodeAttributes(node, *id) + CompositeAttributes(node, extents_[index]) + ">";
  const bool apart = HasEffect(node, Effect::Type::kBackgroundBlur) && IsGroup(node);
  if (!apart) {
    markup_.Add(group);
    BackgroundBlur(index);
    return "</g>";
  }
  *id = markup_.NewId("p");
  markup_.Add("<g" + Attribute("id", *id) + "><g" + TransformAttribute("transform", node.transform) + ">");
  BackgroundBlur(index);
  markup_.Add("</g>" + group);
  return "</g></g>";
}

void Writer::BackgroundBlur(std::uint32_t index) {
  const Node& node = scene_.nodes[index];
  double radius = 0;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kBackgroundBlur) radius = std::max(radius, effect.radius);
  }
  if (open_masks_ > 0 || !(radius > 0)) return;
  backdrop_.Write(index, radius, shapes_.Clip(node.clip_shapes.empty() ? node.fills : node.clip_shapes));
}

// Returns the name of the group around them, which only background blurs ask for.
std::string Writer::Fills(std::uint32_t index) {
  const Node& node = scene_.nodes[index];
  if (node.fills.empty()) return "";
  const bool named = backdrop_.active() && node.first_child != Node::kNone;
  const std::string name = named ? markup_.NewId("p") : "";
  if (named) markup_.Add("<g" + Attribute("id", name) + ">");
  shapes_.Paint(node.fills, BoxOf(node));
  if (named) markup_.Add("</g>");
  return name;
}

// Outlines of strokes do not know on which side of the edge they are to be seen.
void Writer::Strokes(const Node& node) {
  if (node.strokes.empty()) return;
  std::string attributes;
  if (node.stroke_align == scene::StrokeAlign::kInside) {
    const std::string clip = shapes_.Clip(node.clip_shapes);
    if (!clip.empty()) attributes = Attribute("clip-path", clip);
  } else if (node.stroke_align == scene::StrokeAlign::kOutside) {
    attributes = Attribute("mask", shapes_.Outside(node.clip_shapes, Grown(ShapesExtent(node.strokes), 1)));
  }
  if (attributes.empty()) return shapes_.Paint(node.strokes, BoxOf(node));
  if (Shapes::IsOneElement(node.strokes)) return shapes_.PaintAsOne(node.strokes, attributes);
  markup_.Add("<g" + attributes + ">");
  shapes_.Paint(node.strokes, BoxOf(node));
  markup_.Add("</g>");
}

// ---- attributes -----------------------------------------------------------------------------------

std::string Writer::NodeId(const Node& node) {
  std::string id = "n" + std::to_string(node.guid.session) + "-" + std::to_string(node.guid.local);
  const std::uint32_t copy = ++copies_[node.guid];
  if (copy > 1) id += "-" + std::to_string(copy);
  return id;
}

std::string Writer::NodeAttributes(const Node& node, const std::string& id) {
  std::string text = Attribute("id", id);
  const std::string name = Escaped(node.name, kNameCharacters);
  if (!name.empty()) text += Attribute("data-name", name);
  return text + TransformAttribute("transform", node.transform);
}

std::string Writer::CompositeAttributes(const Node& node, const Extent& extent) {
  std::string text = OpacityAttribute("opacity", node.opacity);
  const std::string style = BlendStyle(node.blend);
  if (!style.empty()) text += Attribute("style", style);
  double radius = 0;
  for (const Effect& effect : node.effects) {
    if (effect.type == Effect::Type::kLayerBlur) radius = std::max(radius, effect.radius);
  }
  const std::string filter = radius > 0 ? BlurFilter(radius, extent.full, extent.visible, &markup_) : "";
  if (!filter.empty()) text += Attribute("filter", filter);
  return text;
}

// ---- remarks --------------------------------------------------------------------------------------

void Writer::NoteBlend(scene::BlendMode blend) {
  if (blend == scene::BlendMode::kLinearBurn) remarks_.insert("linear burn is written as multiply, the nearest mode that SVG has");
  if (blend == scene::BlendMode::kLinearDodge) remarks_.insert("linear dodge is written as plus-lighter, and screen for viewers that lack it");
}

void Writer::NoteApproximations() {
  for (const Node& node : scene_.nodes) {
    NoteBlend(node.blend);
    for (const Effect& effect : node.effects) NoteBlend(effect.blend);
  }
  for (const scene::PaintList& list : scene_.paints) {
    for (const scene::Paint& paint : list) {
      NoteBlend(paint.blend);
      if (paint.type == scene::PaintType::kGradientAngular) remarks_.insert("angular gradients are written as wedges");
      if (paint.type == scene::PaintType::kGradientDiamond) remarks_.insert("diamond gradients are written as four linear ones");
    }
  }
}

// ---- the whole ------------------------------------------------------------------------------------

// The same whole pixels as a PNG of that scale has: what they show.
scene::Rect Shown(const scene::Rect& region, const Options& options) {
  const double width = scene::WholePixels(region.width, options.scale, options.rounding);
  const double height = scene::WholePixels(region.height, options.scale, options.rounding);
  return {region.x, region.y, width / options.scale, height / options.scale};
}

std::string OutermostElement(const scene::Rect& shown, double scale) {
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"";
  text += Attribute("width", shown.width * scale) + Attribute("height", shown.height * scale);
  return text + Attribute("viewBox", Number(shown.x) + " " + Number(shown.y) + " " + Number(shown.width) + " " + Number(shown.height)) + ">";
}

fig::Outcome<std::string> Writer::Write(const Options& options) {
  if (!(std::isfinite(options.scale) && options.scale > 0)) {
    return fig::Fault{fig::FaultClass::kGeometry, "a scale that is no number above 0", fig::Fault::kNowhere, ""};
  }
  NoteApproximations();
  const scene::Rect shown = Shown(scene_.region, options);
  std::string text = OutermostElement(shown, options.scale);
  if (scene_.background.a > 0) markup_.Add("<rect" + BoxAttributes(shown) + SolidFill(scene_.background, 1) + "/>");
  backdrop_.Enter(0, Backdrop::Grouping::kIsolated, "", "");
  if (!scene_.nodes.empty()) Push({Step::What::kSiblings, scene_.nodes[0].first_child, false, 0, "", "", ""});
  while (!steps_.empty() && !markup_.over() && !images_.fault()) {
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    Do(step);
  }
  if (images_.fault()) return *images_.fault();
  if (markup_.over()) return fig::Fault{fig::FaultClass::kBudget, "the SVG is longer than allowed", fig::Fault::kNowhere, "svg"};
  if (!markup_.definitions().empty()) text += "<defs>" + markup_.definitions() + "</defs>";
  text += markup_.body();
  return text + "</svg>\n";
}

}  // namespace

fig::Outcome<std::string> Write(const scene::Scene& scene, const Options& options, const fig::Budget& budget,
                                std::vector<std::string>* remarks) {
  Writer writer(scene, budget);
  auto text = writer.Write(options);
  if (remarks != nullptr) remarks->insert(remarks->end(), writer.remarks().begin(), writer.remarks().end());
  return text;
}

}  // namespace svg
