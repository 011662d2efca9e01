// The model as a text that reads back as the same model.
#include "base/text.h"
#include "base/units.h"
#include "policy/exceptions.h"
#include "policy/files.h"
#include "policy/load.h"
#include "policy/options.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

// "  # thumb.toml:12:3". A path may hold anything; a comment must stay one line.
std::string Said(const Origin& origin) {
  if (origin.empty()) return "  # built in\n";
  const std::string quoted = QuoteToml(origin.ToString());
  return "  # " + quoted.substr(1, quoted.size() - 2) + "\n";
}

std::string Bool(bool value) { return value ? "true" : "false"; }

// The shortest form that keeps every field: a bare path where the rest is as usual.
std::string FileEntry(const FileRule& rule) {
  const bool usual_execute = rule.execute == (rule.access == FileAccess::kRead);
  const bool bare = rule.source == rule.target && usual_execute && rule.follow;
  if (rule.access == FileAccess::kHide || bare) {
    // A last "?" of the path itself would read as the mark for optional.
    if (rule.target.back() != '?' || rule.access == FileAccess::kHide) {
      return QuoteToml(rule.target + (rule.optional ? "?" : ""));
    }
  }
  std::string text = "{ from = " + QuoteToml(rule.source);
  if (rule.target != rule.source) text += ", to = " + QuoteToml(rule.target);
  if (rule.optional) text += ", optional = true";
  if (!usual_execute) text += ", execute = " + Bool(rule.execute);
  if (!rule.follow) text += ", follow = false";
  return text + " }";
}

std::string FileLists(const Files& files) {
  std::string out;
  for (const FileAccess access :
       {FileAccess::kRead, FileAccess::kWrite, FileAccess::kHide, FileAccess::kDevice}) {
    std::string entries;
    for (const FileRule& rule : files.rules) {
      if (rule.access == access) entries += "  " + FileEntry(rule) + "," + Said(rule.origin);
    }
    if (!entries.empty()) out += std::string(AccessKey(access)) + " = [\n" + entries + "]\n";
  }
  return out;
}

std::string ScratchTable(const Files& files) {
  std::string out;
  for (const FileRule& rule : files.rules) {
    if (rule.access != FileAccess::kScratch) continue;
    out += QuoteToml(rule.target) + " = { size = " + QuoteToml(base::FormatSize(rule.size));
    if (rule.inodes != 0) out += ", inodes = " + base::Number(rule.inodes);
    if (!rule.execute) out += ", execute = false";
    out += " }" + Said(rule.origin);
  }
  return out.empty() ? out : "\n[files.scratch]\n" + out;
}

std::string Names(std::string_view key, const std::vector<Setting<std::string>>& names) {
  if (names.empty()) return {};
  std::string out = std::string(key) + " = [\n";
  for (const Setting<std::string>& name : names)
    out += "  " + QuoteToml(name.value) + "," + Said(name.origin);
  return out + "]\n";
}

std::string Rules(const std::vector<SyscallRule>& rules) {
  std::string out;
  for (const SyscallRule& rule : rules) {
    out += "\n[[syscalls.rule]]" + Said(rule.origin);
    out += "call = " + QuoteToml(rule.call) + "\n";
    if (!rule.when.empty()) out += "when = " + QuoteToml(rule.when) + "\n";
    out += "do = " + QuoteToml(DoText(rule.action)) + "\n";
    if (!rule.reason.empty()) out += "reason = " + QuoteToml(rule.reason) + "\n";
  }
  return out;
}

std::string Variables(const Environment& environment) {
  if (environment.set.empty()) return {};
  std::string out = "\n[environment.set]\n";
  for (const auto& [name, value] : environment.set) {
    out += QuoteToml(name) + " = " + QuoteToml(value.value) + Said(value.origin);
  }
  return out;
}

std::string Exceptions(std::string_view section, const std::vector<Exception>& exceptions) {
  if (exceptions.empty()) return {};
  std::string out = "\n[" + std::string(section) + "]\nallow = [\n";
  for (const Exception& each : exceptions) {
    out += "  { " + std::string(ExceptionKey(section)) + " = " + QuoteToml(each.name) + ", reason = " + QuoteToml(each.reason) +
           (each.before_linux.empty() ? "" : ", before_linux = " + QuoteToml(each.before_linux)) + " }," + Said(each.origin);
  }
  return out + "]\n";
}

std::string Scalars(const Model& model, std::string_view section) {
  std::string out;
  for (const Option& option : Options()) {
    if (option.section != section || !IsScalar(option)) continue;
    out += std::string(option.key) + " = " + ScalarToml(model, option) + Said(ScalarOrigin(model, option));
  }
  return out;
}

}  // namespace

std::string ToToml(const Model& model) {
  std::string out = "moat = 1\n";
  if (!model.description.empty()) out += "description = " + QuoteToml(model.description) + "\n";
  out += "\n[files]\n" + Scalars(model, "files") + FileLists(model.files) + ScratchTable(model.files);
  out += "\n[limits]\n" + Scalars(model, "limits");
  out += "\n[network]\n" + Scalars(model, "network");
  out += "\n[environment]\n" + Names("pass", model.environment.pass) + Variables(model.environment);
  out += "\n[mode]\n" + Scalars(model, "mode");
  out += "\n[syscalls]\n" + Scalars(model, "syscalls") + Names("allow", model.syscalls.allow) +
         Names("deny", model.syscalls.deny) + Rules(model.syscalls.rules);
  out += Exceptions("lint", model.lint_allow) + Exceptions("attack", model.attack_allow);
  return out;
}

}  // namespace moat::policy
