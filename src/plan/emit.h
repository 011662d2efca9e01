// The parts of a plan, in the order in which compile.cc asks for them. Each turns one concern
// of the policy into prepared system calls.
#pragma once

#include "bpf/filter.h"
#include "plan/blob.h"
#include "plan/layout.h"
#include "plan/plan.h"

namespace moat::plan {

// kPrepare: detached file systems and mounts, the folders in them.
void EmitMountSources(Blob& blob, Layout& layout);
// kSettle: everything moved into place, /proc, pivot.
Status EmitMounts(Blob& blob, const Layout& layout, const Request& request);
// kSettle: nothing more is made in the root.
void EmitClosedRoot(Blob& blob, const Layout& layout);
// kJob: the root is opened for the places of -i files, which are moved there.
void EmitInputs(Blob& blob, const Layout& layout, const Request& request);

// kAhead (v2, to be born in), kGroups (v1): groups made, limits written. kSettle: pid 1 goes in,
// and sees no other group.
Status EmitCgroups(Blob& blob, const Request& request);
void EmitCgroupEntry(Blob& blob, const Request& request);
// kSetup: rlimits. kProgram: nice.
Status EmitLimits(Blob& blob, const Request& request);
// kBirth: the network namespace, its loopback when asked for, the host name.
Status EmitNetwork(Blob& blob, const Request& request);
// kSettle: what pid 1 alone may read of itself, while the host's /proc is there.
void EmitAccounts(Blob& blob, const Request& request);
// Which namespaces clone3 is asked for.
Status EmitNamespaces(Blob& blob, const Request& request);
// The first thing that pid 1 does: it must not outlive its launcher.
void EmitParentDeath(Blob& blob);
// kBirth: the bounding set and the securebits.
void EmitBoundingSet(Blob& blob);
// kSetup: ids, capabilities, dumpable, parent death.
Status EmitIdentity(Blob& blob, const Request& request);
// kSetup, once pid 1 has the job's uid: its home, its folder of shared memory.
void EmitOwnFolders(Blob& blob, const Layout& layout);
// kSettle: a Landlock ruleset over the layout. kProgram: it holds.
Result<abi::Offset> EmitLandlockRules(Blob& blob, const Layout& layout, const Request& request);
void EmitLandlock(Blob& blob, abi::Offset ruleset);  // 0: there is none
void EmitNoNewPrivs(Blob& blob);
// May the program-to-be wait at a gate behind the filter? Else it waits before it is installed.
Result<bool> FilterLetsWait(const Request& request);
// kProgram: the filter. `made` is what it was compiled from; no rules: there is none.
Status EmitSeccomp(Blob& blob, const Request& request, bpf::FilterSpec& made);
// When all ops are there: the same for a spawner, whose jails inherit it (ADR 12). It knows their calls by a number.
// Where none is made, each jail installs its own.
void EmitSpawnerFilter(Blob& blob, const Request& request, const bpf::FilterSpec& own);

void EmitEnvironment(Blob& blob, const Layout& layout, const Request& request);

// The program: found in the layout (or shown in addition to it), its loader checked.
struct ProgramPath {
  std::string inside;  // absolute path inside the jail
};
Result<ProgramPath> FindProgram(Layout& layout, const Request& request);

// "1.2 MiB wanted" style: is a limit set, and by whom.
bool IsDefaultLimit(const Request& request, const Origin& origin);
bool BestEffort(const Request& request);

}  // namespace moat::plan
