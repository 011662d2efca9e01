#include "scene/overrides.h"

#include <algorithm>

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

std::uint64_t CostToApply(const NodeChange& change) {
  std::uint64_t cost = CostOf(change);
  if (!change.symbol || change.symbol->symbol_id) return cost;
  for (const NodeChange& inside : change.symbol->overrides) cost += CostOf(inside);  // TakeSymbol() copies them
  return cost;
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
  if (next < change.guid_path.size()) entries_.push_back({change.guid_path[next], &change, next + 1});
}

std::span<const Scope::Entry> Scope::Find(const Guid& key) const {
  const auto [begin, end] = std::equal_range(entries_.begin(), entries_.end(), Entry{key, nullptr, 0}, ByKey{});
  return {begin, end};
}

fig::Outcome<std::shared_ptr<const Scope>> Scope::Inside(const NodeChange& instance, Guid symbol, std::shared_ptr<const Scope> around,
                                                         Meter& meter) {
  auto scope = std::make_shared<Scope>();
  scope->symbol_ = symbol;
  scope->own_ = instance.symbol;
  scope->derived_ = instance.derived_symbol;
  scope->around_ = std::move(around);
  const std::vector<NodeChange> none;
  const auto& own = scope->own_ ? scope->own_->overrides : none;
  const auto& derived = scope->derived_ ? *scope->derived_ : none;
  const auto outer = scope->around_ ? scope->around_->Find(KeyOf(instance)) : std::span<const Entry>();
  FIG_TRY(meter.Keep(sizeof(Scope) + (own.size() + derived.size() + outer.size()) * sizeof(Entry)));
  for (const NodeChange& change : own) scope->Add(change, 0);
  for (const NodeChange& change : derived) scope->Add(change, 0);
  for (const Entry& entry : outer) scope->Add(*entry.change, entry.next);
  std::stable_sort(scope->entries_.begin(), scope->entries_.end(), ByKey{});
  return std::shared_ptr<const Scope>(std::move(scope));
}

fig::Outcome<Placed> Scope::Place(const NodeChange& node, Meter& meter) const {
  std::shared_ptr<NodeChange> changed;
  const std::span<const Entry> entries = Find(KeyOf(node));
  FIG_TRY(meter.Work(entries.size() * sizeof(Entry)));
  for (const Entry& entry : entries) {
    if (entry.next != entry.change->guid_path.size()) continue;  // goes on inside it
    FIG_TRY(meter.Work(CostToApply(*entry.change) + (changed ? 0 : CostOf(node))));
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
