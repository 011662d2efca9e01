#include <asm/unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/sha256.h"
#include "plan/emit.h"
#include "policy/load.h"
#include "uapi/kernel.h"

namespace moat::plan {

namespace {

using abi::Phase;
using abi::Stage;

// A kernel without these is not worth half measures; each is from 5.1 to 5.12.
Status CheckKernel(const HostFacts& facts) {
  const struct {
    const Fact& fact;
    const char* what;
  } needed[] = {{facts.mount_api, "the mount API by descriptor (Linux 5.12)"},
                {facts.openat2, "openat2 (Linux 5.6)"},
                {facts.clone3, "clone3 (Linux 5.3)"},
                {facts.close_range, "close_range (Linux 5.9)"},
                {facts.pidfd, "pidfd_open (Linux 5.3)"},
                {facts.tmpfs, "a private tmpfs"}};
  for (const auto& row : needed) {
    if (!row.fact.works) {
      return HostError(std::string("this host lacks ") + row.what + ": " + row.fact.detail, row.fact.fix);
    }
  }
  return {};
}

void EmitGate(Blob& blob, Phase phase, std::uint32_t gate) {
  blob.At(phase, Stage::kGate);
  blob.For("", {});
  blob.Add(abi::Pseudo::kGate, {Value(gate)});
}

// What is left, beside the guest, are calls that could change nothing.
void EmitForget(Blob& blob) {
  blob.At(Phase::kProgram, Stage::kGate);
  blob.For("", {});
  blob.Add(abi::Pseudo::kForget, {});
}

// Until here pid 1 shares the launcher's descriptors, which are still being opened.
void EmitSplit(Blob& blob) {
  blob.At(Phase::kSettle, Stage::kGate);
  blob.For("", {});
  blob.Add(__NR_unshare, {Value(uapi::kCloneFiles)});
  blob.Add(abi::Pseudo::kTell, {Value(1)});
}

void EmitSession(Blob& blob) {
  blob.At(Phase::kBirth, Stage::kNamespace);
  EmitParentDeath(blob);
  blob.Add(__NR_setsid, {});
  blob.Add(__NR_umask, {Value(022)});
}

void EmitSpawn(Blob& blob) {
  blob.At(Phase::kSetup, Stage::kSpawn);
  blob.Add(abi::Pseudo::kSpawn, {});
}

// The guest's 0, 1, 2. The launcher keeps its own three apart, so that no move overwrites
// one that is still to be moved.
void EmitDescriptors(Blob& blob) {
  blob.At(Phase::kProgram, Stage::kDescriptors);
  blob.Add(__NR_setsid, {});
  for (unsigned i = 0; i < 3; ++i) {
    blob.Add(__NR_dup3, {Int32(static_cast<abi::Offset>(MOAT_SLOT(blob, standard) + 4 * i)), Value(i), Value(0)});
  }
}

// By the exec, which gives the program a table of its own first: pid 1 shares this one until then,
// and keeps what it needs.
void EmitCloseAll(Blob& blob) {
  constexpr unsigned kCloseOnExec = 4;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  blob.At(Phase::kProgram, Stage::kDescriptors);
  blob.Add(__NR_close_range, {Value(3), Value(~0U), Value(kCloseOnExec)});
}

void EmitStart(Blob& blob, const Layout& layout, const Origin& cwd) {
  blob.At(Phase::kProgram, Stage::kExec);
  blob.For(layout.cwd, cwd);
  blob.Add(__NR_chdir, {Address(blob.Text(layout.cwd))});
  blob.At(Phase::kProgram, Stage::kSignals);
  blob.Add(__NR_rt_sigprocmask, {Value(2 /* SIG_SETMASK */), Address(blob.Struct(std::uint64_t{0})), Value(0), Value(8)});
}

void EmitExec(Blob& blob, const ProgramPath& program) {
  blob.At(Phase::kProgram, Stage::kExec);
  blob.For(program.inside, {});
  blob.header().exec_path = blob.Text(program.inside);
  blob.Add(__NR_execve, {Address(blob.header().exec_path), Pointer(MOAT_SLOT(blob, argv)), Pointer(MOAT_SLOT(blob, envp)), Value(0),
                          Value(0), Pointer(MOAT_SLOT(blob, nonce))});
}

std::uint64_t OrNone(std::uint64_t value) { return value == policy::kUnlimited ? abi::kNone : value; }
std::uint64_t OrNone(policy::Nanoseconds value) {
  return value == policy::Nanoseconds::max() ? abi::kNone : static_cast<std::uint64_t>(value.count());
}

void FillLimits(abi::LimitsRow& row, const policy::Limits& limits) {
  row.wall_ns = OrNone(limits.wall.value);
  row.cpu_ns = OrNone(limits.cpu.value);
  row.grace_ns = OrNone(limits.grace.value);
  row.memory = OrNone(limits.memory.value);
  row.pids = OrNone(limits.pids.value);
  row.input = OrNone(limits.input.value);
  row.output = OrNone(limits.output.value);
  row.output_files = OrNone(limits.output_files.value);
  row.out_stream = OrNone(limits.out_stream.value);
  row.err_stream = OrNone(limits.err_stream.value);
  row.stack = OrNone(limits.stack.value);
  row.file_size = OrNone(limits.file_size.value);
  row.address_space = OrNone(limits.address_space.value);
  row.processors = static_cast<std::uint32_t>(std::ceil(limits.cpus.value));
  row.oom_score = static_cast<std::int32_t>(limits.oom_score.value);
}

void FillHeader(Blob& blob, const Layout& layout, const Request& request) {
  abi::Header& header = blob.header();
  header.program = blob.Text(request.program);
  header.input_dir = blob.Text(layout.input);
  header.output_dir = blob.Text(layout.output);
  header.policy_name = blob.Text(request.model.name);
  header.host_facts = blob.Text("Linux " + request.facts.kernel + " " + request.facts.machine);
  const std::string hash = base::Sha256Hex(policy::ToToml(request.model));
  header.enforce = static_cast<std::uint32_t>(std::lround(request.model.mode.enforce.value * 100));
  std::memcpy(header.policy_hash, hash.data(), std::min(hash.size(), sizeof(header.policy_hash) - 1));
  FillLimits(header.limits, request.model.limits);
}

// Whatever was looked at to lay the plan out must be the same when it is used again.
void AddDependencies(Blob& blob, const Layout& layout, const Request& request) {
  // A folder's times change with any name in it: the parents stand for all their entries.
  std::set<std::string> paths(request.model.sources.begin(), request.model.sources.end());
  for (const Mount& mount : layout.mounts) {
    if (!mount.source.empty() && mount.type != MountType::kDevice) paths.insert(Parent(mount.source));
  }
  for (const auto& rule : request.model.files.rules) {
    if (!rule.source.empty()) paths.insert(Parent(rule.source));
  }
  if (const auto host = layout.HostPath(std::string(blob.header().exec_path == 0 ? "" : request.program), request.view)) {
    paths.insert(*host);
  }
  for (const std::string& path : paths) {
    abi::DependencyRow row = request.view.Look(path).row;
    row.path = blob.Text(path);
    blob.dependencies().push_back(row);
  }
  for (const LimitFile& file : request.facts.cgroups.own_limits) {
    abi::DependencyRow row{};
    row.path = blob.Text(file.path);
    row.exists = file.text ? 1 : 0;
    if (file.text) row.text = blob.Text(*file.text);
    blob.dependencies().push_back(row);
  }
}

}  // namespace

Result<Plan> Compile(const Request& request) {
  Blob blob;
  MOAT_TRY(EmitNamespaces(blob, request));  // first: without them nothing else can even be tried
  MOAT_TRY(CheckKernel(request.facts));
  Layout layout = MOAT_TRY(LayOut(request));
  const ProgramPath program = MOAT_TRY(FindProgram(layout, request));
  EmitMountSources(blob, layout);
  MOAT_TRY(EmitCgroups(blob, request));

  EmitSession(blob);
  MOAT_TRY(EmitNetwork(blob, request));
  EmitBoundingSet(blob);
  EmitGate(blob, Phase::kSettle, abi::kGateMounts);
  EmitAccounts(blob, request);
  MOAT_TRY(EmitMounts(blob, layout, request));
  const abi::Offset ruleset = MOAT_TRY(EmitLandlockRules(blob, layout, request));
  EmitGate(blob, Phase::kSettle, abi::kGateGroups);
  EmitCgroupEntry(blob, request);
  EmitClosedRoot(blob, layout);
  EmitSplit(blob);

  MOAT_TRY(EmitLimits(blob, request));
  MOAT_TRY(EmitIdentity(blob, request));
  EmitOwnFolders(blob, layout);
  EmitSpawn(blob);

  EmitDescriptors(blob);
  EmitStart(blob, layout, request.model.files.cwd.origin);
  // no_new_privs first: an unprivileged process may not restrict itself without it.
  EmitNoNewPrivs(blob);
  EmitLandlock(blob, ruleset);
  EmitCloseAll(blob);
  const bool waits_filtered = MOAT_TRY(FilterLetsWait(request));
  EmitForget(blob);
  if (!waits_filtered) EmitGate(blob, Phase::kProgram, abi::kGateJob);
  bpf::FilterSpec filter;
  MOAT_TRY(EmitSeccomp(blob, request, filter));
  if (waits_filtered) EmitGate(blob, Phase::kProgram, abi::kGateJob);
  EmitExec(blob, program);
  EmitInputs(blob, layout, request);
  EmitSpawnerFilter(blob, request, filter);

  EmitEnvironment(blob, layout, request);
  FillHeader(blob, layout, request);
  AddDependencies(blob, layout, request);
  return Plan(blob.Finish());
}

}  // namespace moat::plan
