#include "plan/layout.h"

#include <algorithm>

#include "plan/emit.h"
#include "uapi/kernel.h"

namespace moat::plan {
namespace {

using policy::FileAccess;
using policy::FileRule;

constexpr int kMaxLinks = 40;          // as the kernel's MAXSYMLINKS
constexpr std::size_t kMaxMirror = 512;
constexpr const char* kHomeInTmp = "/tmp/.home";
constexpr const char* kSharedMemoryInTmp = "/tmp/.shm";
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kOutputSlack = 64 << 10;
constexpr std::uint64_t kReadOnly =
    uapi::kMountAttrRdonly | uapi::kMountAttrNosuid | uapi::kMountAttrNodev;

struct Resolved {
  std::string path;
  PathFacts facts;
  std::vector<std::pair<std::string, std::string>> links;  // met on the way: path, text
};

std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return parts;
}

// Walks a host path component by component, as the kernel would, noting every link.
Resolved ResolveOnHost(const std::string& path, const HostView& view) {
  Resolved resolved;
  std::vector<std::string> todo = Components(path);
  std::reverse(todo.begin(), todo.end());
  resolved.facts.type = PathFacts::Type::kDirectory;
  std::string at;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = todo.back();
    todo.pop_back();
    if (part == "..") {
      at = Parent(at.empty() ? "/" : at);
      if (at == "/") at.clear();
      continue;
    }
    const std::string next = at + "/" + part;
    resolved.facts = view.Look(next);
    if (resolved.facts.type == PathFacts::Type::kAbsent) break;
    if (resolved.facts.type != PathFacts::Type::kSymlink) {
      at = next;
      continue;
    }
    if (++links > kMaxLinks) {
      resolved.facts.type = PathFacts::Type::kAbsent;
      break;
    }
    resolved.links.emplace_back(next, resolved.facts.link);
    std::vector<std::string> more = Components(resolved.facts.link);
    if (!resolved.facts.link.empty() && resolved.facts.link[0] == '/') at.clear();
    todo.insert(todo.end(), more.rbegin(), more.rend());
    resolved.facts.type = PathFacts::Type::kDirectory;
  }
  resolved.path = at.empty() ? "/" : at;
  return resolved;
}

std::uint64_t AttributesOf(const FileRule& rule) {
  std::uint64_t attributes = uapi::kMountAttrNosuid;
  if (rule.access != FileAccess::kDevice) attributes |= uapi::kMountAttrNodev;
  if (rule.access == FileAccess::kRead || rule.access == FileAccess::kHide) attributes |= uapi::kMountAttrRdonly;
  if (!rule.execute || rule.access == FileAccess::kWrite || rule.access == FileAccess::kDevice ||
      rule.access == FileAccess::kHide) {
    attributes |= uapi::kMountAttrNoexec;
  }
  return attributes;
}

// One inode for every 4 KiB, at least a few: a job that makes empty files meets this first.
std::uint64_t InodesFor(std::uint64_t size) { return std::clamp<std::uint64_t>(size / 4096, 256, 65536); }

Mount Scratch(MountType type, std::string target, std::uint64_t size, std::uint64_t inodes, Origin origin) {
  Mount mount;
  mount.type = type;
  mount.target = std::move(target);
  mount.attributes = uapi::kMountAttrNosuid | uapi::kMountAttrNodev;
  mount.size = size;
  mount.inodes = inodes != 0 ? inodes : InodesFor(size);
  mount.origin = std::move(origin);
  return mount;
}

void Put(Layout& layout, Mount mount) {
  for (Mount& existing : layout.mounts) {
    if (existing.target == mount.target) {
      existing = std::move(mount);
      return;
    }
  }
  layout.mounts.push_back(std::move(mount));
}

