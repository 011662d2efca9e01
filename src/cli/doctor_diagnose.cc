// Facts into answers: what each layer is for. Pure.
#include <utility>

#include "base/text.h"
#include "cli/doctor.h"

namespace moat::cli {

using plan::Cgroups;
using plan::Controller;
using plan::Fact;
using plan::HostFacts;

namespace {

constexpr const char* kNoJob = "no job can start";
constexpr const char* kNeedsBestEffort = "the default profile is refused; --best-effort runs jobs without it";

struct FactRow {
  const char* group;
  const char* layer;
  Fact HostFacts::* fact;
  Verdict missing;
  const char* means;
};

constexpr FactRow kFacts[] = {
    {"kernel", "clone3", &HostFacts::clone3, Verdict::kRefused, kNoJob},
    {"kernel", "pidfd", &HostFacts::pidfd, Verdict::kRefused, kNoJob},
    {"kernel", "openat2", &HostFacts::openat2, Verdict::kRefused, kNoJob},
    {"kernel", "close_range", &HostFacts::close_range, Verdict::kRefused, kNoJob},
    {"namespaces", "user namespace", &HostFacts::user_ns, Verdict::kRefused, kNoJob},
    {"namespaces", "mount namespace", &HostFacts::mount_ns, Verdict::kRefused, kNoJob},
    {"namespaces", "pid namespace", &HostFacts::pid_ns, Verdict::kRefused, kNoJob},
    {"namespaces", "network namespace", &HostFacts::net_ns, Verdict::kRefused, kNeedsBestEffort},
    {"namespaces", "ipc namespace", &HostFacts::ipc_ns, Verdict::kRefused, kNeedsBestEffort},
    {"namespaces", "uts namespace", &HostFacts::uts_ns, Verdict::kRefused, kNeedsBestEffort},
    {"namespaces", "cgroup namespace", &HostFacts::cgroup_ns, Verdict::kRefused, kNeedsBestEffort},
    {"namespaces", "loopback interface", &HostFacts::loopback, Verdict::kSpare,
     "policies with network = \"loopback\" are refused"},
    {"mounts", "mount API", &HostFacts::mount_api, Verdict::kRefused, kNoJob},
    {"mounts", "tmpfs", &HostFacts::tmpfs, Verdict::kRefused, kNoJob},
    {"mounts", "own /proc", &HostFacts::procfs, Verdict::kRefused,
     "the default profile is refused; a policy with proc = \"none\" runs"},
    {"mounts", "/proc of processes only", &HostFacts::procfs_subset, Verdict::kRefused,
     "the default profile is refused; a policy with proc = \"full\" runs"},
    {"mounts", "overlayfs", &HostFacts::overlayfs, Verdict::kSpare, "no writable layer over read-only folders"},
    {"mounts", "id-mapped mounts", &HostFacts::idmap, Verdict::kSpare, "files keep their host owners inside"},
    {"seccomp", "filters", &HostFacts::seccomp, Verdict::kRefused, kNeedsBestEffort},
    {"seccomp", "log action", &HostFacts::seccomp_log, Verdict::kSpare, "report mode does not see denials"},
    {"seccomp", "user notification", &HostFacts::seccomp_notify, Verdict::kSpare, "denials are counted, not decoded"},
};

Diagnosis FromFact(const FactRow& row, const HostFacts& facts) {
  const Fact& fact = facts.*row.fact;
  Diagnosis found;
  found.group = row.group;
  found.layer = row.layer;
  if (fact.works) return found;
  found.verdict = row.missing;
  found.detail = fact.detail;
  found.means = row.means;
  found.fix = fact.fix;
  found.error_number = fact.error_number;
  if (row.fact == &HostFacts::user_ns && facts.root.works) {
    found.verdict = Verdict::kWeaker;
    found.means = "root needs none: each job has a host uid of its own instead";
  }
  return found;
}

Diagnosis Landlock(const HostFacts& facts) {
  Diagnosis found{"Landlock", "Landlock", Verdict::kWorks, "ABI " + base::Number(static_cast<unsigned>(facts.landlock_abi)), "", "", 0};
  if (facts.landlock_abi == 0) {
    found.verdict = Verdict::kRefused;
    found.detail = facts.landlock.detail;
    found.means = kNeedsBestEffort;
    found.fix = facts.landlock.fix;
    found.error_number = facts.landlock.error_number;
  } else if (facts.landlock_abi < 6) {
    found.means = facts.landlock_abi < 4 ? "files only: TCP and abstract sockets are left to the network namespace"
                                         : "abstract sockets are left to the network namespace";
  }
  return found;
}

std::string Where(const Controller& controller) {
  return (controller.version == Controller::Version::kV1 ? "v1, " : "v2, ") + controller.folder;
}

bool Usable(const Controller& controller) {
  return controller.version != Controller::Version::kNone && controller.writable;
}

Diagnosis FromController(const char* layer, const Controller& controller, Verdict missing, const char* means) {
  Diagnosis found;
  found.group = "cgroups";
  found.layer = layer;
  if (Usable(controller)) {
    found.detail = Where(controller);
    return found;
  }
  found.verdict = missing;
  found.detail = controller.problem;
  found.means = means;
  found.fix = controller.fix;
  found.error_number = controller.error_number;
  return found;
}

void DiagnoseCgroups(const HostFacts& facts, std::vector<Diagnosis>& found) {
  const Cgroups& cgroups = facts.cgroups;
  found.push_back(FromController("memory", cgroups.memory, Verdict::kWeaker,
                                 "the default memory limit holds for each process, not for the job; --memory is refused"));
  const bool counted = facts.root.works || (facts.user_ns.works && facts.rlimit_nproc_per_ns.works);
  found.push_back(counted ? FromController("pids", cgroups.pids, Verdict::kSpare, "RLIMIT_NPROC keeps the limit instead, and tells of no refusal: no job has the cause pids")
                          : FromController("pids", cgroups.pids, Verdict::kWeaker,
                                           "the number of processes is not limited; --pids is refused"));
  found.push_back(FromController("cpu", cgroups.cpu, Verdict::kSpare, "--cpus is refused"));
  found.push_back(FromController("cpuacct", cgroups.cpuacct, Verdict::kSpare, "cpu time comes from the reaped processes; --cpu is refused"));
  found.push_back(FromController("cpuset", cgroups.cpuset, Verdict::kSpare, "jobs are not bound to processors by group"));
  found.push_back(FromController("freezer", cgroups.freezer, Verdict::kSpare, "jobs cannot be paused"));
  Diagnosis kill{"cgroups", "cgroup.kill", Verdict::kWorks, "", "", "", 0};
  if (!cgroups.kill) {
    kill.verdict = Verdict::kSpare;
    kill.detail = cgroups.unified.empty() ? "no cgroup v2 hierarchy is mounted" : "not to be had below " + cgroups.unified;
    kill.means = "jobs end with their pid namespace";
  }
  found.push_back(std::move(kill));
}

void DiagnoseIdentity(const HostFacts& facts, std::vector<Diagnosis>& found) {
  Diagnosis own{"identity", "a uid for each job", Verdict::kWorks, "", "", "", 0};
  if (facts.root.works) {
    own.detail = "from " + base::Number(facts.uid_base) + " on";
  } else {
    own.verdict = Verdict::kSpare;
    own.detail = facts.root.detail;
    own.means = "jobs are uid " + base::Number(facts.euid) + " to the host, and keep its supplementary groups";
    own.fix = facts.root.fix;
    own.error_number = facts.root.error_number;
  }
  found.push_back(std::move(own));
  Diagnosis count{"identity", "RLIMIT_NPROC for each job", Verdict::kWorks, "", "", "", 0};
  if (!facts.rlimit_nproc_per_ns.works) {
    count.verdict = Verdict::kSpare;
    count.detail = facts.rlimit_nproc_per_ns.detail;
    count.means = facts.root.works ? "each job's own uid is counted instead" : "the pids controller has to count";
    count.fix = facts.rlimit_nproc_per_ns.fix;
    count.error_number = facts.rlimit_nproc_per_ns.error_number;
  }
  found.push_back(std::move(count));
}

}  // namespace

std::vector<Diagnosis> Diagnose(const HostFacts& facts) {
  std::vector<Diagnosis> found;
  for (const FactRow& row : kFacts) found.push_back(FromFact(row, facts));
  found.push_back(Landlock(facts));
  DiagnoseCgroups(facts, found);
  DiagnoseIdentity(facts, found);
  return found;
}

int DoctorExitCode(std::span<const Diagnosis> diagnoses) {
  for (const Diagnosis& each : diagnoses) {
    if (each.verdict == Verdict::kWeaker || each.verdict == Verdict::kRefused) return 1;
  }
  return 0;
}

}  // namespace moat::cli
