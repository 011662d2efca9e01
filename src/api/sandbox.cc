#include "moat/sandbox.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

#include "api/conversation.h"
#include "api/helper.h"
#include "api/locate.h"
#include "api/plan_store.h"
#include "base/hash.h"

namespace moat {
namespace {

using api::Helper;
using HelperPointer = std::unique_ptr<Helper>;

// The first of the launchers that is of this version.
Result<HelperPointer> StartHelper(const std::string& given) {
  Error error = HostError("`bin/moat`, which starts the jobs, was not found",
                          "install moat, or name the launcher in SandboxOptions::launcher");
  for (const std::string& launcher : api::Launchers(given)) {
    auto helper = Helper::Start(launcher);
    if (helper.ok()) return helper;
    error = std::move(helper).error();
  }
  return error;
}

// Helpers without a job.
class Pool {
 public:
  explicit Pool(unsigned keep) : keep_(keep), owner_(getpid()) {}
  ~Pool() { Clear(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // One that has a spawner for this plan, if there is one.
  HelperPointer Take(std::uint64_t plan) {
    const std::lock_guard<std::mutex> lock(mutex_);
    LeaveToParent();
    if (idle_.empty()) return nullptr;
    auto found = idle_.end() - 1;  // the one whose memory is still warm
    for (auto each = idle_.begin(); each != idle_.end(); ++each) {
      if ((*each)->inherits() == plan) found = each;
    }
    HelperPointer helper = std::move(*found);
    idle_.erase(found);
    return helper;
  }
  void Give(HelperPointer helper) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (idle_.size() < keep_) idle_.push_back(std::move(helper));
  }

 private:
  void Clear() {
    LeaveToParent();
    for (HelperPointer& helper : idle_) helper->HangUp();
    idle_.clear();
  }
  // After fork() they are still our parent's: only our copies of the descriptors go.
  void LeaveToParent() {
    const pid_t self = getpid();
    if (owner_ == self) return;
    owner_ = self;
    for (HelperPointer& helper : idle_) helper->Disown();
    idle_.clear();
  }

  const unsigned keep_;
  pid_t owner_;
  std::mutex mutex_;
  std::vector<HelperPointer> idle_;
};

// As the launcher has it (launcher::KeyOf): both put a job on the same side.
std::string KeyOf(const Command& command) {
  if (!command.key.empty()) return command.key;
  std::string key;
  for (const Input& input : command.inputs) key += (input.path.empty() ? input.name : input.path) + '\0';
  if (command.inputs.empty()) {
    for (const std::string& word : command.argv) key += word + '\0';
  }
  return key;
}

Status CheckSide(const plan::Plan& plan, const Command& command, BeyondShare beyond) {
  const std::uint32_t share = plan.header().enforce;
  if (share >= abi::kEnforceAll || beyond == BeyondShare::kEnforce || base::InShare(KeyOf(command), share)) return {};
  return WithFix(PolicyError("`enforce` of the policy leaves this job to be reported on only, and the library cannot do that"),
                 "run it by `moat run --key`, or enforce every job: SandboxOptions::beyond_share, or `enforce = \"100%\"`");
}

}  // namespace

struct Sandbox::Impl {
  Impl(Policy policy, Options given) : options(std::move(given)), plans(std::move(policy)), pool(options.idle_helpers) {}

  Result<api::PlanPointer> PlanFor(const Command& command);
  Result<Outcome> RunWith(const api::StoredPlan& plan, const Command& command);
  bool MayInstall(const CancelToken& cancel) const {
    return !options.before_filter || options.before_filter(cancel) == Install::kYes;
  }