Status AddRead(Layout& layout, const FileRule& rule, const HostView& view) {
  if (!rule.follow) {
    const PathFacts facts = view.Look(rule.source);
    if (facts.type == PathFacts::Type::kSymlink) {
      layout.links.emplace(rule.target, facts.link);
      return {};
    }
  }
  Resolved source = ResolveOnHost(rule.source, view);
  if (source.facts.type == PathFacts::Type::kAbsent) {
    if (rule.optional) return {};
    return WithFix(PolicyError("the policy shows `" + rule.source + "`, which does not exist on this host", rule.origin),
                   "create it, remove the line, or write \"" + rule.source + "?\" to make it optional");
  }
  // A file that is shown under its own name keeps the links that lead to it.
  const bool same_name = rule.source == rule.target;
  if (same_name) {
    for (const auto& [path, text] : source.links) layout.links.emplace(path, text);
  }
  Mount mount;
  mount.type = rule.access == FileAccess::kDevice ? MountType::kDevice : MountType::kBind;
  mount.source = source.path;
  mount.target = same_name ? source.path : rule.target;
  mount.attributes = AttributesOf(rule);
  mount.is_folder = source.facts.type == PathFacts::Type::kDirectory;
  mount.origin = rule.origin;
  if (rule.access == FileAccess::kDevice) {
    if (source.facts.type != PathFacts::Type::kCharDevice) {
      return PolicyError("`" + rule.source + "` is not a character device", rule.origin);
    }
    mount.device = source.facts.rdev;
    mount.device_mode = source.facts.mode;
  }
  if (mount.target == "/") return PolicyError("showing the whole host (`/`) is not possible", rule.origin);
  Put(layout, std::move(mount));
  return {};
}

Status AddRule(Layout& layout, const FileRule& rule, const HostView& view) {
  switch (rule.access) {
    case FileAccess::kRead:
    case FileAccess::kWrite:
    case FileAccess::kDevice: return AddRead(layout, rule, view);
    case FileAccess::kScratch: {
      Mount mount = Scratch(MountType::kScratch, rule.target, rule.size, rule.inodes, rule.origin);
      mount.attributes = AttributesOf(rule);
      Put(layout, std::move(mount));
      return {};
    }
    case FileAccess::kHide: {
      Mount mount = Scratch(MountType::kHide, rule.target, 4096, 16, rule.origin);
      mount.attributes = AttributesOf(rule);
      const PathFacts facts = view.Look(rule.target);
      if (facts.type == PathFacts::Type::kAbsent) return {};  // nothing there to hide
      mount.is_folder = facts.type == PathFacts::Type::kDirectory;
      if (!mount.is_folder) {
        return WithFix(PolicyError("`hide` works on folders, `" + rule.target + "` is a file", rule.origin),
                       "hide its folder, or show only what is needed");
      }
      Put(layout, std::move(mount));
      return {};
    }
  }
  return BugError("unknown file access");
}

bool Has(const Layout& layout, std::string_view target) {
  return std::any_of(layout.mounts.begin(), layout.mounts.end(),
                     [&](const Mount& mount) { return mount.target == target; });
}

// Files in memory count as the job's memory. Where nobody asked for a size, full scratch must
// be told as "no space left" before the job is killed for it.
std::uint64_t FittingSize(const Request& request, std::uint64_t size) {
  const std::uint64_t memory = request.model.limits.memory.value;
  return memory == policy::kUnlimited ? size : std::min(size, memory / 2);
}

// A little more than may be collected: a result of exactly the limit is whole, and of one that
// is larger enough is there to prove it.
std::uint64_t OutputSize(const Request& request) {
  const auto& output = request.model.limits.output;
  if (output.value > policy::kUnlimited - kOutputSlack) return output.value;
  const std::uint64_t size = output.value + kOutputSlack;
  return IsDefaultLimit(request, output.origin) ? FittingSize(request, size) : size;
}

void AddScratchUnlessGiven(Layout& layout, const std::string& target, std::uint64_t size) {
  if (!Has(layout, target)) layout.mounts.push_back(Scratch(MountType::kScratch, target, size, 0, {}));
}

