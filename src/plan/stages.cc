// The named order of things, each with the reason for its place.
#include "bpf/syscall_table.h"
#include "plan/plan.h"

namespace moat::plan {
namespace {

struct Row {
  std::string_view name, reason;
};
constexpr Row kRows[abi::kStages] = {
    {"input", "the caller's files are opened with the caller's rights, before there is a jail"},
    {"mount-source", "detached mounts are made where the sources can be reached; the host's table never changes"},
    {"rootfs", "folders and small files go into the new root before anyone else can see it"},
    {"cgroup", "limits hold before the first instruction of the guest: pid 1 moves itself in, then hides the rest"},
    {"namespace", "pid 1 must not outlive its launcher, from the start"},
    {"gate", "waits for what only the launcher can do: mounts, groups; its descriptors become copies; last, for the job"},
    {"mount", "needs the capabilities that are dropped below"},
    {"pivot", "after the last mount: from here on the host's files do not exist"},
    {"hostname", "needs CAP_SYS_ADMIN in the new uts namespace"},
    {"network", "the slowest of all to make: by pid 1, while the launcher prepares the rest"},
    {"limits", "before the ids change, inherited by the program"},
    {"ids", "after everything that needed privilege; groups first, the uid last"},
    {"capabilities", "bounding set and securebits while CAP_SETPCAP is there, the rest after the ids"},
    {"no-new-privs", "Landlock and seccomp ask for it; set-id programs stop working"},
    {"descriptors", "0, 1, 2 are moved into place, everything else is closed"},
    {"signals", "blocked since before clone, so that no handler of the launcher runs in the child"},
    {"landlock", "rules on the mounts as the job will see them; in force for the program alone"},
    {"seccomp", "last: the filter needs to allow none of the calls above"},
    {"spawn", "pid 1 stays behind to reap and to forward signals"},
    {"exec", "the program, through the filter; a failure is told by shared memory"},
};
constexpr std::string_view kPhaseNames[abi::kPhases] = {"ahead", "birth", "prepare", "groups",
                                                       "settle", "setup", "program", "job"};

}  // namespace

std::string_view StageName(abi::Stage stage) {
  const auto i = static_cast<unsigned>(stage);
  return i < abi::kStages ? kRows[i].name : "?";
}
std::string_view StageReason(abi::Stage stage) {
  const auto i = static_cast<unsigned>(stage);
  return i < abi::kStages ? kRows[i].reason : "";
}
std::string_view PhaseName(abi::Phase phase) {
  const auto i = static_cast<unsigned>(phase);
  return i < abi::kPhases ? kPhaseNames[i] : "?";
}

std::string_view OpName(std::uint16_t number) {
  switch (static_cast<abi::Pseudo>(number)) {
    case abi::Pseudo::kGate: return "<wait at gate>";
    case abi::Pseudo::kSame: return "<must be the same>";
    case abi::Pseudo::kSpawn: return "<start the program>";
    case abi::Pseudo::kTell: return "<tell the launcher>";
    case abi::Pseudo::kForget: return "<forget the number of the set-up>";
  }
  const bpf::SyscallInfo* info = bpf::FindSyscall(bpf::NativeAbi(), number);
  return info != nullptr ? info->name : "?";
}

}  // namespace moat::plan
