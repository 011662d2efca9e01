#include "fig/plan.h"

#include <algorithm>
#include <string>

namespace fig {
namespace {

constexpr std::uint32_t kLargestSmallId = 4095;

Fault Unfit(const Definition& definition, const Field& field, const char* what) {
  return {FaultClass::kSchema, std::string("field ") + Quoted(field.name) + " of " + Quoted(definition.name) + what,
          field.offset, "schema"};
}

bool Fits(const Schema& schema, const Field& field, const Row& row) {
  if (row.want == Want::kBytes) return field.type == Builtin::kByte && field.array;
  if (field.array != (row.many == Many::kArray)) return false;
  const bool defined = field.type == Builtin::kDefined;
  const bool is_enum = defined && schema.definitions[field.definition].kind == DefinitionKind::kEnum;
  switch (row.want) {
    case Want::kBool: return field.type == Builtin::kBool;
    case Want::kUint: return field.type == Builtin::kUint;
    case Want::kFloat: return field.type == Builtin::kFloat;
    case Want::kText: return field.type == Builtin::kString;
    case Want::kChoice: return is_enum;
    case Want::kObject: return defined && !is_enum;
    case Want::kBytes: break;
  }
  return false;
}

// Small ids by a table, as long as it is no larger than the fields are worth.
void FillById(Plan* plan) {
  const std::size_t count = plan->fields.size();
  if (count == 0 || count >= Plan::kNoField) return;
  const std::uint32_t largest = std::min(plan->fields.back().field->id, kLargestSmallId);
  if (largest > 8 * count + 64) return;
  plan->by_id.assign(largest + 1, Plan::kNoField);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t id = plan->fields[i].field->id;
    if (id <= largest) plan->by_id[id] = static_cast<std::uint16_t>(i);
  }
}

}  // namespace

ChoiceMap::ChoiceMap(const Schema& schema, const Definition& definition, const Choices& choices)
    : other_(choices.other) {
  for (std::uint32_t i = 0; i < definition.field_count; ++i) {
    const Field& field = schema.fields[definition.first_field + i];
    const auto same = [&](const Choice& choice) { return choice.name == field.name; };
    const auto found = std::find_if(choices.all.begin(), choices.all.end(), same);
    if (found != choices.all.end()) sorted_.emplace_back(field.id, found->ours);
  }
  std::sort(sorted_.begin(), sorted_.end());
}

std::uint32_t ChoiceMap::Ours(std::uint32_t theirs) const {
  const auto at = std::lower_bound(sorted_.begin(), sorted_.end(), std::make_pair(theirs, std::uint32_t{0}));
  return at != sorted_.end() && at->first == theirs ? at->second : other_;
}

PlanField* Plan::Find(std::uint32_t id) {
  if (id < by_id.size()) return by_id[id] == kNoField ? nullptr : &fields[by_id[id]];
  const auto at = std::lower_bound(fields.begin(), fields.end(), id,
                                   [](const PlanField& field, std::uint32_t wanted) { return field.field->id < wanted; });
  return at != fields.end() && at->field->id == id ? &*at : nullptr;
}

Outcome<Plan*> Planner::Get(std::uint32_t definition, const Kind* kind) {
  std::unique_ptr<Plan>& plan = plans_[{definition, kind}];
  if (plan == nullptr) {
    auto fresh = std::make_unique<Plan>();
    fresh->definition = &schema_.definitions[definition];
    FIG_TRY(Fill(kind, fresh.get()));
    plan = std::move(fresh);
  }
  return plan.get();
}

Check Planner::Fill(const Kind* kind, Plan* plan) {
  const Definition& definition = *plan->definition;
  plan->fields.reserve(definition.field_count);
  for (std::uint32_t i = 0; i < definition.field_count; ++i) {
    const Field& field = schema_.fields[definition.first_field + i];
    const bool empty = definition.kind == DefinitionKind::kStruct && !field.array && schema_.LeastSize(field) == 0;
    if (!empty) plan->fields.push_back({&field});
  }
  if (kind != nullptr) FIG_TRY(Bind(definition, *kind, plan));
  if (definition.kind != DefinitionKind::kMessage) return Nothing{};
  const auto id = [](const PlanField& field) { return field.field->id; };
  std::sort(plan->fields.begin(), plan->fields.end(),
            [&](const PlanField& a, const PlanField& b) { return id(a) < id(b); });
  for (std::size_t i = 0; i < plan->fields.size(); ++i) {
    if (id(plan->fields[i]) == 0) return Unfit(definition, *plan->fields[i].field, " has the number of the end");
    if (i == 0 || id(plan->fields[i - 1]) != id(plan->fields[i])) continue;
    return Unfit(definition, *plan->fields[i].field, " has the number of another");
  }
  FillById(plan);
  return Nothing{};
}

Check Planner::Bind(const Definition& definition, const Kind& kind, Plan* plan) {
  std::vector<const Row*> rows;
  for (const Row& row : kind.rows) rows.push_back(&row);
  const auto before = [](const Row* a, const Row* b) { return a->name < b->name; };
  std::sort(rows.begin(), rows.end(), before);
  for (PlanField& field : plan->fields) {
    const Row wanted{field.field->name};
    const auto at = std::lower_bound(rows.begin(), rows.end(), &wanted, before);
    if (at == rows.end() || (*at)->name != wanted.name) continue;
    if (!Fits(schema_, *field.field, **at)) return Unfit(definition, *field.field, " is of another type than known");
    field.row = *at;
    if (field.row->choices != nullptr) field.choices = MapOf(field.field->definition, *field.row->choices);
  }
  return Nothing{};
}

const ChoiceMap* Planner::MapOf(std::uint32_t definition, const Choices& choices) {
  std::unique_ptr<ChoiceMap>& map = maps_[{definition, &choices}];
  if (map == nullptr) map = std::make_unique<ChoiceMap>(schema_, schema_.definitions[definition], choices);
  return map.get();
}

}  // namespace fig