Status AddDevices(Layout& layout, const HostView& view) {
  for (const char* name : {"null", "zero", "full", "random", "urandom"}) {
    FileRule rule;
    rule.access = FileAccess::kDevice;
    rule.source = rule.target = std::string("/dev/") + name;
    if (Has(layout, rule.target)) continue;
    if (auto added = AddRead(layout, rule, view); !added.ok()) {
      return HostError("this host has no usable " + rule.source, "mount a devtmpfs, or mknod the standard devices");
    }
  }
  layout.links.emplace("/dev/fd", "/proc/self/fd");
  layout.links.emplace("/dev/stdin", "/proc/self/fd/0");
  layout.links.emplace("/dev/stdout", "/proc/self/fd/1");
  layout.links.emplace("/dev/stderr", "/proc/self/fd/2");
  return {};
}

// What libc and friends look up: names for the one user, no host's accounts.
void AddSyntheticFiles(Layout& layout) {
  layout.files = {
      {"/etc/passwd",
       "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
       "job:x:1000:1000:job:/home/job:/bin/sh\n"
       "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
      {"/etc/group", "root:x:0:\njob:x:1000:\nnogroup:x:65534:\n"},
      {"/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"},
      {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\n"},
  };
}

// A child of a read-only bind that does not exist there gets its place by mirroring: the
// nearest existing folder becomes a small file system that shows each of its old entries.
Status Mirror(Layout& layout, const Mount& cover, const Mount& wanted, const HostView& view) {
  std::string folder = Parent(wanted.target);
  const auto on_host = [&](const std::string& path) { return cover.source + path.substr(cover.target.size()); };
  while (IsBelow(folder, cover.target) && view.Look(on_host(folder)).type != PathFacts::Type::kDirectory) {
    folder = Parent(folder);
  }
  const std::vector<std::string> names = view.List(on_host(folder));
  if (names.size() > kMaxMirror) {
    return WithFix(PolicyError("`" + wanted.target + "` does not exist in `" + folder + "`, which is read-only and too large to rebuild",
                               wanted.origin),
                   "show it at a path of its own, such as /data");
  }
  Mount mirror = Scratch(MountType::kHide, folder, kMiB, names.size() + 64, wanted.origin);
  mirror.attributes |= uapi::kMountAttrRdonly | (cover.attributes & uapi::kMountAttrNoexec);
  std::vector<Mount> more;
  for (const std::string& name : names) {
    const std::string inside = Join(folder, name);
    const PathFacts facts = view.Look(on_host(inside));
    if (facts.type == PathFacts::Type::kSymlink) {
      layout.links.emplace(inside, facts.link);
    } else if (facts.type == PathFacts::Type::kFile || facts.type == PathFacts::Type::kDirectory) {
      Mount entry = cover;
      entry.target = inside;
      entry.source = on_host(inside);
      entry.is_folder = facts.type == PathFacts::Type::kDirectory;
      if (!Has(layout, inside)) more.push_back(std::move(entry));
    }
  }
  layout.mounts.push_back(std::move(mirror));
  for (Mount& entry : more) layout.mounts.push_back(std::move(entry));
  return {};
}

void Sort(Layout& layout) {
  std::stable_sort(layout.mounts.begin(), layout.mounts.end(),
                   [](const Mount& a, const Mount& b) { return PathLess(a.target, b.target); });
}

// The mount that `mount` would be placed on: the nearest one above it.
const Mount& Above(const Layout& layout, const Mount& mount) { return layout.Covering(Parent(mount.target)); }

void DropCovered(Layout& layout) {
  std::vector<Mount> kept;
  for (const Mount& mount : layout.mounts) {
    if (mount.type == MountType::kBind && mount.target != "/") {
      const Mount& cover = Above(layout, mount);
      if (cover.type == MountType::kBind && cover.attributes == mount.attributes &&
          Join(cover.source, mount.target.substr(cover.target.size())) == mount.source) {
        continue;
      }
    }
    kept.push_back(mount);
  }
  layout.mounts = std::move(kept);
}

Status MakePlaces(Layout& layout, const HostView& view) {
  // Mirroring adds mounts, so look again until every place exists.
  for (int round = 0; round < 16; ++round) {
    Sort(layout);
    bool changed = false;
    for (const Mount& mount : layout.mounts) {
      if (mount.type == MountType::kRoot) continue;
      const Mount& cover = Above(layout, mount);
      if (cover.type != MountType::kBind) continue;
      const PathFacts facts = view.Look(cover.source + mount.target.substr(cover.target.size()));
      if (facts.type == PathFacts::Type::kAbsent) {
        const Mount wanted = mount, over = cover;
        MOAT_TRY(Mirror(layout, over, wanted, view));
        changed = true;
        break;
      }
      if ((facts.type == PathFacts::Type::kDirectory) != mount.is_folder) {
        return PolicyError("`" + mount.target + "` cannot be placed: a " + (mount.is_folder ? "file" : "folder") +
                               " of that name is already there",
                           mount.origin);
      }
    }
    if (!changed) return {};
  }
  return BugError("the layout of the mounts does not settle");
}

void NoteFolder(Layout& layout, const std::string& folder) {
  for (std::string path = folder; path != "/"; path = Parent(path)) {
    const Mount& cover = layout.Covering(path);
    if (cover.type != MountType::kBind && cover.target != path) layout.folders.insert(path);
  }
}

// Folders that must be made in our own file systems so that everything has its place.
void NoteFolders(Layout& layout) {
  for (const Mount& mount : layout.mounts) NoteFolder(layout, mount.is_folder ? mount.target : Parent(mount.target));
  for (const auto& [path, text] : layout.links) NoteFolder(layout, Parent(path));
  for (const auto& [path, text] : layout.files) NoteFolder(layout, Parent(path));
  // A mount's own place on the file system above it.
  for (const Mount& mount : layout.mounts) {
    if (mount.type == MountType::kRoot || !mount.is_folder) continue;
    if (Above(layout, mount).type != MountType::kBind) layout.folders.insert(mount.target);
  }
  if (layout.links.count("/dev/shm") != 0) layout.own_folders.push_back(kSharedMemoryInTmp);
  const bool linked = layout.links.count(layout.home) != 0;
  const std::string home = linked ? kHomeInTmp : layout.home;
  for (const char* name : {"", "/.cache", "/.config", "/.local", "/.local/share", "/.local/state"}) {
    if (linked || *name != '\0') layout.own_folders.push_back(home + name);
  }
  layout.folders.insert(layout.input);
}

// Links and files that lie on a bind exist there already, or must not be added.
template <typename Map>
void DropOnBinds(const Layout& layout, Map& map) {
  for (auto it = map.begin(); it != map.end();) {
    const MountType type = layout.Covering(it->first).type;
    const bool ours = type == MountType::kRoot || type == MountType::kHide || type == MountType::kScratch;
    it = ours ? std::next(it) : map.erase(it);
  }
}

}  // namespace

bool IsBelow(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.substr(0, folder.size()) == folder && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::string Parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string Join(const std::string& folder, std::string_view rest) {
  std::string path = folder == "/" ? "" : folder;
  if (rest.empty()) return path.empty() ? "/" : path;
  if (rest[0] != '/') path += '/';
  path += rest;
  return path;
}

bool PathLess(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const int left = x == '/' ? 0 : static_cast<unsigned char>(x) + 1;
    const int right = y == '/' ? 0 : static_cast<unsigned char>(y) + 1;
    return left < right;
  });
}