  const Options options;
  api::PlanStore plans;
  Pool pool;
};

Result<api::PlanPointer> Sandbox::Impl::PlanFor(const Command& command) {
  if (command.argv.empty()) return PolicyError("no command to run");
  api::PlanKey key;
  key.program = command.argv.front();
  key.search_path = options.search_path;
  const bool collects = !command.output_dir.empty() || command.output_descriptor >= 0;
  key.collect = collects ? plan::Collect::kYes : plan::Collect::kNo;
  if (key.program[0] != '/' && key.program.find('/') != std::string::npos) {
    char folder[PATH_MAX];
    if (getcwd(folder, sizeof(folder)) == nullptr) return SystemError("getcwd", errno);
    key.cwd = folder;
  }
  return plans.Get(key);
}

namespace {

Outcome Cancelled(const api::StoredPlan& plan) {
  Outcome outcome;
  outcome.report.cause = Cause::kCancelled;
  outcome.report.detail = "cancelled before it began";
  outcome.report.policy_name = plan.plan.Text(plan.plan.header().policy_name);
  outcome.report.policy_hash = plan.plan.header().policy_hash;
  outcome.report.version = MOAT_VERSION;
  return outcome;
}

bool IsInheritable(const api::StoredPlan& plan) { return (plan.plan.header().flags & abi::kInheritable) != 0; }

}  // namespace

// A helper may have been killed while it was idle: then the next one is tried. A new one makes its spawner first.
Result<Outcome> Sandbox::Impl::RunWith(const api::StoredPlan& plan, const Command& command) {
  for (;;) {
    HelperPointer helper = pool.Take(plan.id);
    const bool is_new = helper == nullptr;
    if (is_new) helper = MOAT_TRY(StartHelper(options.launcher));
    if (helper->inherits() != plan.id && !MayInstall(command.cancel)) {
      pool.Give(std::move(helper));
      return Cancelled(plan);
    }
    if (helper->is_new() && IsInheritable(plan)) api::PrepareOn(*helper, plan, command);
    api::Talk talk = MOAT_TRY(api::RunOn(*helper, plan, command));
    if (talk.installed) (void)MayInstall(command.cancel);
    if (talk.helper_is_good) pool.Give(std::move(helper));
    if (talk.outcome) return *std::move(talk.outcome);
    if (is_new) return SystemError("sendmsg", EPIPE, "a helper that ended at once");
  }
}

Sandbox::Sandbox(Policy policy, Options options) : impl_(std::make_unique<Impl>(std::move(policy), std::move(options))) {}
Sandbox::Sandbox(Sandbox&&) noexcept = default;
Sandbox& Sandbox::operator=(Sandbox&&) noexcept = default;
Sandbox::~Sandbox() = default;

Result<Report> Sandbox::Run(const std::vector<std::string>& argv) {
  Command command;
  command.argv = argv;
  Outcome outcome = MOAT_TRY(Run(command));
  return std::move(outcome.report);
}

Result<Outcome> Sandbox::Run(const Command& command) {
  const api::PlanPointer plan = MOAT_TRY(impl_->PlanFor(command));
  MOAT_TRY(CheckSide(plan->plan, command, impl_->options.beyond_share));
  Outcome outcome = MOAT_TRY(impl_->RunWith(*plan, command));
  if (outcome.report.cause != Cause::kSetup || api::PlanStore::IsFresh(plan->plan)) return outcome;
  // The host has changed under the plan (an upgrade, say): nothing has run, so once more.
  impl_->plans.Forget(plan);
  const api::PlanPointer anew = MOAT_TRY(impl_->PlanFor(command));
  return impl_->RunWith(*anew, command);
}

Status Sandbox::Prepare(const Command& command, unsigned count) {
  const api::PlanPointer plan = MOAT_TRY(impl_->PlanFor(command));
  std::vector<HelperPointer> ready;
  while (ready.size() < std::min(count, impl_->options.idle_helpers)) {
    HelperPointer helper = impl_->pool.Take(plan->id);
    const bool is_new = helper == nullptr;
    if (is_new) helper = MOAT_TRY(StartHelper(impl_->options.launcher));
    if (is_new && IsInheritable(*plan) && !impl_->MayInstall({})) break;
    if (api::PrepareOn(*helper, *plan, command)) {
      ready.push_back(std::move(helper));
    } else if (is_new) {
      return SystemError("sendmsg", EPIPE, "a helper that ended at once");
    }
  }
  for (HelperPointer& helper : ready) impl_->pool.Give(std::move(helper));
  return {};
}

Result<std::string> Sandbox::Plan(const Command& command) {
  const api::PlanPointer plan = MOAT_TRY(impl_->PlanFor(command));
  return plan::Print(plan->plan);
}

}  // namespace moat
