#include "run/collect.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/errno_name.h"
#include "base/safe_text.h"
#include "base/text.h"
#include "run/arrival.h"
#include "run/copy_content.h"
#include "run/output_name.h"
#include "run/tree_walk.h"
#include "sys/calls.h"
#include "sys/fd.h"

namespace moat::run {
namespace {

constexpr std::size_t kBuffer = 128 << 10;  // stays in the second-level cache
constexpr std::size_t kNameMost = 255;
constexpr std::size_t kPathMost = 4000;             // PATH_MAX, with room for where the folder is
constexpr std::size_t kRefusedMost = 1000;          // named in the report; the rest is counted
constexpr std::uint64_t kTextMost = 32ULL << 20;    // of names in the report

struct Folder {
  sys::Fd source, destination;
  std::string guest_path, path;  // as the guest named it, as it is named outside; "" or "a/b/"
  Listing listing;
  std::size_t next = 0;
};

std::string InWords(const Error& error) {
  std::string text = error.call + ": ";
  text += base::ErrnoName(error.error_number);
  text += " (";
  text += base::ErrnoText(error.error_number);
  text += ')';
  return text;
}

void NoteMode(mode_t mode, std::vector<std::string>& changes) {
  if ((mode & S_ISUID) != 0) changes.emplace_back("set-user-id bit removed");
  if ((mode & S_ISGID) != 0) changes.emplace_back("set-group-id bit removed");
  if ((mode & S_ISVTX) != 0) changes.emplace_back("sticky bit removed");
  if ((mode & (S_IWGRP | S_IWOTH)) != 0) changes.emplace_back("write permission of others removed");
}

std::uint64_t Left(std::uint64_t limit, std::uint64_t used) { return limit > used ? limit - used : 0; }

class Collector {
 public:
  explicit Collector(const CollectLimits& limits) : limits_(limits) {
    clock_gettime(CLOCK_REALTIME, &now_);
  }

  Status Start(int source_dir, int destination_dir);
  void Walk();
  Collected Take();

 private:
  void Visit(const Entry& entry);
  bool NameOutput(const Entry& entry, OutputFile& output);
  Result<std::uint32_t> Mode(const Entry& entry) const;

  void EnterFolder(const Entry& entry, sys::Fd source, OutputFile output);
  Result<sys::Fd> MakeFolder(const std::string& name);
  Status List(Folder& folder);

  void CollectFile(const Entry& entry, const sys::Fd& source, const struct stat& facts, OutputFile output);
  Status Fill(int fd, const sys::Fd& source, const struct stat& facts, OutputFile& output);
  Status SetTime(int fd, struct timespec time, OutputFile& output) const;

  void Refuse(const Entry& entry, std::string why);
  void Interrupt(const Entry& entry);
  void RefuseFailed(const Entry& entry, const Error& error);
  bool HasRoomInReport(const Entry& entry);

  Folder& top() { return stack_.back(); }
  const Folder& top() const { return stack_.back(); }

