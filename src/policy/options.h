// The table of policy keys, generated from spec/options.toml: the reader, the command
// line, the man page and the reference come from the same rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace moat::policy {

enum class OptionType : std::uint8_t {
  kString, kStringList, kPath, kPathList, kSize, kDuration, kCount, kNumber, kPercent, kBool,
  kEnum, kTable, kRuleList, kExceptionList,
};

enum class Unlimited : bool { kNo, kAllowed };

struct Option {
  std::string_view section;    // "limits", "" for the top level
  std::string_view key;        // "wall"
  OptionType type;
  std::string_view default_text;  // as it would be written in TOML, "" when none
  std::string_view flag;       // "wall" for --wall, "" when not a flag
  std::string_view values;     // kEnum: "none|loopback"
  std::string_view danger;     // "" or why asking for more is risky
  std::string_view since;
  std::string_view doc;        // one or two sentences
  std::string_view minimum;    // inclusive, in the key's own notation, "" when none
  std::string_view maximum;
  Unlimited unlimited;         // the word "unlimited" is accepted
  std::string_view unit;       // what a count counts, for people
};

std::span<const Option> Options();
const Option* FindOption(std::string_view section, std::string_view key);
const Option* FindFlag(std::string_view flag);  // '_' and '-' are the same here

}  // namespace moat::policy
