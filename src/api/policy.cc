#include "moat/policy.h"

#include "api/locate.h"
#include "api/policy_impl.h"
#include "profile/find_profile.h"
#include "policy/load.h"

namespace moat {
namespace {

std::vector<std::string> Folders(const PolicyLoadOptions& options, const std::vector<std::string>& shipped) {
  std::vector<std::string> folders = options.folders;
  if (options.standard == PolicyLoadOptions::Standard::kIgnore) return folders;
  folders.emplace_back("/etc/moat/profiles");
  folders.insert(folders.end(), shipped.begin(), shipped.end());
  return folders;
}

}  // namespace

Result<Policy> Policy::Load(std::string_view name_or_path, const LoadOptions& options) {
  auto impl = std::make_shared<Impl>();
  impl->shipped = api::ShippedProfiles();
  impl->model = MOAT_TRY(policy::Load(name_or_path, policy::ProfilesIn(Folders(options, impl->shipped))));
  return Policy(std::move(impl));
}

Result<Policy> Policy::Parse(std::string_view text, std::string_view name, const LoadOptions& options) {
  auto impl = std::make_shared<Impl>();
  impl->shipped = api::ShippedProfiles();
  impl->model =
      MOAT_TRY(policy::Parse(text, std::string(name), policy::ProfilesIn(Folders(options, impl->shipped))));
  return Policy(std::move(impl));
}

Status Policy::Set(std::string_view flag, std::string_view value) {
  auto changed = std::make_shared<Impl>(*impl_);
  MOAT_TRY(policy::ApplyFlag(changed->model, flag, value));
  MOAT_TRY(policy::Validate(changed->model));
  impl_ = std::move(changed);
  return {};
}

const std::string& Policy::name() const { return impl_->model.name; }

double Policy::enforced_share() const { return impl_->model.mode.enforce.value; }

std::string Policy::ToToml() const { return policy::ToToml(impl_->model); }

}  // namespace moat
