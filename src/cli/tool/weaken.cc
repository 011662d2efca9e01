#include "cli/tool/weaken.h"

namespace moat::tool {
namespace {

constexpr std::string_view kWhy = "left out by moat attack";

void Miss(plan::Fact& fact) {
  fact = {};
  fact.detail = std::string(kWhy);
}

Status Miss(std::string_view layer, plan::HostFacts& facts) {
  if (layer == "landlock") {
    facts.landlock_abi = 0;
    Miss(facts.landlock);
    return {};
  }
  if (layer == "user" && !facts.root.works) {
    return PolicyError("without a user namespace there is no jail for an ordinary user; as root there is");
  }
  const struct {
    std::string_view name;
    plan::Fact* fact;
  } rows[] = {{"seccomp", &facts.seccomp}, {"user", &facts.user_ns}, {"network", &facts.net_ns},
              {"ipc", &facts.ipc_ns},      {"uts", &facts.uts_ns},   {"cgroup", &facts.cgroup_ns}};
  for (const auto& row : rows) {
    if (row.name != layer) continue;
    Miss(*row.fact);
    return {};
  }
  return WithFix(PolicyError("there is no layer `" + std::string(layer) + "` that can be left out"),
                 "one of seccomp, landlock, user, network, ipc, uts, cgroup");
}

}  // namespace

Status Weaken(std::string_view layers, std::string_view program, const std::string& probe, plan::HostFacts& facts,
              policy::Model& model) {
  if (layers.empty()) return {};
  if (program != probe) {
    return WithFix(PolicyError("layers are left out for moat's own probe only, never for a job"),
                   "`moat attack --without " + std::string(layers) + "` shows what they hold");
  }
  model.mode.best_effort.value = policy::BestEffort::kYes;
  while (!layers.empty()) {
    const std::string_view layer = layers.substr(0, layers.find(','));
    MOAT_TRY(Miss(layer, facts));
    layers.remove_prefix(layer.size() == layers.size() ? layers.size() : layer.size() + 1);
  }
  return {};
}

}  // namespace moat::tool
