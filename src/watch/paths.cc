#include "watch/paths.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::watch {
namespace {

constexpr std::string_view kHead = "[files]";

bool Within(std::string_view path, std::string_view folder) {
  return path.substr(0, folder.size()) == folder && (path.size() == folder.size() || folder == "/" || path[folder.size()] == '/');
}

// The kernel's own, and what each job has of its own: the host's are no matter.
bool IsPrivate(std::string_view path, const policy::Model& model) {
  for (const std::string_view own : {"/proc", "/sys", "/dev", "/tmp", "/home", "/root", "/run"}) {
    if (Within(path, own)) return true;
  }
  return Within(path, model.files.input.value) || Within(path, model.files.output.value);
}

bool Writes(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6]) {
  if (call.name == "creat") return true;
  const std::uint64_t flags = call.name == "open" ? args[1] : call.name == "openat" ? args[2] : 0;
  return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
}

const policy::FileRule* NearestRule(const policy::Model& model, std::string_view path) {
  const policy::FileRule* nearest = nullptr;
  for (const policy::FileRule& rule : model.files.rules) {
    if (Within(path, rule.target) && (nearest == nullptr || rule.target.size() > nearest->target.size())) nearest = &rule;
  }
  return nearest;
}

std::string Told(const policy::FileRule* rule, std::string_view how) {
  if (rule == nullptr) return std::string(kHead) + " has no line that shows it";
  const std::string origin = rule->origin.empty() ? "" : " (" + rule->origin.ToString() + ")";
  if (rule->access == policy::FileAccess::kHide) return std::string(kHead) + " hides " + rule->target + origin;
  return std::string(kHead) + " shows " + rule->target + " " + std::string(how) + origin;
}

// A guest can name any file of the host: only what everybody on it may read is proposed to be shown.
std::string EditFor(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0 || (facts.st_mode & S_IROTH) == 0) return {};
  std::string quoted;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e || c == '?') return {};
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return "[files]\nread = [\"" + quoted + "\"]\n";
}

PathTrouble NotThere(const std::string& path, const policy::Model& model) {
  struct stat facts {};
  if (IsPrivate(path, model) || lstat(path.c_str(), &facts) != 0) return {};
  const policy::FileRule* nearest = NearestRule(model, path);
  if (nearest != nullptr && nearest->access == policy::FileAccess::kScratch) return {};
  const bool hidden = nearest != nullptr && nearest->access == policy::FileAccess::kHide;
  return {"errno ENOENT", Told(hidden ? nearest : nullptr, ""), hidden ? "" : EditFor(path)};
}

PathTrouble ReadOnly(const std::string& path, const sys::Fd& file, const policy::Model& model) {
  struct statvfs mount {};
  struct stat facts {};
  if (fstatvfs(file.get(), &mount) != 0 || (mount.f_flag & ST_RDONLY) == 0 || fstat(file.get(), &facts) != 0) return {};
  if (!S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) return {};
  return {"errno EROFS", Told(NearestRule(model, path), "read-only"), ""};
}

PathTrouble Look(const std::string& path, const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest, JobRoot& root,
                 const policy::Model& model) {
  const bool writes = Writes(call, args);
  auto file = root.Open(guest, path);
  if (!file.ok()) {
    if (file.error().error_number != ENOENT && file.error().error_number != ENOTDIR) return {};
    if (!writes) return NotThere(path, model);
    auto parent = root.Open(guest, path.substr(0, std::max<std::size_t>(1, path.rfind('/'))));
    return parent.ok() ? ReadOnly(path, *parent, model) : PathTrouble();
  }
  if (writes) return ReadOnly(path, *file, model);
  struct statvfs mount {};
  if (call.name != "execve" || fstatvfs(file->get(), &mount) != 0 || (mount.f_flag & ST_NOEXEC) == 0) return {};
  return {"errno EACCES", Told(NearestRule(model, path), "without `execute`"), ""};
}

// What one job writes there no other sees.
bool IsTheSameForAll(const std::string& path, const policy::Model& model) {
  const policy::FileRule* nearest = NearestRule(model, path);
  return !IsPrivate(path, model) && (nearest == nullptr || nearest->access != policy::FileAccess::kScratch);
}

}  // namespace

Result<sys::Fd> JobRoot::Open(const Guest& guest, const std::string& path) {
  if (!root_.valid()) {
    const std::string link = "/proc/" + base::Number(static_cast<std::uint64_t>(guest.tid())) + "/root";
    root_ = MOAT_TRY(sys::openat2(AT_FDCWD, link.c_str(), O_PATH | O_DIRECTORY, 0));  // a magic link, and meant
  }
  return sys::openat2(root_.get(), path.size() > 1 ? path.c_str() + 1 : ".", O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

std::optional<PathTrouble> KnownPaths::Find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto known = paths_.find(key);
  if (known == paths_.end()) return std::nullopt;
  return known->second;
}

void KnownPaths::Keep(const std::string& key, const PathTrouble& trouble) {
  constexpr std::size_t kMost = 1 << 16;
  const std::lock_guard lock(mutex_);
  if (paths_.size() < kMost) paths_.emplace(key, trouble);
}

PathTrouble TroubleWith(const std::string& path, const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest,
                        JobRoot& root, const policy::Model& model, KnownPaths* known) {
  if (known == nullptr || !IsTheSameForAll(path, model)) return Look(path, call, args, guest, root, model);
  const std::string key = (Writes(call, args) ? "w" : call.name == "execve" ? "x" : "r") + path;
  if (auto before = known->Find(key)) return *std::move(before);
  PathTrouble trouble = Look(path, call, args, guest, root, model);
  known->Keep(key, trouble);
  return trouble;
}

bool IsAboutFiles(std::string_view rule) { return rule.substr(0, kHead.size()) == kHead; }

}  // namespace moat::watch
