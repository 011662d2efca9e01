// One policy text over the model that its bases left. Pure.
#pragma once

#include "moat/result.h"
#include "policy/model.h"
#include "policy/tree.h"

namespace moat::policy {

// Checks `moat = 1` and applies every section. Does not follow `base`; the caller did.
Status ApplyDocument(Model& model, const Node& root);

// The `base` of a text: "" when it has none.
struct BaseName {
  std::string name;
  Origin origin;
};
Result<BaseName> ReadBase(const Node& root);

}  // namespace moat::policy
