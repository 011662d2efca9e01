#include <asm/unistd.h>
#include <linux/stat.h>

#include "base/text.h"
#include "plan/emit.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

using abi::Phase;
using abi::Stage;

constexpr std::uint64_t kOPath = 010000000, kOCloexec = 02000000, kOCreat = 0100, kOExcl = 0200, kOWronly = 1;
// Destinations: inside the new root, through no link of any kind.
constexpr std::uint64_t kConfined =
    uapi::kResolveInRoot | uapi::kResolveNoMagiclinks | uapi::kResolveNoSymlinks;

std::string Relative(const std::string& path) { return path == "/" ? "." : path.substr(1); }

abi::Offset How(Blob& blob, std::uint64_t flags, std::uint64_t resolve) {
  return blob.Struct(uapi::OpenHow{flags | kOCloexec, 0, resolve});
}

void SetOption(Blob& blob, abi::Offset context, std::string_view key, Arg value) {
  blob.Add(__NR_fsconfig, {Int32(context), Value(uapi::kFsconfigSetString), Address(blob.Text(key)), value, Value(0)});
}

enum class Owner { kRoot, kJob };

// A detached file system in memory, limited in bytes and inodes.
abi::Offset EmitTmpfs(Blob& blob, const Mount& mount, Owner owner, std::string_view mode) {
  const abi::Offset context = blob.Int(), fd = blob.Int();
  blob.Add(__NR_fsopen, {Address(blob.Text("tmpfs")), Value(uapi::kFsopenCloexec)}).result = context;
  if (mount.size != policy::kUnlimited) {
    SetOption(blob, context, "size", Address(blob.Text(base::Number(mount.size))));
  }
  if (mount.inodes != policy::kUnlimited) {
    SetOption(blob, context, "nr_inodes", Address(blob.Text(base::Number(mount.inodes))));
  }
  SetOption(blob, context, "mode", Address(blob.Text(mode)));
  if (owner == Owner::kJob) {
    SetOption(blob, context, "uid", Address(MOAT_SLOT(blob, uid_text)));
    SetOption(blob, context, "gid", Address(MOAT_SLOT(blob, gid_text)));
  }
  blob.Add(__NR_fsconfig, {Int32(context), Value(uapi::kFsconfigCreate), Value(0), Value(0), Value(0)});
  // Read-only is set in the end, when everything is in it.
  blob.Add(__NR_fsmount, {Int32(context), Value(uapi::kFsmountCloexec),
                          Value(mount.attributes & ~uapi::kMountAttrRdonly)})
      .result = fd;
  return fd;
}

// The policy named a device; what lies there now must still be that device.
void EmitDeviceCheck(Blob& blob, const Mount& mount, abi::Offset source) {
  struct statx wanted {};
  const abi::Offset seen = blob.Space(sizeof(wanted));
  blob.Add(__NR_statx, {Int32(source), Address(blob.Text("")), Value(uapi::kAtEmptyPath),
                        Value(STATX_MODE | STATX_TYPE), Address(seen)});
  const std::uint32_t device[2] = {static_cast<std::uint32_t>(mount.device >> 32),
                                   static_cast<std::uint32_t>(mount.device)};
  blob.Add(abi::Pseudo::kSame, {Address(static_cast<abi::Offset>(seen + offsetof(struct statx, stx_rdev_major))),
                                Address(blob.Struct(device)), Value(sizeof(device))});
  const auto mode = static_cast<std::uint16_t>(mount.device_mode);
  blob.Add(abi::Pseudo::kSame, {Address(static_cast<abi::Offset>(seen + offsetof(struct statx, stx_mode))),
                                Address(blob.Struct(mode)), Value(sizeof(mode))});
}

abi::Offset EmitBind(Blob& blob, const Mount& mount) {
  const abi::Offset source = blob.Int(), fd = blob.Int();
  blob.Add(__NR_openat2, {Signed(kAtFdcwd), Address(blob.Text(mount.source)),
                          Address(How(blob, kOPath, uapi::kResolveNoMagiclinks)), Value(sizeof(uapi::OpenHow))})
      .result = source;
  if (mount.type == MountType::kDevice) EmitDeviceCheck(blob, mount, source);
  const std::uint64_t recursive = mount.is_folder ? uapi::kAtRecursive : 0;
  blob.Add(__NR_open_tree, {Int32(source), Address(blob.Text("")),
                            Value(uapi::kOpenTreeClone | uapi::kOpenTreeCloexec | uapi::kAtEmptyPath | recursive)})
      .result = fd;
  const uapi::MountAttr attributes{mount.attributes, 0, uapi::kMsPrivate, 0};
  blob.Add(__NR_mount_setattr, {Int32(fd), Address(blob.Text("")), Value(uapi::kAtEmptyPath | recursive),
                                Address(blob.Struct(attributes)), Value(sizeof(attributes))});
  return fd;
}