  const CollectLimits limits_;
  Collected result_;
  std::vector<Folder> stack_;
  std::vector<char> buffer_;
  HoleBudget holes_;
  struct timespec now_ = {};
  std::uint64_t listed_ = 0;    // entries so far, against limits_.files
  std::uint64_t text_ = 0;
  std::uint64_t unnamed_ = 0;   // refused, beyond what is named
  bool stopped_ = false;
};

Status Collector::Start(int source_dir, int destination_dir) {
  Folder root;
  // "." and not a copy of the descriptor: that one may be O_PATH, as fsmount's is.
  root.source = MOAT_TRY(sys::openat2(source_dir, ".", O_RDONLY | O_DIRECTORY, kConfined));
  root.destination = MOAT_TRY(sys::openat2(destination_dir, ".", O_PATH | O_DIRECTORY, kConfined));
  RemoveLeftArrivals(root.destination.get());
  MOAT_TRY(List(root));
  stack_.push_back(std::move(root));
  return {};
}

// A stack of our own: the guest chooses the depth, and ours has to hold it.
void Collector::Walk() {
  while (!stack_.empty() && !stopped_) {
    Folder& folder = top();
    if (folder.next == folder.listing.entries.size()) {
      stack_.pop_back();
    } else {
      const Entry entry = folder.listing.entries[folder.next++];
      Visit(entry);
    }
  }
}

Collected Collector::Take() {
  if (unnamed_ != 0) result_.refused.push_back({"", base::Number(unnamed_) + " more, not named here"});
  return std::move(result_);
}

// Entries count when they are listed, so that all listings together are no longer than the limit.
Status Collector::List(Folder& folder) {
  folder.listing = MOAT_TRY(ListFolder(folder.source.get(), Left(limits_.files, listed_)));
  listed_ += folder.listing.entries.size();
  if (!folder.listing.complete && !std::exchange(result_.files_exceeded, true)) {
    std::string name = folder.guest_path.empty() ? "." : folder.guest_path.substr(0, folder.guest_path.size() - 1);
    result_.refused.push_back({std::move(name), "the limit of collected files was reached in it"});
  }
  return {};
}

void Collector::Visit(const Entry& entry) {
  if (!HasRoomInReport(entry)) return;
  if (limits_.stop()) return Interrupt(entry);
  auto mode = Mode(entry);
  if (!mode.ok()) return RefuseFailed(entry, mode.error());
  if (const auto why = RefusedType(mode.value()); !why.empty()) return Refuse(entry, std::string(why));
  const bool folder = S_ISDIR(mode.value());
  if (folder && stack_.size() > kCollectDepth) {
    return Refuse(entry, "deeper than " + base::Number(kCollectDepth) + " folders");
  }
  OutputFile output;
  if (!NameOutput(entry, output)) return;
  auto source = OpenEntry(top().source.get(), entry.name, folder);
  if (!source.ok()) {
    if (source.error().error_number == EXDEV) return Refuse(entry, "mount point");
    return Refuse(entry, "cannot be read: " + InWords(source.error()));
  }
  auto facts = sys::fstat(source.value(), entry.name);
  if (!facts.ok()) return RefuseFailed(entry, facts.error());
  if ((facts.value().st_mode & S_IFMT) != (mode.value() & S_IFMT)) return Refuse(entry, "changed while it was read");
  NoteMode(facts.value().st_mode, output.changes);
  if (folder) return EnterFolder(entry, std::move(source).value(), std::move(output));
  CollectFile(entry, source.value(), facts.value(), std::move(output));
}

// The type before anything is opened: opening a device can have effects, and a FIFO waits.
Result<std::uint32_t> Collector::Mode(const Entry& entry) const {
  if (const std::uint32_t known = ModeOfType(entry.type); known != 0) return known;
  struct stat facts;
  if (::fstatat(top().source.get(), entry.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
    return SystemError("newfstatat", errno);
  }
  return static_cast<std::uint32_t>(facts.st_mode);
}

// False: it was refused.
bool Collector::NameOutput(const Entry& entry, OutputFile& output) {
  std::string name = entry.name;
  if (!IsHarmlessName(name)) {
    name = HarmlessName(entry.name);
    output.changes.push_back("renamed from " + base::Quoted(entry.name));
    const char* why = nullptr;
    if (name.size() > kNameMost) why = "its name is too long once it is made harmless";
    // Two names never become the same (see HarmlessName); one may become what another one is.
    if (Contains(top().listing, name)) why = "its name, once made harmless, is that of another file";
    if (why != nullptr) return Refuse(entry, why), false;
  }
  output.name = top().path + name;
  if (output.name.size() > kPathMost) return Refuse(entry, "its path is too long"), false;
  return true;
}

void Collector::EnterFolder(const Entry& entry, sys::Fd source, OutputFile output) {
  const std::string name = output.name.substr(top().path.size());
  auto destination = MakeFolder(name);
  if (!destination.ok()) {
    switch (destination.error().error_number) {
      case ENOTDIR:
      case ELOOP: return Refuse(entry, "the destination has something else than a folder under its name");
      case EXDEV: return Refuse(entry, "the destination has a mount point under its name");
      default: return RefuseFailed(entry, destination.error());
    }
  }
  Folder folder;
  folder.source = std::move(source);
  folder.destination = std::move(destination).value();
  folder.guest_path = top().guest_path + entry.name + "/";
  folder.path = output.name + "/";
  const Status listed = List(folder);
  if (!listed.ok()) return RefuseFailed(entry, listed.error());
  output.type = "directory";
  result_.outputs.push_back(std::move(output));
  stack_.push_back(std::move(folder));
}

Result<sys::Fd> Collector::MakeFolder(const std::string& name) {
  const int parent = top().destination.get();
  const bool made = ::mkdirat(parent, name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) return SystemError("mkdirat", errno, name);
  sys::Fd fd = MOAT_TRY(sys::openat2(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, kConfined));
  // A folder that was there before keeps its mode: it is the caller's.
  if (made && ::fchmod(fd.get(), 0755) != 0) return SystemError("fchmod", errno, name);
  if (!made) RemoveLeftArrivals(fd.get());
  return fd;
}

void Collector::CollectFile(const Entry& entry, const sys::Fd& source, const struct stat& facts, OutputFile output) {
  const auto size = static_cast<std::uint64_t>(facts.st_size);
  output.type = "file";
  output.size = std::min(size, Left(limits_.bytes, result_.bytes));
  output.truncated = output.size < size;
  if (output.truncated) result_.bytes_exceeded = true;
  if (output.truncated && output.size == 0) return Refuse(entry, "the limit of collected bytes was reached before it");
  if (facts.st_nlink > 1) {
    output.changes.push_back("one of " + base::Number(facts.st_nlink) + " hard links, copied as a file of its own");
  }
  auto arrival = Arrival::Open(top().destination.get(), 0600);
  if (!arrival.ok()) return RefuseFailed(entry, arrival.error());
  Status status = Fill(arrival->fd().get(), source, facts, output);
  if (status.ok()) status = arrival->Publish(output.name.substr(top().path.size()));
  if (status.ok()) {
    result_.bytes += output.size;
    result_.outputs.push_back(std::move(output));
    return;
  }
  if (status.error().error_number == ECANCELED) return Interrupt(entry);
  if (status.error().error_number == EISDIR) return Refuse(entry, "the destination has a folder under its name");
  RefuseFailed(entry, status.error());
}

Status Collector::Fill(int fd, const sys::Fd& source, const struct stat& facts, OutputFile& output) {
  // Only as large as needed: most jobs leave one small file, and fresh pages cost.
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, output.size));
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  output.sha256 = MOAT_TRY(CopyContent(source.get(), fd, output.size, buffer_, holes_, limits_.stop));
  if (output.sha256.empty()) output.changes.emplace_back("not hashed: its holes are too large");
  const mode_t mode = (facts.st_mode & S_IXUSR) != 0 ? 0755 : 0644;
  if (::fchmod(fd, mode) != 0) return SystemError("fchmod", errno);
  return SetTime(fd, facts.st_mtim, output);
}

// Times before 1970 or after now break archives, caches and builds.
Status Collector::SetTime(int fd, struct timespec time, OutputFile& output) const {
  const bool insane = time.tv_sec < 0 || time.tv_sec > now_.tv_sec + 1;
  if (insane) output.changes.emplace_back("modification time replaced");
  const struct timespec times[2] = {{0, UTIME_OMIT}, insane ? now_ : time};
  if (::futimens(fd, times) != 0) return SystemError("utimensat", errno);
  return {};
}

void Collector::Refuse(const Entry& entry, std::string why) {
  if (result_.refused.size() < kRefusedMost) {
    result_.refused.push_back({top().guest_path + entry.name, std::move(why)});
  } else {
    ++unnamed_;
  }
}

void Collector::Interrupt(const Entry& entry) {
  Refuse(entry, "collecting was cancelled, here and before all that would follow");
  result_.interrupted = stopped_ = true;
}

void Collector::RefuseFailed(const Entry& entry, const Error& error) {
  Refuse(entry, "the host failed: " + InWords(error));
  if (!result_.error) result_.error = error;
  // The next file would fare no better, and a million of them would take their time.
  const int number = error.error_number;
  if (number == ENOSPC || number == EDQUOT || number == EROFS || number == EIO) stopped_ = true;
}

// Long paths times many files: the report has a limit too, and it ends the walk.
bool Collector::HasRoomInReport(const Entry& entry) {
  text_ += top().guest_path.size() + entry.name.size();
  if (text_ > kTextMost) result_.files_exceeded = stopped_ = true;
  return !stopped_;
}

}  // namespace

Result<Collected> Collect(int source_dir, int destination_dir, const CollectLimits& limits) {
  Collector collector(limits);
  MOAT_TRY(collector.Start(source_dir, destination_dir));
  collector.Walk();
  return collector.Take();
}

}  // namespace moat::run