const Mount& Layout::Covering(const std::string& path) const {
  const Mount* best = &mounts.front();
  for (const Mount& mount : mounts) {
    if (IsBelow(path, mount.target) && mount.target.size() >= best->target.size()) best = &mount;
  }
  return *best;
}

std::optional<std::string> Layout::HostPath(const std::string& inside, const HostView& view) const {
  std::vector<std::string> todo = Components(inside);
  std::reverse(todo.begin(), todo.end());
  std::string at;
  for (int steps = 0; !todo.empty(); ++steps) {
    if (steps > 400) return std::nullopt;
    const std::string part = todo.back();
    todo.pop_back();
    if (part == "..") {
      at = at.empty() ? "" : Parent(at);
      if (at == "/") at.clear();
      continue;
    }
    const std::string next = at + "/" + part;
    std::string link;
    const Mount& cover = Covering(next);
    if (const auto found = links.find(next); found != links.end()) {
      link = found->second;
    } else if (cover.type == MountType::kBind) {
      const PathFacts facts = view.Look(Join(cover.source, next.substr(cover.target.size())));
      if (facts.type == PathFacts::Type::kAbsent) return std::nullopt;
      if (facts.type == PathFacts::Type::kSymlink) link = facts.link;
    } else if (folders.count(next) == 0 && cover.target != next) {
      bool leads = false;  // a folder that only exists because something is mounted below it
      for (const Mount& mount : mounts) leads = leads || IsBelow(mount.target, next);
      for (const auto& [path, text] : links) leads = leads || IsBelow(path, next);
      if (!leads) return std::nullopt;
    }
    if (link.empty()) {
      at = next;
      continue;
    }
    std::vector<std::string> more = Components(link);
    if (link[0] == '/') at.clear();
    todo.insert(todo.end(), more.rbegin(), more.rend());
  }
  const std::string path = at.empty() ? "/" : at;
  const Mount& cover = Covering(path);
  if (cover.type != MountType::kBind && cover.type != MountType::kDevice) return std::nullopt;
  return Join(cover.source, path.substr(cover.target.size()));
}

