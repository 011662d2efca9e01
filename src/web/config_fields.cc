#include "web/config_fields.h"

#include "base/similar.h"
#include "base/text.h"
#include "base/units.h"
#include "policy/scalars.h"

namespace moat::web {
namespace {

using policy::Entry;
using policy::Node;

Status WrongKind(const Entry& entry, std::string_view wanted) {
  return ConfigError(policy::Quote(entry.key) + " must be " + std::string(wanted) + ", not " +
                         std::string(policy::KindName(entry.value.kind)),
                     entry.value.origin);
}

Status At(const Entry& entry, Error error) {
  error.kind = ErrorKind::kPolicy;
  error.message = policy::Quote(entry.key) + ": " + error.message;
  error.origin = entry.value.origin;
  return error;
}

}  // namespace

Error ConfigError(std::string message, const Origin& origin, std::string fix) {
  return WithFix(PolicyError(std::move(message), origin), std::move(fix));
}

Status WantTable(const Entry& entry) {
  if (entry.value.kind == Node::Kind::kTable) return {};
  return WrongKind(entry, "a section");
}

Field TextField(std::string_view key, std::string* to) {
  return {key, [to](const Entry& entry) -> Status {
            if (entry.value.kind != Node::Kind::kString) return WrongKind(entry, "a string");
            if (entry.value.text.empty()) return At(entry, PolicyError("is empty"));
            if (entry.value.text.find('\0') != std::string::npos) return At(entry, PolicyError("has a NUL in it"));
            *to = entry.value.text;
            return {};
          }};
}

Field SizeField(std::string_view key, std::uint64_t* to) {
  return {key, [to](const Entry& entry) -> Status {
            if (entry.value.kind != Node::Kind::kString) return WrongKind(entry, "a string with a unit, such as \"64M\"");
            auto size = base::ParseSize(entry.value.text);
            if (!size.ok()) return At(entry, size.error());
            *to = *size;
            return {};
          }};
}

Field DurationField(std::string_view key, std::int64_t* to) {
  return {key, [to](const Entry& entry) -> Status {
            if (entry.value.kind != Node::Kind::kString) return WrongKind(entry, "a string with a unit, such as \"30s\"");
            auto duration = base::ParseDuration(entry.value.text);
            if (!duration.ok()) return At(entry, duration.error());
            *to = *duration;
            return {};
          }};
}

Field CountField(std::string_view key, std::uint64_t* to, Range range) {
  return {key, [to, range](const Entry& entry) -> Status {
            if (entry.value.kind != Node::Kind::kInteger) return WrongKind(entry, "a whole number");
            const std::int64_t value = entry.value.integer;
            if (value < static_cast<std::int64_t>(range.least) || value > static_cast<std::int64_t>(range.most)) {
              return At(entry, PolicyError("must be from " + base::Number(range.least) + " to " + base::Number(range.most)));
            }
            *to = static_cast<std::uint64_t>(value);
            return {};
          }};
}

Field WordField(std::string_view key, std::vector<std::string_view> words, std::function<void(std::size_t)> to) {
  return {key, [words = std::move(words), to = std::move(to)](const Entry& entry) -> Status {
            if (entry.value.kind != Node::Kind::kString) return WrongKind(entry, "a string");
            std::string known;
            for (std::size_t i = 0; i < words.size(); ++i) {
              known += (i == 0 ? "" : ", ") + std::string(words[i]);
              if (words[i] != entry.value.text) continue;
              to(i);
              return {};
            }
            return At(entry, WithFix(PolicyError(policy::Quote(entry.value.text) + " is none of " + known),
                                     policy::DidYouMean(base::Closest(entry.value.text, words))));
          }};
}

Field ListField(std::string_view key, std::vector<std::string>* to) {
  return {key, [to](const Entry& entry) -> Status {
            if (entry.value.kind != Node::Kind::kArray) return WrongKind(entry, "a list of strings");
            for (const Node& item : entry.value.items) {
              const bool fits = item.kind == Node::Kind::kString && item.text.find('\0') == std::string::npos;
              if (!fits) return ConfigError(policy::Quote(entry.key) + " must be a list of strings", item.origin);
              to->push_back(item.text);
            }
            if (to->empty()) return At(entry, PolicyError("is empty"));
            return {};
          }};
}

Status ReadFields(const Node& section, std::string_view name, const std::vector<Field>& fields) {
  std::vector<std::string_view> known;
  for (const Field& field : fields) known.push_back(field.key);
  for (const Entry& entry : section.entries) {
    const Field* field = nullptr;
    for (const Field& each : fields) {
      if (each.key == entry.key) field = &each;
    }
    if (field == nullptr) {
      const std::string where = name.empty() ? "at the top level" : "in [" + std::string(name) + "]";
      return ConfigError("unknown key " + policy::Quote(entry.key) + " " + where, entry.origin,
                         policy::DidYouMean(base::Closest(entry.key, known)));
    }
    MOAT_TRY(field->read(entry));
  }
  return {};
}

}  // namespace moat::web
