#include "cli/launcher/plan_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/sha256.h"
#include "base/text.h"
#include "plan/abi.h"
#include "run/privilege.h"
#include "sys/calls.h"

namespace moat::launcher {
namespace {

constexpr std::size_t kMaxPlan = 4 << 20;
constexpr std::size_t kKeySize = 64;  // SHA-256 in hexadecimal digits

// Behind the plan in its file: which plan it is, and that all of it is there. A file system
// that lost its power may keep a name and lose blocks.
struct Seal {
  char magic[8];
  std::uint64_t size, checksum;
  char key[kKeySize];
};
constexpr char kSealMagic[8] = {'M', 'O', 'A', 'T', 'S', 'E', 'L', '1'};

std::uint64_t Rotate(std::uint64_t word, unsigned by) { return word << by | word >> (64 - by); }

// Against accidents, not against people: the folder keeps those out. Four lanes, because this is
// on the way to every job.
std::uint64_t Checksum(std::string_view bytes) {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15;
  std::uint64_t lanes[4] = {1, 2, 3, 4};
  std::size_t at = 0;
  for (; bytes.size() - at >= sizeof(lanes); at += sizeof(lanes)) {
    std::uint64_t words[4];
    std::memcpy(words, bytes.data() + at, sizeof(words));
    for (unsigned i = 0; i < 4; ++i) lanes[i] = Rotate((lanes[i] ^ words[i]) * kFactor, 29);
  }
  std::uint64_t sum = bytes.size();
  for (; at < bytes.size(); ++at) sum = (sum ^ static_cast<unsigned char>(bytes[at])) * kFactor;
  for (const std::uint64_t lane : lanes) sum = Rotate((sum ^ lane) * kFactor, 31);
  return sum;
}

Seal SealFor(std::string_view plan, std::string_view key) {
  Seal seal{};
  std::memcpy(seal.magic, kSealMagic, sizeof(seal.magic));
  seal.size = plan.size();
  seal.checksum = Checksum(plan);
  std::memcpy(seal.key, key.data(), std::min(key.size(), sizeof(seal.key)));
  return seal;
}

// Takes the seal off; false when this is not that plan, whole.
bool Unseal(std::string& file, std::string_view key) {
  Seal seal;
  if (file.size() < sizeof(seal)) return false;
  const std::size_t size = file.size() - sizeof(seal);
  std::memcpy(&seal, file.data() + size, sizeof(seal));
  // The cheap answers first.
  if (std::memcmp(seal.magic, kSealMagic, sizeof(seal.magic)) != 0 || seal.size != size ||
      std::string_view(seal.key, kKeySize) != key) {
    return false;
  }
  file.resize(size);
  return seal.checksum == Checksum(file);
}

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

bool Same(const abi::DependencyRow& row, const std::string& plan) {
  const char* path = plan.c_str() + row.path;
  if (row.text != 0) {
    auto text = sys::ReadFile(path, 4096);
    return text.ok() && row.text < plan.size() && *text == plan.c_str() + row.text;
  }
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
    if (row.path >= plan.size() || !Same(row, plan)) return false;
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
  Add(hash, run.watcher < 0 ? "" : "watched");
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

// A file without a name until it is whole: what is killed before leaves none. False where the
// file system knows no such files.
bool KeepUnnamed(int folder, const std::string& name, const std::string& bytes) {
  auto file = sys::openat2(folder, ".", O_WRONLY | O_TMPFILE, uapi::kResolveBeneath, 0600);
  if (!file.ok() || !sys::WriteAll(file->get(), bytes, name).ok()) return false;
  const std::string self = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(file->get()));
  unlinkat(folder, name.c_str(), 0);
  // Somebody else's plan of the same name is as good.
  return linkat(AT_FDCWD, self.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST;
}

void KeepRenamed(int folder, const std::string& name, const std::string& bytes) {
  const std::string temporary = name + "." + base::Number(static_cast<std::uint64_t>(getpid()));
  unlinkat(folder, temporary.c_str(), 0);  // of a namesake that was killed
  auto file = sys::openat2(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, uapi::kResolveBeneath, 0600);
  if (!file.ok()) return;
  if (!sys::WriteAll(file->get(), bytes, temporary).ok() ||
      renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) {
    unlinkat(folder, temporary.c_str(), 0);
  }
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
  key_ = Key(run, environment, cwd, tool);
  file_ = key_ + ".plan";
}

std::string PlanCache::Find() const {
  if (folder_.empty()) return {};
  auto folder = sys::openat2(AT_FDCWD, folder_.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, uapi::kResolveNoMagiclinks);
  if (!folder.ok() || !Private(*folder, true)) return {};
  auto file = sys::openat2(folder->get(), file_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK, uapi::kResolveBeneath);
  if (!file.ok() || !Private(*file, false)) return {};
  auto plan = sys::ReadAll(*file, kMaxPlan, file_);
  if (!plan.ok() || !Unseal(*plan, key_) || !Fresh(*plan)) return {};
  return std::move(plan).value();
}

void PlanCache::Keep(const std::string& plan) const {
  if (folder_.empty()) return;
  mkdir(parent_.c_str(), 0755);
  mkdir(folder_.c_str(), 0700);
  auto folder = sys::openat2(AT_FDCWD, folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, uapi::kResolveNoMagiclinks);
  if (!folder.ok() || !Private(*folder, true)) return;
  Trim(folder->get());
  const Seal seal = SealFor(plan, key_);
  const std::string bytes = plan + std::string(reinterpret_cast<const char*>(&seal), sizeof(seal));
  if (!KeepUnnamed(folder->get(), file_, bytes)) KeepRenamed(folder->get(), file_, bytes);
}

void PlanCache::Forget() const {
  if (!folder_.empty()) unlink((folder_ + "/" + file_).c_str());
}

}  // namespace moat::launcher