bool Layout::Visible(const std::string& inside, const HostView& view) const {
  const Mount& cover = Covering(inside);
  if (cover.type != MountType::kBind && cover.type != MountType::kRoot) return true;
  return files.count(inside) != 0 || HostPath(inside, view).has_value();
}

Result<Layout> LayOut(const Request& request) {
  const policy::Files& wanted = request.model.files;
  Layout layout;
  layout.input = wanted.input.value;
  layout.output = wanted.output.value;
  layout.home = "/home/job";
  layout.cwd = !wanted.cwd.value.empty() ? wanted.cwd.value
               : request.collect == Collect::kYes ? layout.output
                                                  : std::string("/tmp");
  Mount root = Scratch(MountType::kRoot, "/", 2 * kMiB, 8192, {});
  layout.mounts.push_back(root);
  for (FileRule rule : wanted.rules) {
    if (rule.access == FileAccess::kScratch && IsDefaultLimit(request, rule.origin)) rule.size = FittingSize(request, rule.size);
    MOAT_TRY(AddRule(layout, rule, request.view));
  }
  MOAT_TRY(AddDevices(layout, request.view));
  AddScratchUnlessGiven(layout, "/tmp", FittingSize(request, 256 * kMiB));
  // Folders of their own without a file system of their own: each costs every job 50 us.
  if (!Has(layout, layout.home)) layout.links.emplace(layout.home, kHomeInTmp);
  if (!Has(layout, "/dev/shm")) layout.links.emplace("/dev/shm", kSharedMemoryInTmp);
  if (request.collect == Collect::kYes) {
    const policy::Limits& limits = request.model.limits;
    Mount output = Scratch(MountType::kOutput, layout.output, OutputSize(request),
                           limits.output_files.value == policy::kUnlimited ? 0 : limits.output_files.value + 64,
                           wanted.output.origin);
    output.attributes |= uapi::kMountAttrNoexec;
    Put(layout, std::move(output));
  }
  if (wanted.proc.value != policy::ProcMode::kNone) {
    Mount proc;
    proc.type = MountType::kProc;
    proc.target = "/proc";
    proc.attributes = kReadOnly | uapi::kMountAttrNoexec;
    proc.origin = wanted.proc.origin;
    Put(layout, std::move(proc));
  }
  AddSyntheticFiles(layout);
  Sort(layout);
  DropCovered(layout);
  MOAT_TRY(MakePlaces(layout, request.view));
  DropOnBinds(layout, layout.links);
  DropOnBinds(layout, layout.files);
  NoteFolders(layout);
  return layout;
}

Status AddBind(Layout& layout, const Request& request, const std::string& path, const Origin& origin) {
  FileRule rule;
  rule.source = rule.target = path;
  rule.origin = origin;
  MOAT_TRY(AddRead(layout, rule, request.view));
  Sort(layout);
  MOAT_TRY(MakePlaces(layout, request.view));
  DropOnBinds(layout, layout.links);
  layout.own_folders.clear();
  NoteFolders(layout);
  return {};
}

}  // namespace moat::plan
