#include "scene/overrides.h"

namespace scene {
namespace {

using fig::Guid;
using fig::NodeChange;

template <typename T>
void Take(const std::optional<T>& from, std::optional<T>& to) {
  if (from) to = from;
}
template <typename T>
void Take(const std::shared_ptr<T>& from, std::shared_ptr<T>& to) {
  if (from) to = from;
}

// Paints that come without their style are no longer the style's.
template <typename Paints>
void TakeStyled(const std::optional<Paints>& from, const std::optional<Guid>& from_style, std::optional<Paints>& to,
                std::optional<Guid>& to_style) {
  if (from) {
    to = from;
    if (!from_style) to_style.reset();
  }
  Take(from_style, to_style);
}

void TakeSymbol(const std::shared_ptr<const fig::SymbolData>& from, std::shared_ptr<const fig::SymbolData>& to) {
  if (!from) return;
  if (from->symbol_id || !to) {
    to = from;
    return;
  }
  auto merged = std::make_shared<fig::SymbolData>(*from);
  merged->symbol_id = to->symbol_id;
  to = std::move(merged);
}

void ApplyShape(const NodeChange& change, NodeChange& node) {
  Take(change.stroke_weight, node.stroke_weight);
  Take(change.stroke_align, node.stroke_align);
  Take(change.dash_pattern, node.dash_pattern);
  Take(change.corner_radius, node.corner_radius);
  Take(change.corner_top_left, node.corner_top_left);
  Take(change.corner_top_right, node.corner_top_right);
  Take(change.corner_bottom_left, node.corner_bottom_left);
  Take(change.corner_bottom_right, node.corner_bottom_right);
  Take(change.corners_independent, node.corners_independent);
  Take(change.fill_geometry, node.fill_geometry);
  Take(change.stroke_geometry, node.stroke_geometry);
  Take(change.vector_data, node.vector_data);
}

void ApplyPaint(const NodeChange& change, NodeChange& node) {
  TakeStyled(change.fill_paints, change.fill_style, node.fill_paints, node.fill_style);
  TakeStyled(change.stroke_paints, change.stroke_style, node.stroke_paints, node.stroke_style);
  TakeStyled(change.background_paints, change.background_style, node.background_paints, node.background_style);
  TakeStyled(change.effects, change.effect_style, node.effects, node.effect_style);
  Take(change.background_colour, node.background_colour);
  Take(change.background_opacity, node.background_opacity);
  Take(change.background_enabled, node.background_enabled);
  Take(change.container_supports_fill, node.container_supports_fill);
}

}  // namespace

void Apply(const NodeChange& change, NodeChange& node) {
  Take(change.name, node.name);
  Take(change.visible, node.visible);
  Take(change.opacity, node.opacity);
  Take(change.blend, node.blend);
  Take(change.size, node.size);
  Take(change.transform, node.transform);
  ApplyPaint(change, node);
  ApplyShape(change, node);
  Take(change.mask, node.mask);
  Take(change.mask_is_outline, node.mask_is_outline);
  Take(change.mask_type, node.mask_type);
  Take(change.frame_mask_disabled, node.frame_mask_disabled);
  Take(change.resize_to_fit, node.resize_to_fit);
  Take(change.section_contents_hidden, node.section_contents_hidden);
  Take(change.text, node.text);
  Take(change.derived_text, node.derived_text);
  Take(change.text_style, node.text_style);
  Take(change.font_size, node.font_size);
  TakeSymbol(change.symbol, node.symbol);
  Take(change.overridden_symbol, node.overridden_symbol);
  Take(change.derived_symbol, node.derived_symbol);
  Take(change.generated, node.generated);
  Take(change.derived_generated, node.derived_generated);
}

Guid KeyOf(const NodeChange& node) {
  if (node.override_key && !node.override_key->null()) return *node.override_key;
  return node.guid.value_or(Guid{});
}

void Scope::Add(const NodeChange& change, std::uint32_t next) {
  if (next < change.guid_path.size()) by_key_[change.guid_path[next]].push_back({&change, next + 1});
}

std::shared_ptr<const Scope> Scope::Inside(const NodeChange& instance, Guid symbol, std::shared_ptr<const Scope> around) {
  auto scope = std::make_shared<Scope>();
  scope->symbol_ = symbol;
  scope->own_ = instance.symbol;
  scope->derived_ = instance.derived_symbol;
  if (scope->own_) {
    for (const NodeChange& change : scope->own_->overrides) scope->Add(change, 0);
  }
  if (scope->derived_) {
    for (const NodeChange& change : *scope->derived_) scope->Add(change, 0);
  }
  scope->around_ = std::move(around);
  if (scope->around_) {
    const auto found = scope->around_->by_key_.find(KeyOf(instance));
    if (found != scope->around_->by_key_.end()) {
      for (const Entry& entry : found->second) scope->Add(*entry.change, entry.next);
    }
  }
  return scope;
}

Placed Scope::Place(const NodeChange& node) const {
  const auto found = by_key_.find(KeyOf(node));
  if (found == by_key_.end()) return Placed(&node);
  std::shared_ptr<NodeChange> changed;
  for (const Entry& entry : found->second) {
    if (entry.next != entry.change->guid_path.size()) continue;  // goes on inside it
    if (!changed) changed = std::make_shared<NodeChange>(node);
    Apply(*entry.change, *changed);
  }
  return changed ? Placed(std::shared_ptr<const NodeChange>(std::move(changed))) : Placed(&node);
}

bool Scope::IsInside(Guid symbol) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->around_.get()) {
    if (scope->symbol_ == symbol) return true;
  }
  return false;
}

}  // namespace scene
