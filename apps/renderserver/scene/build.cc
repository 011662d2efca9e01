#include "scene/build.h"

#include <algorithm>
#include <charconv>
#include <new>
#include <optional>
#include <stdexcept>

#include "scene/bounds.h"
#include "scene/expand.h"
#include "scene/numbers.h"
#include "scene/thumbnail.h"
#include "scene/tree.h"

namespace scene {
namespace {

using fig::Fault;
using fig::FaultClass;
using fig::NodeChange;
using fig::NodeType;
using fig::Nothing;

// Version 15 came with another way to make thumbnails, which shows.
constexpr std::uint32_t kLastOldThumbnails = 14;

Fault NotFound(std::string detail) { return {FaultClass::kNotFound, std::move(detail), Fault::kNowhere, ""}; }

template <typename Number>
std::optional<Number> Parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Guid> ParseGuid(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto session = Parse<std::uint32_t>(text.substr(0, colon)), local = Parse<std::uint32_t>(text.substr(colon + 1));
  if (!session || !local) return std::nullopt;
  return Guid{*session, *local};
}

// In paint order, parents before children.
std::vector<std::uint32_t> Walk(const Tree& tree, std::uint32_t from) {
  std::vector<std::uint32_t> order, stack = {from};
  while (!stack.empty()) {
    const std::uint32_t at = stack.back();
    stack.pop_back();
    order.push_back(at);
    const Tree::Children children = tree.Of(at);
    for (std::size_t i = children.size(); i-- > 0;) stack.push_back(children.first[i]);
  }
  return order;
}

// Of a deck, in the order in which they are shown.
std::vector<std::uint32_t> SlidesOf(const fig::Document& document, const Tree& tree, std::uint32_t page) {
  std::vector<std::uint32_t> slides;
  if (document.kind != fig::FileKind::kDeck) return slides;
  for (const std::uint32_t node : Walk(tree, page)) {
    if (document.nodes[node].type == NodeType::kSlide && document.nodes[node].visible.value_or(true)) slides.push_back(node);
  }
  return slides;
}

// What people count as pages: slides in a deck, canvases elsewhere.
std::vector<std::uint32_t> PagesOf(const fig::Document& document, const Tree& tree) {
  std::vector<std::uint32_t> slides;
  for (const std::uint32_t page : tree.pages()) {
    const std::vector<std::uint32_t> more = SlidesOf(document, tree, page);
    slides.insert(slides.end(), more.begin(), more.end());
  }
  return slides.empty() ? tree.pages() : slides;
}

class Builder {
 public:
  Builder(const fig::Document& document, const Tree& tree, const fig::Budget& budget)
      : document_(document), tree_(tree), expander_(document, tree, budget, scene_) {}

  fig::Outcome<Scene> Build(const Selection& selection) {
    switch (selection.kind) {
      case Selection::Kind::kThumbnail: FIG_TRY(Thumbnail()); break;
      case Selection::Kind::kPage: FIG_TRY(Page(selection.key)); break;
      case Selection::Kind::kNode: FIG_TRY(NodeByKey(selection.key)); break;
    }
    if (scene_.nodes.empty()) scene_.nodes.emplace_back();
    if (scene_.region.empty()) scene_.region = RenderBounds(scene_);
    if (scene_.region.empty()) scene_.region = {0, 0, 1, 1};
    return std::move(scene_);
  }

 private:
  const NodeChange& At(std::uint32_t node) const { return document_.nodes[node]; }

  fig::Outcome<Nothing> AddPage(std::uint32_t page) {
    for (const std::uint32_t child : tree_.Of(page)) {
      const Matrix transform = FIG_TRY(TransformOf(At(child)));
      FIG_TRY(expander_.Add(child, transform));
    }
    return Nothing{};
  }

  fig::Outcome<Nothing> AddNode(std::uint32_t node) {
    Matrix transform = FIG_TRY(TransformOf(At(node)));
    for (std::uint32_t up = tree_.Parent(node); up != Tree::kNone && At(up).type != NodeType::kCanvas; up = tree_.Parent(up)) {
      transform = FIG_TRY(TransformOf(At(up))) * transform;
      if (!IsSane(transform)) return Fault{FaultClass::kGeometry, NameOf(At(node)) + " is beyond any canvas", At(node).offset, "message"};
    }
    return expander_.Add(node, transform);
  }

  void ShowPageColour(const NodeChange& page) {
    if (!page.background_enabled.value_or(true) || !page.background_colour) return;
    scene_.background = *page.background_colour;
    scene_.background.a = Opacity(page.background_opacity.value_or(1)) * Opacity(scene_.background.a);
    for (float* part : {&scene_.background.r, &scene_.background.g, &scene_.background.b}) *part = Opacity(*part);
  }