abi::Offset EmitSource(Blob& blob, const Mount& mount) {
  switch (mount.type) {
    case MountType::kRoot: return EmitTmpfs(blob, mount, Owner::kRoot, "0755");
    case MountType::kHide: return EmitTmpfs(blob, mount, Owner::kRoot, "0555");
    case MountType::kScratch:
      return EmitTmpfs(blob, mount, Owner::kJob, mount.target == "/tmp" || mount.target == "/dev/shm" ? "1777" : "0700");
    case MountType::kOutput: return EmitTmpfs(blob, mount, Owner::kJob, "0755");
    case MountType::kBind:
    case MountType::kDevice: return EmitBind(blob, mount);
    case MountType::kProc: return 0;  // must be made in the job's own pid namespace
  }
  return 0;
}

// Makes a folder on whichever of our own file systems it lies.
void EmitFolder(Blob& blob, const Layout& layout, const std::string& path) {
  const Mount& cover = layout.Covering(Parent(path));
  const std::string inside = Relative(path.substr(cover.target == "/" ? 0 : cover.target.size()));
  const abi::Offset name = blob.Text(inside);
  abi::Op& made = blob.Add(__NR_mkdirat, {Int32(cover.fd), Address(name), Value(0755)});
  made.flags = abi::kTolerate;
  made.tolerated = 17;  // EEXIST: two rules that share a folder
  if (cover.type == MountType::kScratch || cover.type == MountType::kOutput) {
    blob.Add(__NR_fchownat, {Int32(cover.fd), Address(name), Int32(MOAT_SLOT(blob, job_uid)),
                             Int32(MOAT_SLOT(blob, job_gid)), Value(uapi::kAtSymlinkNofollow)});
  }
}

void EmitFile(Blob& blob, abi::Offset root, const std::string& path, const std::string& content) {
  const abi::Offset fd = blob.Int();
  blob.Add(__NR_openat, {Int32(root), Address(blob.Text(Relative(path))), Value(kOCreat | kOExcl | kOWronly | kOCloexec),
                         Value(0444)})
      .result = fd;
  if (!content.empty()) {
    blob.Add(__NR_write, {Int32(fd), Address(blob.Text(content)), Value(content.size())});
  }
  blob.Add(__NR_close, {Int32(fd)});
}

void EmitContents(Blob& blob, const Layout& layout) {
  const abi::Offset root = layout.mounts.front().fd;
  for (const std::string& folder : layout.folders) {
    blob.For(folder, {});
    EmitFolder(blob, layout, folder);
  }
  for (const auto& [path, text] : layout.links) {
    blob.For(path, {});
    const Mount& cover = layout.Covering(path);
    const std::string inside = Relative(path.substr(cover.target == "/" ? 0 : cover.target.size()));
    blob.Add(__NR_symlinkat, {Address(blob.Text(text)), Int32(cover.fd), Address(blob.Text(inside))});
  }
  for (const auto& [path, content] : layout.files) {
    blob.For(path, {});
    EmitFile(blob, root, path, content);
  }
  for (const Mount& mount : layout.mounts) {
    if (mount.is_folder) continue;
    const Mount& cover = layout.Covering(Parent(mount.target));
    if (cover.type == MountType::kBind) continue;
    blob.For(mount.target, mount.origin);
    EmitFile(blob, cover.fd, mount.target.substr(cover.target == "/" ? 0 : cover.target.size()), "");
  }
}

