#include "policy/diff.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "policy/files.h"
#include "policy/options.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

// What is there before but not after, then the reverse. Lists where order means nothing.
void Compare(const std::string& what, const std::vector<std::string>& before,
             const std::vector<std::string>& after, std::vector<std::string>& lines) {
  const auto lacks = [](const std::vector<std::string>& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) == list.end();
  };
  for (const std::string& item : before) {
    if (lacks(after, item)) lines.push_back(what + ": - " + item);
  }
  for (const std::string& item : after) {
    if (lacks(before, item)) lines.push_back(what + ": + " + item);
  }
}

std::vector<std::string> FileLines(const Files& files) {
  std::vector<std::string> lines;
  for (const FileRule& rule : files.rules) {
    std::string line = std::string(AccessKey(rule.access)) + " " + rule.target;
    if (!rule.source.empty() && rule.source != rule.target) line += " from " + rule.source;
    if (rule.access == FileAccess::kScratch) line += " size " + base::FormatSize(rule.size);
    if (rule.inodes != 0) line += " inodes " + base::Number(rule.inodes);
    if (rule.optional) line += " optional";
    if (!rule.execute) line += " noexec";
    if (!rule.follow) line += " nofollow";
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> EnvironmentLines(const Environment& environment) {
  std::vector<std::string> lines;
  for (const auto& name : environment.pass) lines.push_back("pass " + name.value);
  for (const auto& [name, value] : environment.set) lines.push_back("set " + name + "=" + value.value);
  return lines;
}

std::vector<std::string> ListLines(const Syscalls& syscalls) {
  std::vector<std::string> lines;
  for (const auto& name : syscalls.allow) lines.push_back("allow " + name.value);
  for (const auto& name : syscalls.deny) lines.push_back("deny " + name.value);
  return lines;
}

std::vector<std::string> RuleLines(const Syscalls& syscalls) {
  std::vector<std::string> lines;
  for (const SyscallRule& rule : syscalls.rules) {
    lines.push_back("rule " + rule.call + (rule.when.empty() ? "" : " when " + rule.when) + " do " +
                    DoText(rule.action));
  }
  return lines;
}

}  // namespace

std::vector<std::string> Diff(const Model& before, const Model& after) {
  std::vector<std::string> lines;
  for (const Option& option : Options()) {
    if (!IsScalar(option)) continue;
    const std::string old_value = ScalarToml(before, option);
    const std::string new_value = ScalarToml(after, option);
    if (old_value == new_value) continue;
    lines.push_back(std::string(option.section) + "." + std::string(option.key) + ": " + old_value + " -> " +
                    new_value);
  }
  Compare("files", FileLines(before.files), FileLines(after.files), lines);
  Compare("environment", EnvironmentLines(before.environment), EnvironmentLines(after.environment), lines);
  Compare("syscalls", ListLines(before.syscalls), ListLines(after.syscalls), lines);
  const std::vector<std::string> old_rules = RuleLines(before.syscalls);
  const std::vector<std::string> new_rules = RuleLines(after.syscalls);
  const std::size_t known = lines.size();
  Compare("syscalls", old_rules, new_rules, lines);
  if (lines.size() == known && old_rules != new_rules) lines.push_back("syscalls: rules in another order");
  return lines;
}

}  // namespace moat::policy
