#include "policy/scalars.h"

#include <limits>

#include "base/errno_name.h"
#include "base/similar.h"
#include "base/text.h"
#include "base/units.h"
#include "policy/paths.h"

namespace moat::policy {
namespace {

using Slot = std::variant<Setting<std::string>*, Setting<std::uint64_t>*, Setting<Nanoseconds>*,
                          Setting<double>*, Setting<std::int64_t>*, Setting<Do>*, Setting<ProcMode>*,
                          Setting<NetworkMode>*, Setting<BestEffort>*>;

struct Place {
  std::string_view section;
  std::string_view key;
  Slot (*slot)(Model&);
};

constexpr Place kPlaces[] = {
    {"files", "input", [](Model& m) -> Slot { return &m.files.input; }},
    {"files", "output", [](Model& m) -> Slot { return &m.files.output; }},
    {"files", "cwd", [](Model& m) -> Slot { return &m.files.cwd; }},
    {"files", "proc", [](Model& m) -> Slot { return &m.files.proc; }},
    {"limits", "wall", [](Model& m) -> Slot { return &m.limits.wall; }},
    {"limits", "cpu", [](Model& m) -> Slot { return &m.limits.cpu; }},
    {"limits", "grace", [](Model& m) -> Slot { return &m.limits.grace; }},
    {"limits", "memory", [](Model& m) -> Slot { return &m.limits.memory; }},
    {"limits", "pids", [](Model& m) -> Slot { return &m.limits.pids; }},
    {"limits", "cpus", [](Model& m) -> Slot { return &m.limits.cpus; }},
    {"limits", "files", [](Model& m) -> Slot { return &m.limits.files; }},
    {"limits", "file_size", [](Model& m) -> Slot { return &m.limits.file_size; }},
    {"limits", "stack", [](Model& m) -> Slot { return &m.limits.stack; }},
    {"limits", "address_space", [](Model& m) -> Slot { return &m.limits.address_space; }},
    {"limits", "locked", [](Model& m) -> Slot { return &m.limits.locked; }},
    {"limits", "input", [](Model& m) -> Slot { return &m.limits.input; }},
    {"limits", "output", [](Model& m) -> Slot { return &m.limits.output; }},
    {"limits", "output_files", [](Model& m) -> Slot { return &m.limits.output_files; }},
    {"limits", "stdout", [](Model& m) -> Slot { return &m.limits.out_stream; }},
    {"limits", "stderr", [](Model& m) -> Slot { return &m.limits.err_stream; }},
    {"limits", "nice", [](Model& m) -> Slot { return &m.limits.nice; }},
    {"limits", "oom_score", [](Model& m) -> Slot { return &m.limits.oom_score; }},
    {"network", "mode", [](Model& m) -> Slot { return &m.network; }},
    {"syscalls", "default", [](Model& m) -> Slot { return &m.syscalls.otherwise; }},
    {"syscalls", "unknown", [](Model& m) -> Slot { return &m.syscalls.unknown; }},
    {"mode", "enforce", [](Model& m) -> Slot { return &m.mode.enforce; }},
    {"mode", "best_effort", [](Model& m) -> Slot { return &m.mode.best_effort; }},
};

const Place* FindPlace(const Option& option) {
  for (const Place& place : kPlaces) {
    if (place.section == option.section && place.key == option.key) return &place;
  }
  return nullptr;
}

// Reading a value does not change the model; the table is written once, for both.
Slot SlotOf(const Model& model, const Option& option) {
  return FindPlace(option)->slot(const_cast<Model&>(model));
}

// A value in the one scale that its type can be compared in.
Result<double> Measure(const Option& option, std::string_view text) {
  switch (option.type) {
    case OptionType::kSize:
      return static_cast<double>(MOAT_TRY(base::ParseSize(text)));
    case OptionType::kDuration:
      return static_cast<double>(MOAT_TRY(base::ParseDuration(text)));
    case OptionType::kCount:
      return static_cast<double>(MOAT_TRY(base::ParseCount(text)));
    default:
      return base::ParseDecimal(text);
  }
}

Status CheckRange(const Option& option, std::string_view text) {
  const double value = MOAT_TRY(Measure(option, text));
  if (!option.minimum.empty() && value < MOAT_TRY(Measure(option, option.minimum))) {
    return PolicyError(Quote(text) + " is too small; the minimum is " + std::string(option.minimum));
  }
  if (!option.maximum.empty() && value > MOAT_TRY(Measure(option, option.maximum))) {
    return PolicyError(Quote(text) + " is too large; the maximum is " + std::string(option.maximum));
  }
  return {};
}

Status SetNumber(const Slot& slot, const Option& option, std::string_view text, const Origin& origin) {
  const bool unlimited = text == "unlimited";
  if (unlimited && option.unlimited == Unlimited::kNo) {
    return PolicyError("this limit cannot be lifted");
  }
  if (!unlimited) MOAT_TRY(CheckRange(option, text));
  if (auto* duration = std::get_if<Setting<Nanoseconds>*>(&slot)) {
    (*duration)->Set(unlimited ? Nanoseconds::max() : Nanoseconds(MOAT_TRY(base::ParseDuration(text))),
                     origin);
  } else if (auto* number = std::get_if<Setting<double>*>(&slot)) {
    (*number)->Set(unlimited ? 0.0 : MOAT_TRY(base::ParseDecimal(text)), origin);
  } else if (auto* small = std::get_if<Setting<std::int64_t>*>(&slot)) {
    (*small)->Set(static_cast<std::int64_t>(MOAT_TRY(base::ParseCount(text))), origin);
  } else if (option.type == OptionType::kSize) {
    std::get<Setting<std::uint64_t>*>(slot)->Set(unlimited ? kUnlimited : MOAT_TRY(base::ParseSize(text)),
                                                 origin);
  } else {
    std::get<Setting<std::uint64_t>*>(slot)->Set(unlimited ? kUnlimited : MOAT_TRY(base::ParseCount(text)),
                                                 origin);
  }
  return {};
}

std::vector<std::string_view> Words(std::string_view values) {
  std::vector<std::string_view> words;
  while (!values.empty()) {
    const std::size_t end = std::min(values.find('|'), values.size());
    words.push_back(values.substr(0, end));
    values.remove_prefix(std::min(end + 1, values.size()));
  }
  return words;
}

// The words stand in options.toml in the order of the enumerators.
Status SetEnum(const Slot& slot, const Option& option, std::string_view text, const Origin& origin) {
  const auto words = Words(option.values);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] != text) continue;
    if (auto* proc = std::get_if<Setting<ProcMode>*>(&slot)) {
      (*proc)->Set(static_cast<ProcMode>(i), origin);
    } else {
      std::get<Setting<NetworkMode>*>(slot)->Set(static_cast<NetworkMode>(i), origin);
    }
    return {};
  }
  std::string known;
  for (const std::string_view word : words) known += (known.empty() ? "" : ", ") + Quote(word);
  const std::string closest = base::Closest(text, words);
  return WithFix(PolicyError(Quote(text) + " is not one of " + known), DidYouMean(closest));
}

