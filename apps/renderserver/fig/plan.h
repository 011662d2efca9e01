// The tables of bind.h, bound to the field numbers of one file's schema.
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "fig/bind.h"
#include "fig/fault.h"
#include "fig/schema.h"

namespace fig {

// Which of our values each value of an enum is.
class ChoiceMap {
 public:
  ChoiceMap(const Schema& schema, const Definition& definition, const Choices& choices);
  std::uint32_t Ours(std::uint32_t theirs) const;  // values that the schema lacks are `other`

 private:
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sorted_;
  std::uint32_t other_;
};

struct Plan;

struct PlanField {
  const Field* field = nullptr;
  const Row* row = nullptr;            // null: skipped
  const ChoiceMap* choices = nullptr;  // of an enum with a row
  // How its objects are decoded and skipped; found when the first one comes.
  Plan* sub = nullptr;
  Plan* skip = nullptr;
};

// How values of one definition become objects of one kind, or are skipped.
struct Plan {
  const Definition* definition = nullptr;
  // A struct's in order, without those that take no bytes; a message's by id.
  std::vector<PlanField> fields;

  PlanField* Find(std::uint32_t id);  // of a message; null: it has none

  static constexpr std::uint16_t kNoField = 0xFFFF;
  std::vector<std::uint16_t> by_id;  // indices of fields for small ids
};

// Makes plans as they are needed: most definitions of a schema occur in no file. Not for several
// threads; the schema must outlive it. Plans stay where they are.
class Planner {
 public:
  explicit Planner(const Schema& schema) : schema_(schema) {}

  // kind == nullptr: to skip it. Fails with kSchema where schema and table do not fit.
  Outcome<Plan*> Get(std::uint32_t definition, const Kind* kind);

 private:
  Check Fill(const Kind* kind, Plan* plan);
  Check Bind(const Definition& definition, const Kind& kind, Plan* plan);
  const ChoiceMap* MapOf(std::uint32_t definition, const Choices& choices);

  const Schema& schema_;
  std::map<std::pair<std::uint32_t, const Kind*>, std::unique_ptr<Plan>> plans_;
  std::map<std::pair<std::uint32_t, const Choices*>, std::unique_ptr<ChoiceMap>> maps_;
};

}  // namespace fig
