#include "profile/find_profile.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/similar.h"
#include "policy/scalars.h"

namespace moat::policy {
namespace {

constexpr std::size_t kLargest = 1 << 20;
constexpr std::string_view kSuffix = ".toml";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

bool IsPath(std::string_view name) {
  const bool suffix = name.size() >= kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix;
  return suffix || name.find('/') != std::string_view::npos;
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Error CannotRead(const std::string& path, std::string call, int error_number) {
  Error error = PolicyError("the policy cannot be read: " + Quote(path));
  error.call = std::move(call);
  error.error_number = error_number;
  return error;
}

// Whoever can write a policy decides what the job may do.
Status CheckFile(const struct stat& facts, const std::string& path) {
  if (!S_ISREG(facts.st_mode)) {
    return PolicyError(Quote(path) + " is " + (S_ISDIR(facts.st_mode) ? "a folder" : "not a regular file") +
                       ", not a policy");
  }
  if (facts.st_size > static_cast<off_t>(kLargest))
    return PolicyError(Quote(path) + " is over 1M: not a policy");
  if ((facts.st_mode & S_IWOTH) != 0) {
    return WithFix(PolicyError(Quote(path) + " can be changed by every user of this host"),
                   "chmod o-w " + path);
  }
  const bool trusted_owner = facts.st_uid == 0 || facts.st_uid == geteuid();
  if (!trusted_owner && (facts.st_mode & S_IWGRP) != 0) {
    return WithFix(PolicyError(Quote(path) + " belongs to another user and can be changed by its group"),
                   "chmod g-w " + path);
  }
  return {};
}

Result<std::string> ReadAll(int fd, const std::string& path) {
  std::string text;
  char block[16384];
  while (true) {
    const ssize_t n = read(fd, block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return CannotRead(path, "read", errno);
    if (n == 0) return text;
    text.append(block, static_cast<std::size_t>(n));
    // The file may have grown since it was examined.
    if (text.size() > kLargest) return PolicyError(Quote(path) + " is over 1M: not a policy");
  }
}

Result<SourceText> ReadFile(const std::string& path, int more_flags) {
  // O_NONBLOCK: a FIFO in the place of a policy must not hang us.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | more_flags));
  if (file.get() < 0) return CannotRead(path, "open", errno);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) return CannotRead(path, "fstat", errno);
  MOAT_TRY(CheckFile(facts, path));
  return SourceText{path, MOAT_TRY(ReadAll(file.get(), path))};
}

Error NoSuchProfile(std::string_view name, const std::vector<std::string>& folders) {
  std::string where;
  for (const std::string& folder : folders) where += (where.empty() ? "" : ", ") + folder;
  Error error =
      PolicyError("there is no profile " + Quote(name) + " in " + (where.empty() ? "any folder" : where));
  error.fix = DidYouMean(base::Closest(name, ListProfiles(folders)));
  if (error.fix.empty())
    error.fix = "a policy of your own is given by path: `./" + std::string(name) + ".toml`";
  return error;
}

}  // namespace

Result<SourceText> FindProfile(std::string_view name_or_path, const std::vector<std::string>& folders) {
  const std::string name(name_or_path);
  if (name.empty()) return PolicyError("an empty name for a policy");
  if (name.find('\0') != std::string::npos) return PolicyError("a NUL byte in the name of a policy");
  if (IsPath(name)) return ReadFile(name, 0);
  if (!IsName(name)) {
    return WithFix(PolicyError(Quote(name) + " is not the name of a profile"),
                   "names have small letters, digits and `-`; a file is given by path: `./" + name + "`");
  }
  for (const std::string& folder : folders) {
    // A shipped profile is a file of its own: a link there would be somebody's surprise.
    Result<SourceText> source = ReadFile(folder + "/" + name + std::string(kSuffix), O_NOFOLLOW);
    if (source.ok() || source.error().error_number != ENOENT) return source;
  }
  return NoSuchProfile(name, folders);
}

ReadProfile ProfilesIn(std::vector<std::string> folders) {
  return [folders = std::move(folders)](std::string_view name) { return FindProfile(name, folders); };
}

std::vector<std::string> ListProfiles(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const std::string& folder : folders) {
    DIR* listing = opendir(folder.c_str());
    if (listing == nullptr) continue;
    while (const dirent* entry = readdir(listing)) {
      std::string_view name = entry->d_name;
      if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix) continue;
      name.remove_suffix(kSuffix.size());
      if (IsName(name)) names.emplace_back(name);
    }
    closedir(listing);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace moat::policy