Status SetPercent(const Slot& slot, std::string_view text, const Origin& origin) {
  if (text.empty() || text.back() != '%') {
    return WithFix(PolicyError(Quote(text) + " has no unit, and none is guessed"),
                   "write " + Quote(std::string(text) + "%"));
  }
  const double value = MOAT_TRY(base::ParseDecimal(text.substr(0, text.size() - 1)));
  if (value > 100) return PolicyError(Quote(text) + " is more than everything");
  std::get<Setting<double>*>(slot)->Set(value, origin);
  return {};
}

Status SetBool(const Slot& slot, std::string_view text, const Origin& origin) {
  if (text != "true" && text != "false" && !text.empty()) {
    return PolicyError(Quote(text) + " is neither `true` nor `false`");
  }
  // A flag without a value says yes.
  std::get<Setting<BestEffort>*>(slot)->Set(text == "false" ? BestEffort::kNo : BestEffort::kYes, origin);
  return {};
}

// What an unlisted call gets may refuse it or ask, never let it pass.
Status SetVerdict(const Slot& slot, std::string_view text, const Origin& origin) {
  const Do action = MOAT_TRY(ParseDo(text));
  const bool refuses = action.kind == DoKind::kKill || action.kind == DoKind::kNotify ||
                       (action.kind == DoKind::kErrno && action.error_number != 0);
  if (!refuses) {
    return WithFix(PolicyError(Quote(text) + " would let every call pass that the policy does not name"),
                   "give an errno such as `EPERM` or `ENOSYS`, and list in `allow` what is needed");
  }
  std::get<Setting<Do>*>(slot)->Set(action, origin);
  return {};
}

