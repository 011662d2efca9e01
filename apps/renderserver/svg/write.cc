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
#include "svg/shapes.h"
#include "svg/svg.h"

namespace svg {
namespace {

using scene::Effect;
using scene::Mask;
using scene::Node;

constexpr std::size_t kNameCharacters = 128;

bool Has(const Node& node, Effect::Type type) {
  for (const Effect& effect : node.effects) {
    if (effect.type == type) return true;
  }
  return false;
}

scene::Rect BoxOf(const Node& node) { return {0, 0, node.width, node.height}; }

std::string Box(const scene::Rect& rect) {
  return Attribute("x", rect.x) + Attribute("y", rect.y) + Attribute("width", rect.width) + Attribute("height", rect.height);
}

std::string Use(const std::string& id) { return "<use" + Attribute("xlink:href", "#" + id) + "/>"; }

class Writer {
 public:
  Writer(const scene::Scene& scene, const fig::Budget& budget)
      : scene_(scene), markup_(budget.svg_bytes), images_(budget, &markup_, &remarks_), shapes_(scene, &markup_, &images_),
        extents_(Extents(scene)), blend_(ChildrenThatBlend(scene)), backdrop_(scene, extents_, &markup_, &remarks_) {}

  fig::Outcome<std::string> Write(const Options& options);
  const std::set<std::string>& remarks() const { return remarks_; }

 private:
  // Names of a node's groups, given only where a shadow refers to them.
  struct Parts {
    std::string fills, children, strokes, silhouette;
    std::string id;  // of the whole node
  };
  // What is left to be done, the last first: a tree of any depth needs no deep stack.
  struct Step {
    enum class What : std::uint8_t { kNode, kSiblings, kAfterChildren, kEndMask, kOutline, kEndOutline };
    What what = What::kNode;
    std::uint32_t node = Node::kNone;
    bool keep = false;    // an effect around it may show what lies outside the picture
    int groups = 0;       // kSiblings: groups of masks that are open around it
    std::string text;     // kAfterChildren: what closes the groups around them; kEndMask: its name
    Parts parts;          // kAfterChildren
  };

  void Do(const Step& step);
  void DoSiblings(const Step& step);
  void BeginMask(const Step& step);
  void EndMask(const Step& step);
  void BeginOutline(const Step& step);
  void BeginNode(const Step& step);
  void AfterChildren(const Step& step);
  void Painted(std::uint32_t index, const std::string& id);

