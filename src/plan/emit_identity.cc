// Who the job is: namespaces asked of clone3, session, ids, capabilities.
#include <asm/unistd.h>

#include "plan/emit.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

constexpr unsigned kInsideId = 1000;  // uid and gid as the guest sees them; never 0
constexpr int kPrSetPdeathsig = 1, kPrSetDumpable = 4, kPrSetSecurebits = 28, kPrCapbsetDrop = 24,
              kPrCapAmbient = 47, kPrCapAmbientClearAll = 4;
constexpr int kSigkill = 9;
constexpr int kEinval = 22, kEperm = 1;
constexpr unsigned kLastKnownCapability = 63;  // the kernel says EINVAL past its own last one
// NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, each with its lock; KEEP_CAPS locked off.
constexpr unsigned kSecurebits = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80;
constexpr std::uint32_t kCapabilityVersion3 = 0x20080522;

struct NamespaceRow {
  std::string_view name;
  std::uint64_t flag;
  const Fact HostFacts::* fact;
};
constexpr NamespaceRow kNamespaces[] = {
    {"user namespace", uapi::kCloneNewUser, &HostFacts::user_ns},
    {"mount namespace", uapi::kCloneNewNs, &HostFacts::mount_ns},
    {"pid namespace", uapi::kCloneNewPid, &HostFacts::pid_ns},
    {"network namespace", uapi::kCloneNewNet, &HostFacts::net_ns},
    {"ipc namespace", uapi::kCloneNewIpc, &HostFacts::ipc_ns},
    {"uts namespace", uapi::kCloneNewUts, &HostFacts::uts_ns},
    {"cgroup namespace", uapi::kCloneNewCgroup, &HostFacts::cgroup_ns},
};

bool Required(std::uint64_t flag) {
  return flag == uapi::kCloneNewNs || flag == uapi::kCloneNewPid;  // nothing works without
}

}  // namespace

Status EmitNamespaces(Blob& blob, const Request& request) {
  const HostFacts& facts = request.facts;
  if (!facts.root.works && facts.euid == 0) {
    // The only id that it could map into the job is the host's 0: never, best effort or not.
    return HostError("uid 0 without CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID cannot give a job a uid of its own",
                     "run moat as an ordinary user, or with these capabilities");
  }
  std::uint64_t flags = 0;
  for (const NamespaceRow& row : kNamespaces) {
    const Fact& fact = facts.*row.fact;
    if (fact.works) {
      // The cgroup namespace is made by pid 1 once it is in its groups, which are then the
      // root that the job sees; the network namespace by pid 1 too, while the launcher prepares
      // the rest: clone3 would make it while everybody waits.
      if (row.flag != uapi::kCloneNewCgroup && row.flag != uapi::kCloneNewNet) flags |= row.flag;
      blob.Layer(row.name, abi::LayerState::kEnforced, "");
      continue;
    }
    if (row.flag == uapi::kCloneNewUser && facts.root.works) {
      // As root the other walls do not need it: the job gets a host uid of its own instead.
      blob.Layer(row.name, abi::LayerState::kDegraded, "a uid of its own instead: " + fact.detail);
      continue;
    }
    if (Required(row.flag) || !BestEffort(request)) {
      return HostError("a new " + std::string(row.name) + " cannot be made on this host: " + fact.detail, fact.fix);
    }
    blob.Layer(row.name, abi::LayerState::kDegraded, fact.detail);
  }
  blob.header().clone_flags = flags;
  if ((flags & uapi::kCloneNewUser) != 0) blob.header().flags |= abi::kUserNamespace;
  if (!facts.root.works) blob.header().flags |= abi::kOwnNamespace;
  blob.header().uid_base = facts.uid_base;
  blob.header().uid_count = facts.uid_count;
  blob.header().inside_uid = blob.header().inside_gid = kInsideId;
  return {};
}

void EmitParentDeath(Blob& blob) {
  blob.For("", {});
  blob.Add(__NR_prctl, {Signed(kPrSetPdeathsig), Signed(kSigkill), Value(0), Value(0), Value(0)});
}

void EmitBoundingSet(Blob& blob) {
  blob.At(abi::Phase::kBirth, abi::Stage::kCapabilities);
  blob.For("", {});
  blob.Add(__NR_prctl, {Signed(kPrSetSecurebits), Value(kSecurebits), Value(0), Value(0), Value(0)});
  blob.Add(__NR_prctl, {Signed(kPrCapAmbient), Signed(kPrCapAmbientClearAll), Value(0), Value(0), Value(0)});
  for (unsigned capability = 0; capability <= kLastKnownCapability; ++capability) {
    if (capability > 40) break;  // CAP_CHECKPOINT_RESTORE is the last one up to Linux 6.18
    abi::Op& op = blob.Add(__NR_prctl, {Signed(kPrCapbsetDrop), Value(capability), Value(0), Value(0), Value(0)});
    op.flags = abi::kTolerate;  // an older kernel does not know the last ones
    op.tolerated = kEinval;
  }
}

Status EmitIdentity(Blob& blob, const Request& request) {
  const bool user_namespace = (blob.header().flags & abi::kUserNamespace) != 0;
  const Arg uid = user_namespace ? Value(kInsideId) : Int32(MOAT_SLOT(blob, job_uid));
  const Arg gid = user_namespace ? Value(kInsideId) : Int32(MOAT_SLOT(blob, job_gid));
  blob.At(abi::Phase::kSetup, abi::Stage::kIds);
  blob.For("", {});
  if (request.facts.root.works) {
    blob.Add(__NR_setgroups, {Value(0), Value(0)});
  } else {
    // setgroups is denied to a map that its owner wrote itself; user_namespaces(7).
    abi::Op& op = blob.Add(__NR_setgroups, {Value(0), Value(0)});
    op.flags = abi::kTolerate;
    op.tolerated = kEperm;
    blob.Layer("supplementary groups", abi::LayerState::kDegraded,
               "kept as they are: only root can drop them (as files' groups, nothing else)");
  }
  blob.Add(__NR_setresgid, {gid, gid, gid});
  blob.Add(__NR_setresuid, {uid, uid, uid});
  blob.At(abi::Phase::kSetup, abi::Stage::kCapabilities);
  const std::uint32_t header[2] = {kCapabilityVersion3, 0};
  const std::uint32_t none[6] = {};
  blob.Add(__NR_capset, {Address(blob.Struct(header)), Address(blob.Struct(none))});
  blob.Layer("capabilities", abi::LayerState::kEnforced, "none, bounding set empty, securebits locked");
  blob.At(abi::Phase::kSetup, abi::Stage::kIds);
  blob.Add(__NR_prctl, {Signed(kPrSetDumpable), Value(0), Value(0), Value(0), Value(0)});
  // A change of ids clears the parent-death signal: once more, and then see whether the
  // launcher is still there (its pidfd becomes readable when it ends).
  EmitParentDeath(blob);
  struct {
    std::int32_t fd;
    std::int16_t events, revents;
  } poll{-1, 1 /* POLLIN */, 0};
  const abi::Offset entry = blob.Struct(poll);
  const std::int64_t zero[2] = {0, 0};
  blob.Add(__NR_dup, {Int32(MOAT_SLOT(blob, launcher_pidfd))}).result = entry;
  blob.Add(__NR_ppoll, {Address(entry), Value(1), Address(blob.Struct(zero)), Value(0), Value(8)}).flags =
      abi::kMustBeZero;
  return {};
}

}  // namespace moat::plan