  // Not in ZIP files. Of bare ones the older have it; about one the thumbnail that it carries knows more.
  bool ThumbnailHasPageColour() const {
    if (document_.zipped) return false;
    const std::optional<bool> holes = HasHoles(document_.thumbnail);
    return holes ? !*holes : document_.version <= kLastOldThumbnails;
  }

  fig::Outcome<Nothing> Thumbnail() {
    if (tree_.pages().empty()) return Nothing{};
    const std::optional<Guid>& chosen = At(tree_.root()).thumbnail_node;
    if (chosen && !chosen->null() && !document_.meta.render_coordinates) {
      if (const auto found = document_.by_guid.find(*chosen); found != document_.by_guid.end()) return AddNode(found->second);
    }
    const std::uint32_t page = tree_.pages().front();
    FIG_TRY(AddPage(page));
    if (ThumbnailHasPageColour()) ShowPageColour(At(page));
    if (document_.version > kLastOldThumbnails) scene_.edges = Scene::Edges::kFourSamples;
    if (document_.meta.render_coordinates) {
      const auto& [x, y, width, height] = *document_.meta.render_coordinates;
      const bool sane = IsSane(x) && IsSane(y) && IsSane(width) && IsSane(height);
      if (sane) scene_.region = {x, y, width, height};
      scene_.fit = Scene::Fit::kBothSides;
    }
    return Nothing{};
  }

  fig::Outcome<Nothing> Page(const std::string& key) {
    const std::vector<std::uint32_t> pages = PagesOf(document_, tree_);
    std::optional<std::uint32_t> wanted;
    for (const std::uint32_t page : pages) {
      if (!wanted && At(page).name.value_or("") == key) wanted = page;
    }
    const auto number = Parse<std::size_t>(key);
    if (!wanted && number && *number >= 1 && *number <= pages.size()) wanted = pages[*number - 1];
    if (!wanted) return NotFound("no page has that name or number; there are " + std::to_string(pages.size()));
    if (At(*wanted).type != NodeType::kCanvas) return ShowNode(*wanted);
    ShowPageColour(At(*wanted));
    return AddPage(*wanted);
  }

  fig::Outcome<Nothing> NodeByKey(const std::string& key) {
    if (const auto guid = ParseGuid(key)) {
      const auto found = document_.by_guid.find(*guid);
      if (found == document_.by_guid.end()) return NotFound("no node has that id");
      return ShowNode(found->second);
    }
    for (const std::uint32_t node : Walk(tree_, tree_.root())) {
      const NodeType type = At(node).type.value_or(NodeType::kUnknown);
      if (type == NodeType::kDocument || type == NodeType::kCanvas || At(node).name.value_or("") != key) continue;
      return ShowNode(node);
    }
    return NotFound("no node has that name");
  }

  fig::Outcome<Nothing> ShowNode(std::uint32_t node) {
    if (At(node).type == NodeType::kCanvas) return AddPage(node);
    FIG_TRY(AddNode(node));
    // A slide is shown whole, whatever is on it.
    if (At(node).type != NodeType::kSlide || scene_.nodes.size() < 2) return Nothing{};
    const scene::Node& shown = scene_.nodes[1];
    scene_.region = Bounds(shown.transform, {0, 0, shown.width, shown.height});
    return Nothing{};
  }

  const fig::Document& document_;
  const Tree& tree_;
  Scene scene_;
  Expander expander_;
};

}  // namespace

fig::Outcome<Scene> Build(const fig::Document& document, const Selection& selection, const fig::Budget& budget) {
  try {
    const Tree tree = FIG_TRY(Tree::Make(document));
    return Builder(document, tree, budget).Build(selection);
  } catch (const std::bad_alloc&) {
    return fig::NoMemory("scene");
  } catch (const std::length_error&) {  // no machine has that much
    return Fault{FaultClass::kBudget, "longer than anything can be", Fault::kNowhere, "scene"};
  }
}

std::vector<Entry> List(const fig::Document& document) {
  std::vector<Entry> entries;
  auto tree = Tree::Make(document);
  if (!tree.ok()) return entries;
  const auto add = [&](std::uint32_t node, std::uint32_t page) {
    const NodeChange& from = document.nodes[node];
    Entry entry;
    entry.guid = from.guid.value_or(Guid{});
    entry.page = document.nodes[page].guid.value_or(Guid{});
    entry.name = from.name.value_or("");
    entry.type = from.type.value_or(NodeType::kUnknown);
    const fig::Vector size = from.size.value_or(fig::Vector{});
    entry.width = IsSane(size.x) ? size.x : 0;
    entry.height = IsSane(size.y) ? size.y : 0;
    entries.push_back(std::move(entry));
  };
  for (const std::uint32_t page : tree.value().pages()) {
    add(page, page);
    for (const std::uint32_t slide : SlidesOf(document, tree.value(), page)) add(slide, page);
    for (const std::uint32_t child : tree.value().Of(page)) add(child, page);
  }
  return entries;
}

}  // namespace scene
