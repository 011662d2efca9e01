// Helpers of the policy tests.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "policy/load.h"

namespace moat::policy {

// A ReadProfile over texts in memory; names and paths are looked up as they are.
ReadProfile FromMemory(std::map<std::string, std::string> texts);

// Parses `body` behind `moat = 1` on line 1 of "test.toml"; the body begins on line 2.
Result<Model> ParseBody(std::string_view body, const ReadProfile& read = {});

// The error's text, or "accepted".
std::string ErrorOf(const Result<Model>& result);

}  // namespace moat::policy
