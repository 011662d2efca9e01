#include "probe/probe.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>

#include "base/errno_name.h"
#include "base/text.h"
#include "probe/cgroup_files.h"
#include "probe/explain.h"
#include "probe/trials.h"
#include "sys/calls.h"

namespace moat::probe {

using plan::Fact;
using plan::HostFacts;
using uapi::IsError;
using uapi::Syscall;

namespace {

Outcome Tried(const char* call, long result) {
  Outcome outcome;
  outcome.call = call;
  outcome.error = IsError(result) ? static_cast<std::int32_t>(-result) : 0;
  return outcome;
}

std::optional<std::uint64_t> ReadNumber(const std::string& path) {
  const auto text = sys::ReadFile(path, 64);
  if (!text.ok() || text->empty() || (*text)[0] < '0' || (*text)[0] > '9') return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : *text) {
    if (c < '0' || c > '9') break;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

Hints ReadHints() {
  Hints hints;
  hints.userns_clone = ReadNumber("/proc/sys/kernel/unprivileged_userns_clone");
  hints.apparmor_userns = ReadNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  hints.max_user_ns = ReadNumber("/proc/sys/user/max_user_namespaces");
  // "Seccomp:\t2" is a filter. Not by prctl(PR_GET_SECCOMP): under strict mode that kills.
  const auto status = sys::ReadFile("/proc/thread-self/status", 1 << 16);
  hints.outer_filter = status.ok() && status->find("\nSeccomp:\t2") != std::string::npos;
  hints.undumpable = Syscall(__NR_prctl, PR_GET_DUMPABLE, 0, 0, 0, 0) != 1;
  return hints;
}

struct CapabilityRow {
  unsigned number;
  const char* name;
};
constexpr CapabilityRow kRootNeeds[] = {
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, {CAP_SETUID, "CAP_SETUID"}, {CAP_SETGID, "CAP_SETGID"}};

// Whether we hold what moat uses of root, whatever our uid is.
Fact LookAtRoot(std::uint32_t euid) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {};
  Fact fact;
  const long result = Syscall(__NR_capget, &header, data);
  if (IsError(result)) {
    fact.error_number = static_cast<int>(-result);
    fact.detail = "capget failed";
    return fact;
  }
  std::string missing;
  for (const CapabilityRow& row : kRootNeeds) {
    if ((data[0].effective >> row.number & 1) == 0) missing += (missing.empty() ? "" : ", ") + std::string(row.name);
  }
  fact.works = missing.empty();
  if (fact.works) {
    fact.detail = "CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID are ours";
    return fact;
  }
  fact.error_number = EPERM;
  fact.detail = "without " + missing;
  fact.fix = euid == 0 ? "give this root its " + missing + " (docker: --cap-add)" : "run as root";
  return fact;
}

// The root of a container may have been given a few ids only: none for jobs then, and moat
// goes the way of everybody else.
void CheckJobIds(HostFacts& facts) {
  if (!facts.root.works) return;
  for (const char* file : {"/proc/self/uid_map", "/proc/self/gid_map"}) {
    const auto text = sys::ReadFile(file, 1 << 16);
    if (text.ok() && MapsIds(*text, facts.uid_base, facts.uid_count)) continue;
    facts.root = Fact{};
    facts.root.error_number = EPERM;
    facts.root.detail = "root here has no ids from " + base::Number(facts.uid_base) + " on to give to jobs (" + file + ")";
    facts.root.fix = "run the container with all ids of the host (docker: --userns=host)";
    return;
  }
}

void FillCalls(HostFacts& facts, const Hints& hints) {
  const uapi::OpenHow how{010000000 /* O_PATH */ | 02000000 /* O_CLOEXEC */, 0, uapi::kResolveNoMagiclinks};
  const sys::Fd root(static_cast<int>(Syscall(__NR_openat2, -100 /* AT_FDCWD */, "/", &how, sizeof(how))));
  facts.openat2 = Explain(Layer::kOpenat2, Tried("openat2", root.get()), hints);
  // A range above every descriptor: nothing is closed.
  facts.close_range = Explain(Layer::kCloseRange, Tried("close_range", Syscall(__NR_close_range, ~0U, ~0U, 0)), hints);
  const sys::Fd self(static_cast<int>(Syscall(__NR_pidfd_open, getpid(), 0)));
  facts.pidfd = Explain(Layer::kPidfd, Tried("pidfd_open", self.get()), hints);
  const long abi = Syscall(__NR_landlock_create_ruleset, nullptr, 0, uapi::kLandlockCreateRulesetVersion);
  facts.landlock = Explain(Layer::kLandlock, Tried("landlock_create_ruleset", abi), hints);
  facts.landlock_abi = IsError(abi) ? 0 : static_cast<int>(abi);
  if (facts.landlock.works) facts.landlock.detail = "Landlock ABI " + base::Number(static_cast<unsigned>(abi));
}

Outcome ActionAvailable(std::uint32_t action) {
  return Tried("seccomp", Syscall(__NR_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

void FillSeccomp(HostFacts& facts, const Trials& trials, const Hints& hints) {
  Outcome filter = trials[Step::kFilter];
  for (const std::uint32_t action : {SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS}) {
    if (const Outcome known = ActionAvailable(action); !known.worked()) filter = known;
  }
  facts.seccomp = Explain(Layer::kSeccomp, filter, hints);
  facts.seccomp_log = Explain(Layer::kSeccomp, ActionAvailable(SECCOMP_RET_LOG), hints);
  Outcome notify = ActionAvailable(SECCOMP_RET_USER_NOTIF);
  // A container whose own filter asks somebody leaves no room for a second listener.
  if (notify.worked()) notify = trials[Step::kListener];
  facts.seccomp_notify = Explain(Layer::kSeccomp, notify, hints);
}

// The first of the steps that did not work, else the last one.
Outcome FirstFailure(const Trials& trials, std::initializer_list<Step> steps) {
  Outcome last;
  for (const Step step : steps) {
    last = trials[step];
    if (!last.worked()) return last;
  }
  return last;
}

Fact FromTrial(Layer layer, const Outcome& outcome, const Hints& hints, const Fact& blocker, std::string_view because) {
  if (!outcome.tried() && !blocker.works) return NotTried(because, blocker);
  return Explain(layer, outcome, hints);
}

void FillNamespaces(HostFacts& facts, const Trials& trials, const Hints& hints) {
  Outcome user = facts.root.works ? trials[Step::kUser]
                                  : FirstFailure(trials, {Step::kUnshare, Step::kOwnMaps, Step::kPrivate, Step::kUser});
  if (user.worked() && !trials[Step::kJobMaps].worked() && trials[Step::kJobMaps].tried()) user = trials[Step::kJobMaps];
  facts.user_ns = Explain(Layer::kUserNs, user, hints);
  const struct {
    Fact HostFacts::* fact;
    Layer layer;
    Step step;
  } rows[] = {
      {&HostFacts::mount_ns, Layer::kMountNs, Step::kMount}, {&HostFacts::pid_ns, Layer::kPidNs, Step::kPid},
      {&HostFacts::net_ns, Layer::kNetNs, Step::kNet},       {&HostFacts::ipc_ns, Layer::kIpcNs, Step::kIpc},
      {&HostFacts::uts_ns, Layer::kUtsNs, Step::kUts},       {&HostFacts::cgroup_ns, Layer::kCgroupNs, Step::kCgroup},
  };
  for (const auto& row : rows) {
    facts.*row.fact = FromTrial(row.layer, trials[row.step], hints, facts.user_ns, "a user namespace");
  }
}

void FillMounts(HostFacts& facts, const Trials& trials, const Hints& hints) {
  const auto fill = [&](Layer layer, const Outcome& outcome) {
    const bool user = !facts.user_ns.works && !facts.root.works;
    return FromTrial(layer, outcome, hints, user ? facts.user_ns : facts.mount_ns,
                     user ? "a user namespace" : "a mount namespace");
  };
  facts.tmpfs = fill(Layer::kTmpfs, trials[Step::kTmpfs]);
  facts.mount_api = fill(Layer::kMountApi, FirstFailure(trials, {Step::kOpenTree, Step::kSetAttr, Step::kTmpfs, Step::kJobAttach}));
  facts.overlayfs = fill(Layer::kOverlayfs, FirstFailure(trials, {Step::kAttach, Step::kOverlay}));
  facts.procfs = fill(Layer::kProcfs, trials[Step::kProcfs]);
  facts.procfs_subset = fill(Layer::kProcfsSubset, trials[Step::kProcfsSubset]);
  facts.idmap = FromTrial(Layer::kIdmap, trials[Step::kIdmap], hints, facts.user_ns, "a user namespace");
  facts.loopback = FromTrial(Layer::kLoopback, trials[Step::kLoopback], hints, facts.net_ns, "a network namespace");
  facts.rlimit_nproc_per_ns =
      FromTrial(Layer::kProcessCount, trials[Step::kProcessCount], hints, facts.user_ns, "a user namespace");
}

// Nothing that was not reached in time counts as untried: it is what took too long.
void MarkTimeout(Trials& trials) {
  if (trials.timed_out == 0) return;
  for (Outcome& outcome : trials.outcomes) {
    if (!outcome.tried()) outcome = Outcome{ETIMEDOUT, "the trial"};
  }
}

// This process, or the host, is short of something at this moment: what was found out is not about the host,
// and must not be remembered. The refusal that TryProcessCount looks for is its answer.
Status NoShortage(const Trials& trials) {
  for (std::size_t i = 0; i < kSteps; ++i) {
    const Outcome& outcome = trials.outcomes[i];
    const bool answer = static_cast<Step>(i) == Step::kProcessCount && std::string_view(outcome.call) == "clone3";
    const int error = outcome.error;
    if (answer || (error != EMFILE && error != ENFILE && error != ENOMEM && error != EAGAIN)) continue;
    return WithFix(SystemError(outcome.call, error, "looking at this host"), "try again when there is room");
  }
  return {};
}

}  // namespace

Result<HostFacts> Probe(const Options& options) {
  HostFacts facts;
  struct utsname names = {};
  uname(&names);
  facts.kernel = names.release;
  facts.machine = names.machine;
  facts.euid = geteuid();
  facts.egid = getegid();
  facts.root = LookAtRoot(facts.euid);
  CheckJobIds(facts);
  Hints hints = ReadHints();
  hints.root = facts.root.works;

  TrialSetup setup;
  setup.privilege = facts.root.works ? Privilege::kRoot : Privilege::kNone;
  setup.uid = facts.euid;
  setup.gid = facts.egid;
  setup.job_uid = facts.uid_base + static_cast<std::uint32_t>(Syscall(__NR_gettid)) % facts.uid_count;
  setup.timeout = options.timeout;
  Trials trials = MOAT_TRY(RunTrials(setup));
  MOAT_TRY(NoShortage(trials));
  MarkTimeout(trials);

  FillCalls(facts, hints);
  facts.clone3 = Explain(Layer::kClone3, Outcome{trials.clone3, "clone3"}, hints);
  FillNamespaces(facts, trials, hints);
  FillMounts(facts, trials, hints);
  FillSeccomp(facts, trials, hints);
  facts.lsm_note = LsmNote(hints);
  facts.cgroups = ProbeCgroups();
  return facts;
}

}  // namespace moat::probe
