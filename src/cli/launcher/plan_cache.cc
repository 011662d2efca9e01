#include "cli/launcher/plan_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/sha256.h"
#include "base/text.h"
#include "plan/abi.h"
#include "run/privilege.h"
#include "sys/calls.h"

namespace moat::launcher {
namespace {

constexpr std::size_t kMaxPlan = 4 << 20;

void Add(base::Sha256& hash, std::string_view text) {
  hash.Update(base::Number(text.size()));
  hash.Update(":");
  hash.Update(text);
}

// Device, inode and times of a file that the plan's meaning hangs on.
void AddFile(base::Sha256& hash, const char* path) {
  struct stat facts;
  if (stat(path, &facts) != 0) {
    Add(hash, "absent");
    return;
  }
  const std::uint64_t identity[] = {facts.st_dev, facts.st_ino, static_cast<std::uint64_t>(facts.st_size),
                                    static_cast<std::uint64_t>(facts.st_mtim.tv_sec),
                                    static_cast<std::uint64_t>(facts.st_mtim.tv_nsec)};
  hash.Update(std::string_view(reinterpret_cast<const char*>(identity), sizeof(identity)));
}

void AddContent(base::Sha256& hash, const char* path) {
  auto text = sys::ReadFile(path, 64 * 1024);
  Add(hash, text.ok() ? *text : std::string("unreadable"));
}

// Ours alone: no one else could have put or changed a plan in it.
bool Private(const sys::Fd& fd, bool folder) {
  struct stat facts;
  if (fstat(fd.get(), &facts) != 0) return false;
  return facts.st_uid == geteuid() && (facts.st_mode & 022) == 0 && (folder ? S_ISDIR(facts.st_mode) : S_ISREG(facts.st_mode));
}

bool Same(const abi::DependencyRow& row, const char* path) {
  struct stat facts;
  if (lstat(path, &facts) != 0) return row.exists == 0;
  return row.exists != 0 && row.device == facts.st_dev && row.inode == facts.st_ino &&
         row.size == static_cast<std::uint64_t>(facts.st_size) &&
         row.mtime_ns == static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * 1000000000ULL +
                             static_cast<std::uint64_t>(facts.st_mtim.tv_nsec) &&
         row.ctime_ns == static_cast<std::uint64_t>(facts.st_ctim.tv_sec) * 1000000000ULL +
                             static_cast<std::uint64_t>(facts.st_ctim.tv_nsec);
}

bool Fresh(const std::string& plan) {
  if (plan.size() < sizeof(abi::Header)) return false;
  abi::Header header;
  std::memcpy(&header, plan.data(), sizeof(header));
  if (header.magic != abi::kMagic || header.version != abi::kVersion || header.size != plan.size()) return false;
  const std::size_t end = header.dependencies + std::size_t{header.dependency_count} * sizeof(abi::DependencyRow);
  if (end > plan.size()) return false;
  for (abi::Index i = 0; i < header.dependency_count; ++i) {
    abi::DependencyRow row;
    std::memcpy(&row, plan.data() + header.dependencies + i * sizeof(row), sizeof(row));
    if (row.path >= plan.size() || !Same(row, plan.c_str() + row.path)) return false;
  }
  return true;
}

std::string Key(const Invocation& run, const Environment& environment, const std::string& cwd, const std::string& tool) {
  base::Sha256 hash;
  Add(hash, MOAT_VERSION);
  AddFile(hash, tool.c_str());
  Add(hash, run.policy);
  if (run.policy.find('/') == std::string::npos || run.policy[0] != '/') Add(hash, cwd);
  for (const PolicyFlag& flag : run.policy_flags) {
    Add(hash, flag.name);
    Add(hash, flag.value);
  }
  const std::string& program = run.command.front();
  Add(hash, program);
  if (program.find('/') != std::string::npos) Add(hash, cwd);
  Add(hash, environment.path);
  Add(hash, environment.home);
  Add(hash, run.output_dir.empty() ? "" : "collect");
  Add(hash, base::Number(geteuid()) + "." + base::Number(getegid()) + (run::IsPrivileged() ? "+" : "-"));
  struct utsname kernel{};
  uname(&kernel);
  Add(hash, kernel.release);
  Add(hash, kernel.version);
  Add(hash, base::Number(sizeof(abi::Header) + sizeof(abi::Slots) + sizeof(abi::Op)));
  // Where the job's groups are made: below ours, and nowhere else.
  AddContent(hash, "/proc/self/cgroup");
  return hash.Hex();
}

constexpr std::size_t kMaxPlans = 512;

struct Kept {
  std::string name;
  std::int64_t seconds;
};

// Past the limit the older half goes. Whoever still needs one makes it again.
void Trim(int folder) {
  const int listing = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = listing < 0 ? nullptr : fdopendir(listing);
  if (entries == nullptr) return;
  std::vector<Kept> plans;
  while (const struct dirent* entry = readdir(entries)) {
    if (entry->d_name[0] != '.') plans.push_back({entry->d_name, 0});
  }
  closedir(entries);
  if (plans.size() < kMaxPlans) return;
  for (Kept& plan : plans) {
    struct stat facts;
    if (fstatat(folder, plan.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) plan.seconds = facts.st_mtim.tv_sec;
  }
  std::sort(plans.begin(), plans.end(), [](const Kept& a, const Kept& b) { return a.seconds < b.seconds; });
  for (std::size_t i = 0; i < plans.size() / 2; ++i) unlinkat(folder, plans[i].name.c_str(), 0);
}

}  // namespace

PlanCache::PlanCache(const Invocation& run, const Environment& environment, const std::string& cwd, const std::string& tool) {
  if (run.no_cache) return;
  if (geteuid() == 0) {
    parent_ = "/var/cache";
  } else if (!environment.cache_home.empty() && environment.cache_home[0] == '/') {
    parent_ = environment.cache_home;
  } else if (!environment.home.empty() && environment.home[0] == '/') {
    parent_ = environment.home + "/.cache";
  } else {
    return;
  }
  folder_ = parent_ + "/moat";
  file_ = Key(run, environment, cwd, tool) + ".plan";
}

std::string PlanCache::Find() const {
  if (folder_.empty()) return {};
  auto folder = sys::openat2(AT_FDCWD, folder_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, uapi::kResolveNoMagiclinks);
  if (!folder.ok() || !Private(*folder, true)) return {};
  auto file = sys::openat2(folder->get(), file_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, uapi::kResolveBeneath);
  if (!file.ok() || !Private(*file, false)) return {};
  auto plan = sys::ReadAll(*file, kMaxPlan, file_);
  if (!plan.ok() || !Fresh(*plan)) return {};
  return std::move(plan).value();
}

void PlanCache::Keep(const std::string& plan) const {
  if (folder_.empty()) return;
  mkdir(parent_.c_str(), 0755);
  mkdir(folder_.c_str(), 0700);
  auto folder = sys::openat2(AT_FDCWD, folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, uapi::kResolveNoMagiclinks);
  if (!folder.ok() || !Private(*folder, true)) return;
  Trim(folder->get());
  const std::string temporary = file_ + "." + base::Number(static_cast<std::uint64_t>(getpid()));
  auto file = sys::openat2(folder->get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, uapi::kResolveBeneath, 0600);
  if (!file.ok()) return;
  if (!sys::WriteAll(file->get(), plan, temporary).ok() ||
      renameat(folder->get(), temporary.c_str(), folder->get(), file_.c_str()) != 0) {
    unlinkat(folder->get(), temporary.c_str(), 0);
  }
}

void PlanCache::Forget() const {
  if (!folder_.empty()) unlink((folder_ + "/" + file_).c_str());
}

}  // namespace moat::launcher
