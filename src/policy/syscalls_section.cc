#include "policy/syscalls_section.h"

#include <algorithm>

#include "base/similar.h"
#include "policy/scalars.h"
#include "policy/verdicts.h"

namespace moat::policy {
namespace {

bool Names(const Entry* entry, std::string_view word) {
  if (entry == nullptr) return false;
  return std::any_of(entry->value.items.begin(), entry->value.items.end(),
                     [&](const Node& item) { return item.kind == Node::Kind::kString && item.text == word; });
}

std::vector<std::string> Members(std::string_view group) {
  std::vector<std::string> names;
  for (const bpf::Abi abi : {bpf::Abi::kX86_64, bpf::Abi::kAarch64}) {
    for (const bpf::SyscallInfo& call : bpf::Syscalls(abi)) {
      if (call.group == group && std::find(names.begin(), names.end(), call.name) == names.end()) {
        names.emplace_back(call.name);
      }
    }
  }
  return names;
}

// A name, a group, or a list of them -> names. A group that does not exist stays as it is,
// for Validate to name it.
Status AddCalls(const Node& node, std::vector<std::string>& names) {
  if (node.kind == Node::Kind::kArray) {
    for (const Node& item : node.items) MOAT_TRY(AddCalls(item, names));
    return {};
  }
  if (node.kind != Node::Kind::kString) {
    return PolicyError("`call` must be the name of a call, a group or a list of them, not " +
                           std::string(KindName(node.kind)),
                       node.origin);
  }
  std::vector<std::string> members;
  if (!node.text.empty() && node.text[0] == '@') members = Members(std::string_view(node.text).substr(1));
  if (members.empty()) members.push_back(node.text);
  names.insert(names.end(), members.begin(), members.end());
  return {};
}

Status ReadRuleKey(const Entry& entry, SyscallRule& rule, std::vector<std::string>& calls) {
  if (entry.key == "call") return AddCalls(entry.value, calls);
  constexpr std::string_view kKeys[] = {"call", "when", "do", "reason"};
  if (entry.key != "when" && entry.key != "do" && entry.key != "reason") {
    return WithOrigin(WithFix(PolicyError("unknown key " + Quote(entry.key) + " in [[syscalls.rule]]"),
                              DidYouMean(base::Closest(entry.key, kKeys))),
                      entry.origin);
  }
  if (entry.value.kind != Node::Kind::kString) {
    return PolicyError(Quote(entry.key) + " must be a string, not " + std::string(KindName(entry.value.kind)),
                       entry.value.origin);
  }
  if (entry.key == "when") rule.when = entry.value.text;
  if (entry.key == "reason") rule.reason = entry.value.text;
  if (entry.key == "do") {
    Result<Do> action = ParseDo(entry.value.text);
    if (!action.ok()) return WithOrigin(action.error(), entry.value.origin);
    rule.action = *action;
  }
  return {};
}

Status ReadRule(const Node& table, std::vector<SyscallRule>& rules) {
  if (table.kind != Node::Kind::kTable) {
    return PolicyError("a rule must be a table, written under [[syscalls.rule]]", table.origin);
  }
  SyscallRule rule;
  rule.origin = table.origin;
  std::vector<std::string> calls;
  for (const Entry& entry : table.entries) MOAT_TRY(ReadRuleKey(entry, rule, calls));
  if (calls.empty()) return PolicyError("`call` is missing in this rule", table.origin);
  if (table.Find("do") == nullptr) {
    return WithOrigin(WithFix(PolicyError("`do` is missing in the rule for " + Quote(calls[0])),
                              "say what happens: `allow`, an errno such as `EPERM`, `kill`"),
                      table.origin);
  }
  for (std::string& call : calls) {
    rule.call = std::move(call);
    rules.push_back(rule);
  }
  return {};
}

Status ReadRules(const Node& section, std::vector<SyscallRule>& rules) {
  const Entry* entry = section.Find("rule");
  if (entry == nullptr) return {};
  if (entry->value.kind != Node::Kind::kArray) {
    return WithOrigin(
        WithFix(PolicyError("`rule` is a list of tables"), "write [[syscalls.rule]], with two brackets"),
        entry->origin);
  }
  for (const Node& table : entry->value.items) MOAT_TRY(ReadRule(table, rules));
  return {};
}

// Whether a denied entry takes all of the other away: the same word, or the call's group.
bool TakesAway(std::string_view denied, std::string_view entry) {
  const bpf::SyscallInfo* call = FindAnywhere(entry);
  return denied == entry || (call != nullptr && Covers(denied, *call));
}

// What a nearer text denies, its bases no longer allow, by list or by rule.
void DropGrants(Syscalls& syscalls, std::string_view denied) {
  std::erase_if(syscalls.allow,
                [&](const Setting<std::string>& name) { return TakesAway(denied, name.value); });
  std::erase_if(syscalls.rules,
                [&](const SyscallRule& rule) { return Grants(rule.action) && TakesAway(denied, rule.call); });
}

// An allow that a deny of the same text, or a wider one of a base, would undo.
Status CheckNotBoth(const std::vector<Setting<std::string>>& denied, const Entry& allow) {
  for (const Node& item : allow.value.items) {
    for (const Setting<std::string>& deny : denied) {
      if (!TakesAway(deny.value, item.text)) continue;
      return WithFix(PolicyError(Quote(item.text) + " is in `allow`, but " + Quote(deny.value) +
                                     " in `deny` at " + deny.origin.ToString() + " takes it out again",
                                 item.origin),
                     "take one of the two out");
    }
  }
  return {};
}

}  // namespace

Status AppendNames(std::vector<Setting<std::string>>& list, const Entry& entry) {
  if (entry.value.kind != Node::Kind::kArray) {
    return PolicyError(Quote(entry.key) + " must be a list, such as [\"name\"], not " +
                           std::string(KindName(entry.value.kind)),
                       entry.value.origin);
  }
  if (Names(&entry, "@none")) list.clear();
  std::vector<Setting<std::string>> own;
  for (const Node& item : entry.value.items) {
    if (item.kind != Node::Kind::kString) {
      return PolicyError(
          "an entry of " + Quote(entry.key) + " must be a string, not " + std::string(KindName(item.kind)),
          item.origin);
    }
    const auto same = [&](const Setting<std::string>& known) { return known.value == item.text; };
    const auto twice = std::find_if(own.begin(), own.end(), same);
    if (twice != own.end()) {
      return WithFix(
          PolicyError(Quote(item.text) + " is listed twice, the first time at " + twice->origin.ToString(),
                      item.origin),
          "keep one of the two");
    }
    Setting<std::string> name(item.text);
    name.origin = item.origin;
    own.push_back(name);
    if (item.text != "@none" && std::none_of(list.begin(), list.end(), same)) list.push_back(name);
  }
  return {};
}

Status ApplySyscalls(Syscalls& syscalls, const Node& section) {
  const Entry* allow = section.Find("allow");
  const Entry* deny = section.Find("deny");
  if (Names(allow, "@none")) {
    std::erase_if(syscalls.rules, [](const SyscallRule& rule) { return Grants(rule.action); });
  }
  if (allow != nullptr) {
    // What a nearer text allows by the same word, a base no longer denies.
    for (const Node& item : allow->value.items) {
      std::erase_if(syscalls.deny, [&](const Setting<std::string>& name) { return name.value == item.text; });
    }
  }
  if (deny != nullptr) {
    MOAT_TRY(AppendNames(syscalls.deny, *deny));
    for (const Node& item : deny->value.items) DropGrants(syscalls, item.text);
  }
  if (allow != nullptr) {
    MOAT_TRY(AppendNames(syscalls.allow, *allow));
    MOAT_TRY(CheckNotBoth(syscalls.deny, *allow));
  }
  std::vector<SyscallRule> own;
  MOAT_TRY(ReadRules(section, own));
  syscalls.rules.insert(syscalls.rules.begin(), own.begin(), own.end());
  return {};
}

}  // namespace moat::policy
