#include "policy/reader.h"

#include <algorithm>

#include "base/similar.h"
#include "base/text.h"
#include "base/units.h"
#include "policy/exceptions.h"
#include "policy/files.h"
#include "policy/options.h"
#include "policy/scalars.h"
#include "policy/syscalls_section.h"

namespace moat::policy {
namespace {

constexpr std::int64_t kFormat = 1;

Status WrongType(const Entry& entry, std::string_view wanted, std::string fix = {}) {
  return WithOrigin(WithFix(PolicyError(Quote(entry.key) + " must be " + std::string(wanted) + ", not " +
                                        std::string(KindName(entry.value.kind))),
                            std::move(fix)),
                    entry.value.origin);
}

// A number where a quantity is wanted: what was meant is not known, so it is not guessed.
Status NoUnit(const Entry& entry, const Option& option) {
  std::string number = entry.value.kind == Node::Kind::kInteger ? base::SignedNumber(entry.value.integer)
                                                                : base::FormatDecimal(entry.value.number);
  const bool negative =
      entry.value.kind == Node::Kind::kInteger ? entry.value.integer < 0 : entry.value.number < 0;
  const bool counted = number.size() >= 7;  // by a machine, in the smallest unit
  std::string_view unit = "%";
  if (option.type == OptionType::kSize) unit = counted ? "B" : "M";
  if (option.type == OptionType::kDuration) unit = counted ? "ns" : "s";
  Error error = PolicyError(Quote(option.key) + ": " + number + " has no unit, and none is guessed",
                            entry.value.origin);
  if (negative) error.message = Quote(option.key) + ": a limit cannot be negative";
  error.fix = "write a string with a unit, such as \"" + (negative ? "1" : number) + std::string(unit) + "\"";
  return error;
}

Result<std::string> NumberText(const Entry& entry) {
  const Node& value = entry.value;
  if (value.kind == Node::Kind::kInteger) return base::SignedNumber(value.integer);
  if (!(value.number >= 0 && value.number < 1e9)) {
    return PolicyError(Quote(entry.key) + " is out of range", value.origin);
  }
  return base::FormatDecimal(value.number);
}

// The value as the text that SetScalar reads, if its TOML type fits the key.
Result<std::string> ScalarText(const Entry& entry, const Option& option) {
  const Node::Kind kind = entry.value.kind;
  const bool is_number = kind == Node::Kind::kInteger || kind == Node::Kind::kFloat;
  switch (option.type) {
    case OptionType::kSize:
    case OptionType::kDuration:
    case OptionType::kPercent:
      if (is_number) return NoUnit(entry, option).error();
      break;
    case OptionType::kCount:
    case OptionType::kNumber: {
      const bool fits = kind == Node::Kind::kInteger || (is_number && option.type == OptionType::kNumber);
      if (fits) return NumberText(entry);
      const bool word = kind == Node::Kind::kString && entry.value.text == "unlimited";
      if (word) break;
      const std::string wanted = option.type == OptionType::kCount ? "a whole number" : "a number";
      return WrongType(entry, wanted + (option.unlimited == Unlimited::kAllowed ? " or \"unlimited\"" : ""))
          .error();
    }
    case OptionType::kBool:
      if (kind != Node::Kind::kBool) return WrongType(entry, "true or false").error();
      return std::string(entry.value.integer != 0 ? "true" : "false");
    default:
      break;
  }
  if (kind != Node::Kind::kString) return WrongType(entry, "a string").error();
  return entry.value.text;
}

Status ApplyScalar(Model& model, const Entry& entry, const Option& option) {
  const std::string text = MOAT_TRY(ScalarText(entry, option));
  Status set = SetScalar(model, option, text, entry.value.origin);
  if (!set.ok()) set.error().origin = entry.value.origin;
  return set;
}

Status ApplyVariables(Environment& environment, const Entry& entry) {
  if (entry.value.kind != Node::Kind::kTable)
    return WrongType(entry, "a table, such as { LANG = \"C.UTF-8\" }");
  for (const Entry& variable : entry.value.entries) {
    if (variable.value.kind != Node::Kind::kString) {
      return WrongType(variable, "a string", "the environment holds nothing else; write it in quotes");
    }
    Setting<std::string> value(variable.value.text);
    value.origin = variable.origin;
    const auto at =
        std::lower_bound(environment.set.begin(), environment.set.end(), variable.key,
                         [](const auto& pair, const std::string& key) { return pair.first < key; });
    if (at != environment.set.end() && at->first == variable.key) {
      at->second = value;
    } else {
      environment.set.insert(at, {variable.key, value});
    }
  }
  return {};
}

Error UnknownKey(const Entry& entry, std::string_view section) {
  std::vector<std::string_view> here;
  std::string fix;
  for (const Option& option : Options()) {
    if (option.section == section) here.push_back(option.key);
  }
  fix = DidYouMean(base::Closest(entry.key, here));
  for (const Option& option : Options()) {
    if (fix.empty() && option.key == entry.key && !option.section.empty()) {
      fix = "it belongs in [" + std::string(option.section) + "]";
    }
  }
  const std::string where = section.empty() ? "at the top level" : "in [" + std::string(section) + "]";
  return WithOrigin(WithFix(PolicyError("unknown key " + Quote(entry.key) + " " + where), fix), entry.origin);
}

Status ApplyFiles(Files& files, const Node& section) {
  FileLayer layer;
  for (const Entry& entry : section.entries) {
    if (entry.key == "scratch") MOAT_TRY(ReadScratch(layer, entry.value));
    for (const FileAccess access :
         {FileAccess::kRead, FileAccess::kWrite, FileAccess::kHide, FileAccess::kDevice}) {
      if (entry.key == AccessKey(access)) MOAT_TRY(ReadFileList(layer, access, entry.value));
    }
  }
  MergeFiles(files, layer);
  return {};
}

Status ApplySection(Model& model, const Entry& section) {
  if (section.value.kind != Node::Kind::kTable) {
    return WithOrigin(PolicyError(Quote(section.key) + " is a section: write [" + section.key + "]"),
                      section.origin);
  }
  for (const Entry& entry : section.value.entries) {
    const Option* option = FindOption(section.key, entry.key);
    if (option == nullptr) return UnknownKey(entry, section.key);
    if (IsScalar(*option)) MOAT_TRY(ApplyScalar(model, entry, *option));
    if (section.key == "environment" && entry.key == "pass") {
      MOAT_TRY(AppendNames(model.environment.pass, entry));
    }
    if (section.key == "environment" && entry.key == "set")
      MOAT_TRY(ApplyVariables(model.environment, entry));
    if (section.key == "lint") MOAT_TRY(ReadExceptions(model.lint_allow, section.key, entry));
    if (section.key == "attack") MOAT_TRY(ReadExceptions(model.attack_allow, section.key, entry));
  }
  if (section.key == "files") return ApplyFiles(model.files, section.value);
  if (section.key == "syscalls") return ApplySyscalls(model.syscalls, section.value);
  return {};
}

Status CheckFormat(const Node& root) {
  const Entry* format = root.Find("moat");
  if (format == nullptr) {
    return WithOrigin(WithFix(PolicyError("`moat = 1` is missing"), "begin the policy with it"), root.origin);
  }
  if (format->value.kind != Node::Kind::kInteger) return WrongType(*format, "the number 1");
  if (format->value.integer != kFormat) {
    return WithOrigin(WithFix(PolicyError("format " + base::SignedNumber(format->value.integer) +
                                          " is not one that this moat reads"),
                              "this version reads `moat = 1`"),
                      format->value.origin);
  }
  return {};
}

std::vector<std::string_view> SectionsAndKeys() {
  std::vector<std::string_view> names;
  for (const Option& option : Options()) {
    names.push_back(option.section.empty() ? option.key : option.section);
  }
  return names;
}

Status CheckTopLevel(const Node& root) {
  const auto known = SectionsAndKeys();
  for (const Entry& entry : root.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    if (entry.value.kind != Node::Kind::kTable) {
      Error error = UnknownKey(entry, "");
      if (error.fix.empty()) error.fix = DidYouMean(base::Closest(entry.key, known));
      return error;
    }
    return WithOrigin(WithFix(PolicyError("unknown section [" + entry.key + "]"),
                              DidYouMean(base::Closest(entry.key, known))),
                      entry.origin);
  }
  return {};
}

}  // namespace

Result<BaseName> ReadBase(const Node& root) {
  MOAT_TRY(CheckFormat(root));
  const Entry* base = root.Find("base");
  if (base == nullptr) return BaseName{};
  if (base->value.kind != Node::Kind::kString) return WrongType(*base, "a string").error();
  if (base->value.text.empty()) return PolicyError("`base` is empty", base->value.origin);
  return BaseName{base->value.text, base->value.origin};
}

Status ApplyDocument(Model& model, const Node& root) {
  MOAT_TRY(CheckFormat(root));
  MOAT_TRY(CheckTopLevel(root));
  for (const Entry& entry : root.entries) {
    if (entry.key == "moat" || entry.key == "base") continue;
    if (entry.key == "description") {
      if (entry.value.kind != Node::Kind::kString) return WrongType(entry, "a string");
      model.description = entry.value.text;
      continue;
    }
    MOAT_TRY(ApplySection(model, entry));
  }
  return {};
}

}  // namespace moat::policy
