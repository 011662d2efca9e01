// TOML text -> Model. Strict: unknown key, wrong type, missing unit, duplicate: an error with
// file:line:column and a did-you-mean. Pure apart from the injected reader of files.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "policy/model.h"

namespace moat::policy {

// How `base = "name"` and -p NAME|FILE find their text. Injected, so that tests and the
// fuzzer need no file system. Returns the text and the path that it was read from.
struct SourceText {
  std::string path;
  std::string text;
};
using ReadProfile = std::function<Result<SourceText>(std::string_view name_or_path)>;

// Loads a profile by name ("default", "imagemagick") or by path (contains '/' or ends in
// .toml), with its bases (cycles and depth over 8 refused).
Result<Model> Load(std::string_view name_or_path, const ReadProfile& read);

// Parses one text; `path` names it in errors.
Result<Model> Parse(std::string_view text, std::string path, const ReadProfile& read);

// One command-line flag that is a policy key: name without dashes ("wall", "memory").
Status ApplyFlag(Model& model, std::string_view flag, std::string_view value);

// Checks that need the whole model: limits against each other, rules that can never match,
// targets that collide. Called by Load and Parse; call again after ApplyFlag.
Status Validate(const Model& model);

// The effective policy as TOML, bases folded in, each line commented with its origin.
std::string ToToml(const Model& model);

}  // namespace moat::policy