// The place of an -i file; the mount of the file itself is made by the launcher, which has
// the descriptor. A template: repeated for each input.
void EmitInputPlaces(Blob& blob, const Layout& layout, const Origin& origin) {
  blob.For(layout.input, origin);
  const abi::Offset name = MOAT_SLOT(blob, inputs[0].target);
  // Made without being opened: a pid 1 of another job that just takes its copies of the descriptors would
  // keep it open for writing, and the root could not be closed (EBUSY).
  constexpr std::uint64_t kRegularFile = 0100000;
  blob.Add(__NR_mknodat, {Int32(layout.mounts.front().fd), Address(name), Value(kRegularFile | 0444), Value(0)}).flags = abi::kPerInput;
}

// Where `path` is to be mounted on. A place on a file system of our own was made by us a
// moment ago and no one else can reach it: it is named below that file system's root. A
// place on the host's files is found through no link of any kind.
void MoveTo(Blob& blob, const Layout& layout, const std::string& path, abi::Offset mount_fd) {
  const Mount& cover = layout.Covering(Parent(path));
  const abi::Offset root = layout.mounts.front().fd, nothing = blob.Text("");
  if (cover.type != MountType::kBind) {
    blob.Add(__NR_move_mount, {Int32(mount_fd), Address(nothing), Int32(root), Address(blob.Text(Relative(path))),
                               Value(uapi::kMoveMountFromEmptyPath)});
    return;
  }
  const abi::Offset place = blob.Int();
  blob.Add(__NR_openat2, {Int32(root), Address(blob.Text(Relative(path))), Address(How(blob, kOPath, kConfined)),
                          Value(sizeof(uapi::OpenHow))})
      .result = place;
  blob.Add(__NR_move_mount, {Int32(mount_fd), Address(nothing), Int32(place), Address(nothing),
                             Value(uapi::kMoveMountFromEmptyPath | uapi::kMoveMountToEmptyPath)});
}

// The caller chose the name: it is looked up below the root, through no link.
void MoveInput(Blob& blob, const Layout& layout) {
  const abi::Offset place = MOAT_SLOT(blob, inputs[0].target_fd), nothing = blob.Text("");
  abi::Op& found = blob.Add(__NR_openat2, {Int32(layout.mounts.front().fd), Address(MOAT_SLOT(blob, inputs[0].target)),
                                           Address(How(blob, kOPath, kConfined)), Value(sizeof(uapi::OpenHow))});
  found.result = place;
  found.flags = abi::kPerInput;
  blob.Add(__NR_move_mount, {Int32(MOAT_SLOT(blob, inputs[0].mount_fd)), Address(nothing), Int32(place), Address(nothing),
                             Value(uapi::kMoveMountFromEmptyPath | uapi::kMoveMountToEmptyPath)})
      .flags = abi::kPerInput;
}

Status EmitProc(Blob& blob, const Layout& layout, const Mount& mount, const Request& request) {
  const HostFacts& facts = request.facts;
  if (!facts.procfs.works) {
    if (!BestEffort(request)) {
      return WithOrigin(HostError("a /proc of the job's own cannot be mounted here: " + facts.procfs.detail,
                                  facts.procfs.fix.empty() ? "set `proc = \"none\"` in [files]" : facts.procfs.fix),
                        mount.origin);
    }
    blob.Layer("own /proc", abi::LayerState::kDegraded, facts.procfs.detail);
    return {};
  }
  const abi::Offset context = blob.Int(), fd = blob.Int();
  blob.Add(__NR_fsopen, {Address(blob.Text("proc")), Value(uapi::kFsopenCloexec)}).result = context;
  if (request.model.files.proc.value == policy::ProcMode::kPid) {
    if (!facts.procfs_subset.works && !BestEffort(request)) {
      return WithOrigin(HostError("/proc cannot be limited to processes here (subset=pid)", "set `proc = \"full\"` in [files]"),
                        mount.origin);
    }
    if (facts.procfs_subset.works) SetOption(blob, context, "subset", Address(blob.Text("pid")));
  }
  blob.Add(__NR_fsconfig, {Int32(context), Value(uapi::kFsconfigCreate), Value(0), Value(0), Value(0)});
  blob.Add(__NR_fsmount, {Int32(context), Value(uapi::kFsmountCloexec), Value(mount.attributes)}).result = fd;
  MoveTo(blob, layout, mount.target, fd);
  blob.Layer("own /proc", abi::LayerState::kEnforced,
             request.model.files.proc.value == policy::ProcMode::kPid ? "processes only, read-only" : "read-only");
  return {};
}