Status SetText(const Slot& slot, std::string_view text, const Origin& origin) {
  std::string path = text.empty() ? std::string() : MOAT_TRY(NormalPath(text));
  std::get<Setting<std::string>*>(slot)->Set(std::move(path), origin);
  return {};
}

Status SetByType(const Slot& slot, const Option& option, std::string_view text, const Origin& origin) {
  switch (option.type) {
    case OptionType::kEnum:
      return SetEnum(slot, option, text, origin);
    case OptionType::kPercent:
      return SetPercent(slot, text, origin);
    case OptionType::kBool:
      return SetBool(slot, text, origin);
    case OptionType::kString:
      return SetVerdict(slot, text, origin);
    case OptionType::kPath:
      return SetText(slot, text, origin);
    default:
      return SetNumber(slot, option, text, origin);
  }
}

struct Formatter {
  const Option& option;

  std::string operator()(const Setting<std::string>* s) const { return QuoteToml(s->value); }
  std::string operator()(const Setting<Nanoseconds>* s) const {
    return QuoteToml(s->value == Nanoseconds::max() ? "unlimited" : base::FormatDuration(s->value.count()));
  }
  std::string operator()(const Setting<std::uint64_t>* s) const {
    if (s->value == kUnlimited) return QuoteToml("unlimited");
    return option.type == OptionType::kSize ? QuoteToml(base::FormatSize(s->value)) : base::Number(s->value);
  }
  std::string operator()(const Setting<double>* s) const {
    if (option.type == OptionType::kPercent) return QuoteToml(base::FormatDecimal(s->value) + "%");
    return s->value == 0 ? QuoteToml("unlimited") : base::FormatDecimal(s->value);
  }
  std::string operator()(const Setting<std::int64_t>* s) const { return base::SignedNumber(s->value); }
  std::string operator()(const Setting<Do>* s) const { return QuoteToml(DoText(s->value)); }
  std::string operator()(const Setting<ProcMode>* s) const {
    return Word(static_cast<std::size_t>(s->value));
  }
  std::string operator()(const Setting<NetworkMode>* s) const {
    return Word(static_cast<std::size_t>(s->value));
  }
  std::string operator()(const Setting<BestEffort>* s) const {
    return s->value == BestEffort::kYes ? "true" : "false";
  }
  std::string Word(std::size_t index) const { return QuoteToml(Words(option.values)[index]); }
};

}  // namespace

bool IsScalar(const Option& option) { return FindPlace(option) != nullptr; }

Status SetScalar(Model& model, const Option& option, std::string_view text, const Origin& origin) {
  Status set = SetByType(SlotOf(model, option), option, text, origin);
  if (!set.ok()) set.error().message = Quote(option.key) + ": " + set.error().message;
  return set;
}

std::string ScalarToml(const Model& model, const Option& option) {
  return std::visit(Formatter{option}, SlotOf(model, option));
}

const Origin& ScalarOrigin(const Model& model, const Option& option) {
  return std::visit([](const auto* setting) -> const Origin& { return setting->origin; },
                    SlotOf(model, option));
}

Result<Model> DefaultModel() {
  Model model;
  for (const Option& option : Options()) {
    if (IsScalar(option)) MOAT_TRY(SetScalar(model, option, option.default_text, {}));
  }
  return model;
}

}  // namespace moat::policy