  bool LeftOut(const Step& step) const;
  bool WriteAsOne(const Node& node, const std::string& id);
  Parts NameParts(const Node& node);
  std::string OpenChildren(const std::string& name, const std::string& clip);
  void BackgroundBlur(std::uint32_t index);
  void Fills(const Node& node, const std::string& name);
  void Strokes(const Node& node, const std::string& name);
  void Shadows(std::uint32_t index, Effect::Type type, const std::string& silhouette);
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
    case Step::What::kOutline: return BeginOutline(step);
    case Step::What::kEndOutline: return markup_.Add("</g>");
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
  steps_.push_back({Step::What::kSiblings, node.next_sibling, step.keep, step.groups + (mask ? 1 : 0), "", {}});
  if (mask) {
    BeginMask(step);
  } else {
    steps_.push_back({Step::What::kNode, step.node, step.keep, 0, "", {}});
  }
}

void Writer::BeginMask(const Step& step) {
  const Node& node = scene_.nodes[step.node];
  const std::string id = markup_.NewId("m");
  markup_.BeginDefinition();
  ++open_masks_;
  std::string head = "<mask" + Attribute("id", id) + " maskUnits=\"userSpaceOnUse\"";
  head += Box(Grown(scene::Bounds(node.transform, scene::Union(extents_[step.node].full, ShapesExtent(node.clip_shapes))), 1));
  if (node.mask != Mask::kLuminance) head += Attribute("style", "mask-type:alpha");
  markup_.Add(head + ">");
  steps_.push_back({Step::What::kEndMask, step.node, true, 0, id, {}});
  const bool outline = node.mask == Mask::kOutline;
  steps_.push_back({outline ? Step::What::kOutline : Step::What::kNode, step.node, true, 0, "", {}});
}

// The areas alone, whatever they are painted with; those of the children where a node has none.
void Writer::BeginOutline(const Step& step) {
  const Node& node = scene_.nodes[step.node];
  const std::string transform = TransformValue(node.transform);
  markup_.Add("<g" + (transform.empty() ? "" : Attribute("transform", transform)) + ">");
  const std::vector<scene::Shape>& own = node.clip_shapes.empty() ? node.fills : node.clip_shapes;
  shapes_.Silhouette(own, "");
  steps_.push_back({Step::What::kEndOutline, step.node, true, 0, "", {}});
  if (!own.empty()) return;
  for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene_.nodes[child].next_sibling) {
    steps_.push_back({Step::What::kOutline, child, true, 0, "", {}});
  }
}

void Writer::EndMask(const Step& step) {
  markup_.Add("</mask>");
  markup_.EndDefinition();
  --open_masks_;
  backdrop_.OpenMask(Reference(step.text));
  markup_.Add("<g" + Attribute("mask", Reference(step.text)) + ">");
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
  const std::string id = NodeId(node);
  if (WriteAsOne(node, id)) return Painted(step.node, id);
  markup_.Add("<g" + NodeAttributes(node, id) + CompositeAttributes(node, extents_[step.node]) + ">");
  BackgroundBlur(step.node);
  Parts parts = NameParts(node);
  parts.id = id;
  Shadows(step.node, Effect::Type::kDropShadow, parts.silhouette);
  // A clip cuts its group off from what is below: children that blend with the fills need them there.
  const std::string clip = ClipMatters(node, extents_[step.node]) ? shapes_.Clip(node.clip_shapes) : "";
  const bool together = !clip.empty() && blend_[step.node];
  if (!together) Fills(node, parts.fills);
  const std::string close = node.first_child == Node::kNone ? "" : OpenChildren(parts.children, clip);
  if (together) Fills(node, parts.fills);
  backdrop_.Enter(step.node, parts.fills, clip);
  steps_.push_back({Step::What::kAfterChildren, step.node, false, 0, close, parts});
  steps_.push_back({Step::What::kSiblings, node.first_child, step.keep || !node.effects.empty(), 0, "", {}});
}

void Writer::AfterChildren(const Step& step) {
  const Node& node = scene_.nodes[step.node];
  markup_.Add(step.text);
  Strokes(node, step.parts.strokes);
  Shadows(step.node, Effect::Type::kInnerShadow, step.parts.silhouette);
  markup_.Add("</g>");
  backdrop_.Leave();
  Painted(step.node, step.parts.id);
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

// What a shadow is cast by: the node's own paint, or its children where it has none.
Writer::Parts Writer::NameParts(const Node& node) {
  Parts parts;
  if (!Has(node, Effect::Type::kDropShadow) && !Has(node, Effect::Type::kInnerShadow)) {
    if (backdrop_.active() && !node.fills.empty() && node.first_child != Node::kNone) parts.fills = markup_.NewId("p");
    return parts;
  }
  if (!node.fills.empty()) parts.silhouette = parts.fills = markup_.NewId("p");
  if (!node.strokes.empty()) parts.silhouette = parts.strokes = markup_.NewId("p");
  if (!parts.fills.empty() && !parts.strokes.empty()) {
    parts.silhouette = markup_.Define("p", "<g", ">" + Use(parts.fills) + Use(parts.strokes) + "</g>");
  }
  if (parts.silhouette.empty()) parts.silhouette = parts.children = markup_.NewId("p");
  return parts;
}

// Returns what closes the groups that were opened.
std::string Writer::OpenChildren(const std::string& name, const std::string& clip) {
  std::string close;
  for (const std::string& attribute : {name.empty() ? "" : Attribute("id", name), clip.empty() ? "" : Attribute("clip-path", clip)}) {
    if (attribute.empty()) continue;
    markup_.Add("<g" + attribute + ">");
    close += "</g>";
  }
  return close;
}

void Writer::BackgroundBlur(std::uint32_t index) {
  const Node& node = scene_.nodes[index];
  if (open_masks_ > 0) return;
  for (const Effect& effect : node.effects) {
    if (effect.type != Effect::Type::kBackgroundBlur || !(effect.radius > 0)) continue;
    backdrop_.Write(index, effect.radius, shapes_.Clip(node.clip_shapes.empty() ? node.fills : node.clip_shapes));
  }
}

void Writer::Fills(const Node& node, const std::string& name) {
  if (node.fills.empty()) return;
  if (!name.empty()) markup_.Add("<g" + Attribute("id", name) + ">");
  shapes_.Paint(node.fills, BoxOf(node));
  if (!name.empty()) markup_.Add("</g>");
}

// Outlines of strokes do not know on which side of the edge they are to be seen.
void Writer::Strokes(const Node& node, const std::string& name) {
  if (node.strokes.empty()) return;
  std::string attributes = name.empty() ? "" : Attribute("id", name);
  if (node.stroke_align == scene::StrokeAlign::kInside) {
    const std::string clip = shapes_.Clip(node.clip_shapes);
    if (!clip.empty()) attributes += Attribute("clip-path", clip);
  } else if (node.stroke_align == scene::StrokeAlign::kOutside) {
    attributes += Attribute("mask", shapes_.Outside(node.clip_shapes, Grown(ShapesExtent(node.strokes), 1)));
  }
  if (attributes.empty()) return shapes_.Paint(node.strokes, BoxOf(node));
  if (Shapes::IsOneElement(node.strokes)) return shapes_.PaintAsOne(node.strokes, attributes);
  markup_.Add("<g" + attributes + ">");
  shapes_.Paint(node.strokes, BoxOf(node));
  markup_.Add("</g>");
}

void Writer::Shadows(std::uint32_t index, Effect::Type type, const std::string& silhouette) {
  const Extent& extent = extents_[index];
  for (const Effect& effect : scene_.nodes[index].effects) {
    if (effect.type != type) continue;
    const std::string filter = ShadowFilter(effect, extent.content, extent.visible, &markup_);
    if (filter.empty()) continue;
    std::string text = "<use" + Attribute("xlink:href", "#" + silhouette) + Attribute("filter", filter);
    const std::string style = BlendStyle(effect.blend);
    if (!style.empty()) text += Attribute("style", style);
    markup_.Add(text + "/>");
  }
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
  const std::string transform = TransformValue(node.transform);
  if (!transform.empty()) text += Attribute("transform", transform);
  return text;
}

std::string Writer::CompositeAttributes(const Node& node, const Extent& extent) {
  std::string text;
  const std::string opacity = Number(node.opacity, 4);
  if (opacity != "1") text += Attribute("opacity", opacity);
  std::string style = BlendStyle(node.blend);
  if (style.empty() && node.blend == scene::BlendMode::kNormal && node.first_child != Node::kNone) style = "isolation:isolate";
  if (!style.empty()) text += Attribute("style", style);
  for (const Effect& effect : node.effects) {
    if (effect.type != Effect::Type::kLayerBlur) continue;
    const std::string filter = BlurFilter(effect.radius, extent.full, extent.visible, &markup_);
    if (!filter.empty()) text += Attribute("filter", filter);
    break;
  }
  return text;
}

// ---- remarks --------------------------------------------------------------------------------------

void Writer::NoteBlend(scene::BlendMode blend) {
  if (blend == scene::BlendMode::kLinearBurn) remarks_.insert("linear burn is written as color-burn, the nearest mode that SVG has");
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

fig::Outcome<std::string> Writer::Write(const Options& options) {
  NoteApproximations();
  const scene::Rect& region = scene_.region;
  std::string text = "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\"";
  text += Attribute("width", region.width * options.scale) + Attribute("height", region.height * options.scale);
  text += Attribute("viewBox", Number(region.x) + " " + Number(region.y) + " " + Number(region.width) + " " + Number(region.height));
  text += ">";
  if (scene_.background.a > 0) markup_.Add("<rect" + Box(region) + SolidFill(scene_.background, 1) + "/>");
  backdrop_.Enter(0, "", "");
  if (!scene_.nodes.empty()) steps_.push_back({Step::What::kSiblings, scene_.nodes[0].first_child, false, 0, "", {}});
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
