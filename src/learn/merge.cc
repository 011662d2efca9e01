#include <algorithm>

#include "bpf/filter.h"
#include "learn/files.h"
#include "learn/grain.h"
#include "learn/write.h"
#include "policy/verdicts.h"
#include "policy/when.h"
#include "watch/rules.h"

namespace moat::learn {
namespace {

const bpf::SyscallInfo* Find(std::string_view name) { return bpf::FindSyscall(bpf::NativeAbi(), name); }

// The lines of `list = [` in `section`: where an entry can be added.
Result<std::size_t> EndOfList(const std::string& text, std::string_view section, std::string_view key) {
  const std::size_t head = text.find("\n[" + std::string(section) + "]");
  const std::size_t next = head == std::string::npos ? head : text.find("\n[", head + 2);
  const std::size_t list = head == std::string::npos ? head : text.find("\n" + std::string(key) + " = [\n", head);
  const std::size_t end = list == std::string::npos ? list : text.find("\n]", list);
  if (end == std::string::npos || (next != std::string::npos && end > next)) {
    return WithFix(PolicyError("[" + std::string(section) + "] has no `" + std::string(key) + "` with one entry a line to add to"),
                   "write a list such as `" + std::string(key) + " = [` with each entry on a line of its own, or learn into a new file");
  }
  return end + 1;
}

Result<bool> Allows(const policy::Model& model, const bpf::SyscallInfo& call, const std::string& when) {
  const watch::Rules rules = MOAT_TRY(watch::Rules::Of(model));
  seccomp_data data{};
  data.arch = bpf::AuditArch(bpf::NativeAbi());
  data.nr = static_cast<int>(call.number);
  if (!when.empty()) {
    const auto alternatives = MOAT_TRY(policy::ParseWhen(when, call, {}));
    for (const bpf::Condition& condition : alternatives.front()) data.args[condition.arg] = condition.value;
  }
  return rules.Judge(data).action == bpf::Allow();
}

// A call with its telling arguments that the policy does not allow.
struct Lacking {
  const bpf::SyscallInfo* call;
  std::string when;
  const Evidence* evidence;
};

Result<std::vector<Lacking>> WhatLacks(const policy::Model& model, const Observations& seen) {
  std::vector<Lacking> lacking;
  for (const auto& [name, uses] : seen.calls) {
    const bpf::SyscallInfo* call = Find(name);
    if (call == nullptr) continue;
    for (const auto& [when, evidence] : uses) {
      if (!MOAT_TRY(Allows(model, *call, when))) lacking.push_back({call, when, &evidence});
    }
  }
  return lacking;
}

std::string FileLines(const std::string& text, const policy::Model& model, const Observations& seen) {
  std::string lines;
  for (const FileLine& line : Generalised(seen)) {
    const bool group = line.entry[0] == '@';
    const bool there = group ? text.find("\"" + line.entry + "\"") != std::string::npos
                             : Shows(model, line.entry.substr(0, line.entry.size() - 1));
    if (!there) lines += Line(line.entry, Said(line.evidence, seen));
  }
  return lines;
}

// What the lists do not allow at all: the entries for it, with their siblings, and the rules that keep each to the
// arguments that were seen.
struct Additions {
  std::string lines;
  std::vector<std::string> rules;

  void Add(const std::string& entry, const std::string& remark) {
    if (lines.find("  " + Quoted(entry) + ",") == std::string::npos) lines += Line(entry, remark);
  }
};

bool Listed(const policy::Model& model, const bpf::SyscallInfo& call) { return policy::Fallback(model, call).action.kind == policy::DoKind::kAllow; }

Additions WhatListsLack(const policy::Model& model, const std::vector<Lacking>& lacking, const Observations& seen) {
  Additions additions;
  std::set<std::string> calls;
  for (const Lacking& each : lacking) {
    if (Listed(model, *each.call)) continue;
    additions.Add(EntryFor(*each.call), Said(*each.evidence, seen));
    calls.insert(std::string(each.call->name));
  }
  for (const std::string& name : calls) {
    for (const std::string_view other : Siblings(name)) {
      const bpf::SyscallInfo* sibling = Find(other);
      if (sibling == nullptr || sibling->tier > 2 || Listed(model, *sibling)) continue;
      additions.Add(EntryFor(*sibling), "not seen: another libc takes it in place of " + name);
    }
    const std::string rule = RuleFor(name, seen.calls.at(name), seen);
    if (!rule.empty()) additions.rules.push_back(rule);
  }
  return additions;
}

}  // namespace

Result<std::string> WithLine(const std::string& text, std::string_view section, std::string_view key, const std::string& line) {
  std::string out = text;
  return out.insert(MOAT_TRY(EndOfList(text, section, key)), line);
}

Result<std::string> Merged(const std::string& text, const std::string& path, const Observations& seen, const policy::ReadProfile& read) {
  const policy::Model before = MOAT_TRY(policy::Parse(text, path, read));
  const std::vector<Lacking> lacking = MOAT_TRY(WhatLacks(before, seen));
  std::string out = text;
  const std::string files = FileLines(text, before, seen);
  if (!files.empty()) out.insert(MOAT_TRY(EndOfList(out, "files", "read")), files);
  const Additions additions = WhatListsLack(before, lacking, seen);
  if (!additions.lines.empty()) out.insert(MOAT_TRY(EndOfList(out, "syscalls", "allow")), additions.lines);
  for (const std::string& rule : additions.rules) out = watch::ApplyEdit(out, rule);
  // What a rule of the policy still refuses gets one in front of it, for those arguments alone.
  const policy::Model widened = MOAT_TRY(policy::Parse(out, path, read));
  for (const Lacking& each : lacking) {
    if (MOAT_TRY(Allows(widened, *each.call, each.when))) continue;
    const std::string condition = each.when.empty() ? "" : "when = " + Quoted(each.when) + "\n";
    out = watch::ApplyEdit(out, "[[syscalls.rule]]\ncall = " + Quoted(each.call->name) + "\n" + condition +
                                    "do = \"allow\"\nreason = " + Quoted("learned: " + Said(*each.evidence, seen)) + "\n");
  }
  MOAT_TRY(policy::Parse(out, path, read));
  return out;
}

}  // namespace moat::learn
