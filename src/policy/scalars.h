// The single-valued keys: how each type is read from text, and where its value lives in the
// model. One table serves the reader, the command line, the printer and the comparison, so
// that none of them can forget a key. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "moat/result.h"
#include "policy/model.h"
#include "policy/options.h"

namespace moat::policy {

using Scalar = std::variant<std::string, std::uint64_t, Nanoseconds, double, std::int64_t, Do>;

// Sets one key from text as it stands on a command line or inside a TOML string. Checks the
// type, the range and the words of enums. The errors name no place: the caller knows it.
Status SetScalar(Model& model, const Option& option, std::string_view text, const Origin& origin);

// Whether the key is one of these at all (lists, tables and the top level are not).
bool IsScalar(const Option& option);

// The value as TOML would write it ("\"30s\"", "64", "true"), and where it was said.
std::string ScalarToml(const Model& model, const Option& option);
const Origin& ScalarOrigin(const Model& model, const Option& option);

// Every default of the table, with an empty origin: the model before any text.
Result<Model> DefaultModel();

// "EPERM", "allow", "kill", "notify", "log", "success".
Result<Do> ParseDo(std::string_view text);
std::string DoText(const Do& action);

std::string QuoteToml(std::string_view text);
// "`thing`": how errors show what was written; control characters escaped, long text cut.
std::string Quote(std::string_view text);
// "; did you mean" as a fix: "did you mean `x`?", or "" when `closest` is empty.
std::string DidYouMean(const std::string& closest);

}  // namespace moat::policy
