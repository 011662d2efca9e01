// `moat attack --without`: what a layer holds alone is seen when it is away. For moat's own probe and nothing
// else: there is no way to a weaker jail for a real job.
#pragma once

#include <string>
#include <string_view>

#include "moat/result.h"
#include "plan/host_facts.h"
#include "policy/model.h"

namespace moat::tool {

// The host is taken for one that lacks these layers, "seccomp,landlock", and the policy for one that goes on
// without. kPolicy: `program` is not `probe`, or there is no such layer that can be missed.
Status Weaken(std::string_view layers, std::string_view program, const std::string& probe, plan::HostFacts& facts,
              policy::Model& model);

// The layers that can be left out, one after the other, here.
inline constexpr std::string_view kLayers[] = {"seccomp", "landlock", "user", "network", "ipc", "uts", "cgroup"};

}  // namespace moat::tool
