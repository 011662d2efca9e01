// A rule of lint, and what its check gets. The table is made of spec/lint.toml, and its test of the
// policies that stand there beside each rule.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lint/lint.h"

namespace moat::lint {

// What the check of one rule has found. Messages begin with what is wrong, not with the rule.
class Findings {
 public:
  void Add(std::string message, Origin origin = {}) { all_.push_back({std::move(message), std::move(origin)}); }
  struct Item {
    std::string message;
    Origin origin;
  };
  const std::vector<Item>& all() const { return all_; }

 private:
  std::vector<Item> all_;
};

using Check = void (*)(const Subject&, Findings&);

enum class Needs : std::uint8_t { kPolicy, kFiles, kHost, kElsewhere };

struct Rule {
  std::string_view id;
  Severity severity;
  std::string_view why, reference, fix;
  std::string_view granted;  // lines "call argument=VALUE"
  std::string_view family;   // lines "call"
  Needs needs;
  std::string_view bad, good;
  Check check;  // nullptr: `granted` or `family` say it all
};

std::span<const Rule> Rules();
const Rule* FindRule(std::string_view id);

}  // namespace moat::lint
