#include "cli/doctor_clean.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/errno_name.h"
#include "base/json.h"
#include "base/safe_text.h"
#include "probe/cgroups.h"
#include "sys/calls.h"

namespace moat::cli {

namespace {

// Between making a group and locking it a launcher holds nothing. Only what was there this long
// before is looked at; there is no event that would tell.
constexpr struct timespec kPause{1, 0};
constexpr unsigned kDeepest = 64;

bool AllOf(std::string_view text, std::string_view digits) {
  return !text.empty() && text.find_first_not_of(digits) == std::string_view::npos;
}

class Cleaner {
 public:
  bool FoundSome() const { return !noted_.empty(); }
  void BeginRemoving() { removing_ = true; }

  // The number of folders on the way down is bounded, and each is open only while it is walked.
  void Walk(int folder, const std::string& path, unsigned depth) {
    DIR* listing = fdopendir(folder);  // owns the descriptor from here on
    if (listing == nullptr) {
      close(folder);
      return;
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(listing)) {
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string below = path + "/" + name;
      auto group = sys::openat2(dirfd(listing), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, uapi::kResolveBeneath);
      if (!group.ok()) continue;
      if (IsGroupName(name) && !removing_) {
        noted_.insert(below);
      } else if (IsGroupName(name)) {
        if (noted_.count(below) != 0) Consider(dirfd(listing), name, *group, below);
      } else if (depth < kDeepest) {
        Walk(group->Release(), below, depth + 1);
      }
    }
    closedir(listing);
  }

  CleanedGroups Take() && { return std::move(cleaned_); }

 private:
  void Consider(int parent, const std::string& name, const sys::Fd& group, const std::string& path) {
    struct stat facts;
    if (::fstat(group.get(), &facts) != 0) return;
    if (facts.st_uid != geteuid() && geteuid() != 0) return Keep(path, "it belongs to another user");
    if (flock(group.get(), LOCK_EX | LOCK_NB) != 0) return Keep(path, "its launcher lives");
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) {
      cleaned_.removed.push_back(path);
    } else if (errno != ENOENT) {  // its own launcher, or another cleaner, was quicker
      Keep(path, errno == EBUSY ? "a process is in it" : "rmdir: " + std::string(base::ErrnoName(errno)));
    }
  }

  void Keep(const std::string& path, std::string why) { cleaned_.kept.push_back({path, std::move(why)}); }

  std::set<std::string> noted_;
  bool removing_ = false;
  CleanedGroups cleaned_;
};

void WalkAll(Cleaner& cleaner, std::string_view mountinfo) {
  for (const probe::CgroupMount& mount : probe::ParseCgroupMounts(mountinfo)) {
    if (mount.access == probe::CgroupMount::Access::kReadOnly) continue;
    auto top = sys::openat2(AT_FDCWD, mount.point.c_str(), O_RDONLY | O_DIRECTORY, uapi::kResolveNoMagiclinks);
    if (top.ok()) cleaner.Walk(top->Release(), mount.point, 0);
  }
}

}  // namespace

bool IsGroupName(std::string_view name) {
  constexpr std::string_view kJob = "moat-", kTrial = "moat-probe-", kDigits = "0123456789";
  const bool trial = name.substr(0, kTrial.size()) == kTrial;
  if (!trial && name.substr(0, kJob.size()) != kJob) return false;
  name.remove_prefix(trial ? kTrial.size() : kJob.size());
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos || !AllOf(name.substr(0, dash), kDigits)) return false;
  const std::string_view last = name.substr(dash + 1);
  return trial ? AllOf(last, kDigits) : last.size() == 12 && AllOf(last, "0123456789abcdef");
}

CleanedGroups CleanGroups(std::string_view mountinfo) {
  Cleaner cleaner;
  WalkAll(cleaner, mountinfo);
  if (cleaner.FoundSome()) {
    nanosleep(&kPause, nullptr);
    cleaner.BeginRemoving();
    WalkAll(cleaner, mountinfo);
  }
  return std::move(cleaner).Take();
}

std::string CleanedText(const CleanedGroups& cleaned) {
  std::string out;
  for (const std::string& group : cleaned.removed) out += "removed  " + base::Printable(group) + "\n";
  for (const auto& kept : cleaned.kept) out += "kept     " + base::Printable(kept.group) + ": " + kept.why + "\n";
  return out.empty() ? "Nothing was left behind.\n" : out;
}

std::string CleanedJson(const CleanedGroups& cleaned) {
  base::JsonWriter json;
  json.BeginObject();
  json.Key("removed").BeginArray();
  for (const std::string& group : cleaned.removed) json.Text(group);
  json.EndArray();
  json.Key("kept").BeginArray();
  for (const auto& kept : cleaned.kept) {
    json.BeginObject();
    json.Key("group").Text(kept.group);
    json.Key("why").Text(kept.why);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace moat::cli
