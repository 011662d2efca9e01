#include "web/local_backend.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <thread>

#include "sys/calls.h"
#include "web/lanes.h"

namespace moat::web {
namespace {

using Sandboxes = std::map<std::string, Sandbox>;

class SandboxRunner final : public Runner {
 public:
  SandboxRunner(std::shared_ptr<Sandboxes> sandboxes, std::shared_ptr<InstallRate> filters)
      : sandboxes_(std::move(sandboxes)), filters_(std::move(filters)) {}
  JobEnd Run(Job& job, const CancelToken& cancel) override;

 private:
  enum class Turn : unsigned char { kCame, kCancelled };
  Turn AwaitTurn(const CancelToken& cancel) const;

  std::shared_ptr<Sandboxes> sandboxes_;  // of all lanes
  std::shared_ptr<InstallRate> filters_;
};

SandboxRunner::Turn SandboxRunner::AwaitTurn(const CancelToken& cancel) const {
  while (const auto wait = filters_->Take(std::chrono::nanoseconds(sys::NowNs()))) {
    pollfd one = {cancel.descriptor(), POLLIN, 0};
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(*wait).count() + 1;
    if (poll(&one, 1, static_cast<int>(milliseconds)) > 0) return Turn::kCancelled;
  }
  return Turn::kCame;
}

JobEnd SandboxRunner::Run(Job& job, const CancelToken& cancel) {
  JobEnd end;
  if (AwaitTurn(cancel) == Turn::kCancelled) {
    end.kind = JobEnd::Kind::kDropped;
    return end;
  }
  const Status may = job.starting ? job.starting() : Status();
  if (!may.ok()) {
    end.error = may.error();
    return end;
  }
  Command command;
  command.argv = job.argv;
  for (const JobInput& input : job.inputs) command.inputs.push_back({input.name, input.name, input.file.get()});
  command.output_descriptor = job.outputs.get();
  command.out = Stream::Capture();
  command.err = Stream::Capture();
  command.cancel = cancel;
  auto outcome = sandboxes_->at(job.profile).Run(command);
  if (!outcome.ok()) {
    end.error = outcome.error();
    return end;
  }
  end.kind = JobEnd::Kind::kRan;
  end.report = std::move(outcome->report);
  end.out = std::move(outcome->out);
  end.err = std::move(outcome->err);
  return end;
}

}  // namespace

Result<std::unique_ptr<Backend>> MakeLocalBackend(const Config& config, LocalBackendOptions options) {
  if (options.filters == nullptr) options.filters = std::make_shared<InstallRate>();
  const auto sandboxes = std::make_shared<Sandboxes>();
  for (const ProfileConfig& each : config.profiles) {
    auto policy = Policy::Load(each.policy, options.policies);
    if (!policy.ok()) return policy.error();
    if (policy->enforced_share() < 100) {
      return WithOrigin(WithFix(PolicyError("`enforce` of `" + policy->name() + "` is a share of the jobs, and a daemon enforces all of them"),
                                "roll it out by `moat run`, or take `enforce` out of the policy"),
                        each.origin);
    }
    for (const auto& [flag, value] : each.limits) {
      Status set = policy->Set(flag, value);
      if (!set.ok()) return WithOrigin(set.error(), each.origin);
    }
    sandboxes->emplace(each.name, Sandbox(*policy, options.sandbox));
  }
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<Runner>> runners(config.jobs == 0 ? processors : config.jobs);
  for (auto& runner : runners) runner = std::make_unique<SandboxRunner>(sandboxes, options.filters);
  return MakeLanes(config, std::move(runners));
}

}  // namespace moat::web