abi::Op& EmitAttributes(Blob& blob, const Mount& mount, const uapi::MountAttr& attributes) {
  return blob.Add(__NR_mount_setattr, {Int32(mount.fd), Address(blob.Text("")), Value(uapi::kAtEmptyPath),
                                       Address(blob.Struct(attributes)), Value(sizeof(attributes))});
}
constexpr uapi::MountAttr kClosed{uapi::kMountAttrRdonly, 0, 0, 0}, kOpen{0, uapi::kMountAttrRdonly, 0, 0};

// A file system that was filled by us and is now closed.
void EmitReadOnly(Blob& blob, const Mount& mount) {
  blob.For(mount.target, mount.origin);
  EmitAttributes(blob, mount, kClosed);
}

void EmitPivot(Blob& blob, abi::Offset root) {
  blob.At(Phase::kSettle, Stage::kPivot);
  blob.For("/", {});
  blob.Add(__NR_fchdir, {Int32(root)});
  // Old root on top of the new one, then taken away: the way of pivot_root(2), no spare folder needed.
  blob.Add(__NR_pivot_root, {Address(blob.Text(".")), Address(blob.Text("."))});
  blob.Add(__NR_umount2, {Address(blob.Text(".")), Value(uapi::kMntDetach)});
  blob.Add(__NR_chdir, {Address(blob.Text("/"))});
}

}  // namespace

void EmitMountSources(Blob& blob, Layout& layout) {
  blob.At(Phase::kPrepare, Stage::kMountSource);
  for (Mount& mount : layout.mounts) {
    blob.For(mount.target, mount.origin);
    mount.fd = EmitSource(blob, mount);
    if (mount.type == MountType::kScratch || mount.type == MountType::kOutput) {
      blob.scratches().push_back({blob.Text(mount.target), mount.fd, mount.size, mount.inodes});
    }
    if (mount.type == MountType::kOutput) {
      blob.header().flags |= abi::kHasOutput;
      blob.Add(__NR_dup, {Int32(mount.fd)}).result = MOAT_SLOT(blob, output_fd);
    }
  }
  blob.At(Phase::kPrepare, Stage::kRootfs);
  EmitContents(blob, layout);
}

void EmitOwnFolders(Blob& blob, const Layout& layout) {
  blob.At(Phase::kSetup, Stage::kIds);
  for (const std::string& folder : layout.own_folders) {
    blob.For(folder, {});
    blob.Add(__NR_mkdirat, {Signed(kAtFdcwd), Address(blob.Text(folder)), Value(folder == "/tmp/.shm" ? 01777 : 0700)});
  }
}

Status EmitMounts(Blob& blob, const Layout& layout, const Request& request) {
  const Mount& root = layout.mounts.front();
  blob.At(Phase::kSettle, Stage::kMount);
  blob.For("/", {});
  blob.Add(__NR_move_mount, {Int32(root.fd), Address(blob.Text("")), Signed(kAtFdcwd), Address(blob.Text("/")),
                             Value(uapi::kMoveMountFromEmptyPath)});
  for (const Mount& mount : layout.mounts) {
    if (mount.type == MountType::kRoot) continue;
    blob.For(mount.target, mount.origin);
    if (mount.type == MountType::kProc) {
      MOAT_TRY(EmitProc(blob, layout, mount, request));
    } else {
      MoveTo(blob, layout, mount.target, mount.fd);
    }
  }
  for (const Mount& mount : layout.mounts) {
    if (mount.type == MountType::kHide) EmitReadOnly(blob, mount);
  }
  EmitPivot(blob, root.fd);
  return {};
}

void EmitInputs(Blob& blob, const Layout& layout, const Request& request) {
  const Origin& origin = request.model.files.input.origin;
  blob.At(Phase::kJob, Stage::kInput);
  blob.For(layout.input, origin);
  EmitAttributes(blob, layout.mounts.front(), kOpen).flags = abi::kPerInput;
  EmitInputPlaces(blob, layout, origin);
  MoveInput(blob, layout);
  EmitAttributes(blob, layout.mounts.front(), kClosed).flags = abi::kPerInput;
}

void EmitClosedRoot(Blob& blob, const Layout& layout) {
  blob.At(Phase::kSettle, Stage::kMount);
  EmitReadOnly(blob, layout.mounts.front());
}

}  // namespace moat::plan
