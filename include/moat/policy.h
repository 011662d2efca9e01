// What a kind of job may do: a policy file, read and checked.
//
//   moat::Result<moat::Policy> Thumbnails() {
//     auto policy = MOAT_TRY(moat::Policy::Load("imagemagick"));  // or a path: "./thumbnail.toml"
//     MOAT_TRY(policy.Set("wall", "30s"));                        // as the flag --wall of `moat run`
//     return policy;
//   }
//
// Ownership: a value; copies share what they have in common. Threads: const functions from
// any, like a std::string. Units: as in policy files, every size and time has one ("30s",
// "512M"). Errors: kind policy, with file, line, column and the narrowest fix; no exception.
// The environment is not read.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"

namespace moat {

// Where a profile's name is looked for: in `folders`, then, if asked for, in /etc/moat/profiles
// and in the folder of the profiles that moat ships (as installed, else beside this program:
// ../share/moat/profiles).
struct PolicyLoadOptions {
  enum class Standard : unsigned char { kSearch, kIgnore };

  std::vector<std::string> folders;
  Standard standard = Standard::kSearch;
};

class Policy {
 public:
  using LoadOptions = PolicyLoadOptions;

  // By path (with a "/", or ending in .toml) or by the name of a profile.
  static Result<Policy> Load(std::string_view name_or_path, const LoadOptions& options = {});
  // A text; `name` stands for it in errors and reports. Its `base` is loaded by `options`.
  static Result<Policy> Parse(std::string_view text, std::string_view name, const LoadOptions& options = {});

  // One limit or other key that `moat run` has as a flag: "wall", "memory", "read" ... An
  // error leaves the policy as it was.
  Status Set(std::string_view flag, std::string_view value);

  const std::string& name() const;
  // Per cent of the jobs that are to be enforced (`enforce`); what that means to the library is said at Command::key.
  double enforced_share() const;
  // The effective policy, bases folded in; each line says where it comes from.
  std::string ToToml() const;

  struct Impl;
  // For the library's own parts.
  explicit Policy(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace moat
