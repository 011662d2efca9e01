#include <asm/unistd.h>

#include "base/text.h"
#include "plan/emit.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

constexpr std::uint64_t kOPathCloexec = 010000000 | 02000000;
constexpr std::uint64_t kRead = uapi::kLandlockReadFile | uapi::kLandlockReadDir;

// Everything that the kernel of that ABI can control; what is not handled is not restricted.
std::uint64_t Handled(int landlock) {
  std::uint64_t handled = (uapi::kLandlockMakeSym << 1) - 1;
  if (landlock >= 2) handled |= uapi::kLandlockRefer;
  if (landlock >= 3) handled |= uapi::kLandlockTruncate;
  if (landlock >= 5) handled |= uapi::kLandlockIoctlDev;
  return handled;
}

constexpr std::uint64_t kChange = uapi::kLandlockWriteFile | uapi::kLandlockRemoveDir | uapi::kLandlockRemoveFile |
                                  uapi::kLandlockMakeDir | uapi::kLandlockMakeReg | uapi::kLandlockMakeSock |
                                  uapi::kLandlockMakeFifo | uapi::kLandlockMakeSym | uapi::kLandlockRefer |
                                  uapi::kLandlockTruncate;

std::uint64_t Access(const Mount& mount) {
  std::uint64_t access = 0;
  switch (mount.type) {
    case MountType::kRoot: return uapi::kLandlockReadDir;  // the names of the folders themselves
    case MountType::kHide: return 0;
    case MountType::kProc: return kRead | uapi::kLandlockWriteFile;  // opening /proc/self/fd/1 for writing
    case MountType::kDevice:
      return uapi::kLandlockReadFile | uapi::kLandlockWriteFile | uapi::kLandlockTruncate | uapi::kLandlockIoctlDev;
    case MountType::kBind: access = kRead; break;
    case MountType::kScratch:
    case MountType::kOutput: access = kRead | kChange; break;
  }
  if ((mount.attributes & uapi::kMountAttrNoexec) == 0) access |= uapi::kLandlockExecute;
  if (mount.type == MountType::kBind && (mount.attributes & uapi::kMountAttrRdonly) == 0) access |= kChange;
  return access;
}

// What may be granted on something that is not a folder.
constexpr std::uint64_t kFileRights = uapi::kLandlockExecute | uapi::kLandlockWriteFile | uapi::kLandlockReadFile |
                                      uapi::kLandlockTruncate | uapi::kLandlockIoctlDev;

void EmitRule(Blob& blob, abi::Offset ruleset, const std::string& path, std::uint64_t access, bool is_folder) {
  if (!is_folder) access &= kFileRights;
  if (access == 0) return;
  const abi::Offset rule = blob.Struct(uapi::LandlockPathBeneath{access, -1});
  const auto fd = static_cast<abi::Offset>(rule + offsetof(uapi::LandlockPathBeneath, parent_fd));
  blob.Add(__NR_openat, {Signed(kAtFdcwd), Address(blob.Text(path)), Value(kOPathCloexec), Value(0)}).result = fd;
  blob.Add(__NR_landlock_add_rule, {Int32(ruleset), Value(uapi::kLandlockRulePathBeneath), Address(rule), Value(0)});
}

// The first component: "/etc" of "/etc/ssl/certs".
std::string Top(const std::string& path) { return path.substr(0, path.find('/', 1)); }

// A rule covers everything below its folder, other mounts too: where all binds below one of
// the root's own folders have the same rights, one rule on that folder says it all.
struct PathRule {
  std::string path;
  std::uint64_t access;
  bool is_folder;
  Origin origin;
};
std::vector<PathRule> Merge(const Layout& layout) {
  std::vector<PathRule> rules;
  for (const Mount& mount : layout.mounts) {
    const std::string top = Top(mount.target);
    const std::uint64_t access = Access(mount);
    const bool own_folder = mount.target != top && layout.folders.count(top) != 0;
    bool alike = own_folder && mount.type == MountType::kBind;
    for (const Mount& other : layout.mounts) {
      if (other.target != "/" && Top(other.target) == top) alike = alike && other.type == mount.type && Access(other) == access;
    }
    if (!alike) {
      rules.push_back({mount.target, access, mount.is_folder, mount.origin});
    } else if (rules.empty() || rules.back().path != top) {
      rules.push_back({top, access, true, mount.origin});
    }
  }
  return rules;
}

std::string Describe(int landlock, bool network) {
  std::string text = "ABI " + base::Number(static_cast<std::uint64_t>(landlock)) + ": files";
  if (landlock >= 4 && network) text += ", TCP";
  if (landlock >= 6) text += ", abstract sockets, signals";
  return text;
}

}  // namespace

Result<abi::Offset> EmitLandlockRules(Blob& blob, const Layout& layout, const Request& request) {
  const int landlock = request.facts.landlock_abi;
  if (landlock == 0) {
    if (!BestEffort(request)) {
      return HostError("Landlock, the second layer around files, is not available on this host",
                       "boot with lsm=landlock,... on Linux 5.13 or later, or pass --best-effort to run without it");
    }
    blob.Layer("landlock", abi::LayerState::kDegraded, "not available on this host");
    return abi::Offset{0};
  }
  const std::uint64_t handled = Handled(landlock);
  const bool close_network = request.model.network.value == policy::NetworkMode::kNone;
  uapi::LandlockRulesetAttr attributes{handled, 0, 0};
  std::uint64_t size = 8;
  if (landlock >= 4) {
    size = 16;
    if (close_network) attributes.handled_access_net = uapi::kLandlockBindTcp | uapi::kLandlockConnectTcp;
  }
  if (landlock >= 6) {
    size = 24;
    attributes.scoped = uapi::kLandlockScopeAbstractUnix | uapi::kLandlockScopeSignal;
  }
  blob.At(abi::Phase::kSettle, abi::Stage::kLandlock);
  const abi::Offset ruleset = blob.Int();
  blob.Add(__NR_landlock_create_ruleset, {Address(blob.Struct(attributes)), Value(size), Value(0)}).result = ruleset;
  for (const PathRule& rule : Merge(layout)) {
    blob.For(rule.path, rule.origin);
    EmitRule(blob, ruleset, rule.path, rule.access & handled, rule.is_folder);
  }
  // The small files that we made ourselves are all in /etc.
  blob.For("/etc", {});
  EmitRule(blob, ruleset, "/etc", kRead, true);
  blob.For(layout.input, request.model.files.input.origin);
  EmitRule(blob, ruleset, layout.input, kRead, true);
  blob.Layer("landlock", abi::LayerState::kEnforced, Describe(landlock, close_network));
  return ruleset;
}

void EmitLandlock(Blob& blob, abi::Offset ruleset) {
  if (ruleset == 0) return;
  blob.At(abi::Phase::kProgram, abi::Stage::kLandlock);
  blob.For("", {});
  blob.Add(__NR_landlock_restrict_self, {Int32(ruleset), Value(0)});
}

}  // namespace moat::plan
