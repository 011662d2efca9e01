// The folder in which jobs wait and results stay. All is reached by descriptors from the one of the
// folder itself; no symbolic link is ever followed. Several threads may use one spool.
//
//   SPOOL/lock            held while a daemon uses it
//   SPOOL/upgrade         a socket, where the next daemon asks for its place
//   SPOOL/incoming/ID/    uploads that nobody has accepted yet: gone after a restart
//   SPOOL/jobs/ID/in      inputs
//   SPOOL/jobs/ID/work    what the running job has brought home so far
//   SPOOL/jobs/ID/result  what `work` was renamed to when it was whole: report.json stdout stderr out
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"
#include "web/sweeper.h"

namespace moat::web {

// Small things with folders, by descriptor.
Result<sys::DirFd> MakeFolder(int parent, const std::string& name);  // 0700; it may exist
Result<sys::DirFd> OpenFolder(int parent, const std::string& name);
// A file below `folder`; `path` may have several components, and no link in any of them.
Result<sys::Fd> OpenBelow(int folder, const std::string& path);
Status RemoveTree(int parent, const std::string& name);  // fine when there is nothing
Status SyncTree(int parent, const std::string& name);    // everything is on the disk
Status WriteNew(int folder, const std::string& name, std::string_view bytes);
Status Move(int from, const std::string& name, int to, const std::string& new_name);
Result<std::vector<std::string>> NamesIn(int folder);
Result<std::uint64_t> TreeBytes(int folder);

std::string NewId();  // 128 random bits, in hex

// One component that means nothing to a shell, an option parser or a file system: what is not
// [A-Za-z0-9._-] becomes _, and so does a first - or dot. "" becomes "input".
std::string SafeName(std::string_view name);

class Spool {
 public:
  // Makes the folder when it is missing. Refuses one that others could write to, and one that
  // another daemon uses.
  static Result<Spool> Open(const std::string& path, std::uint64_t size);

  int incoming() const { return incoming_.get(); }
  int jobs() const { return jobs_.get(); }
  const std::string& path() const { return path_; }

  // A file that has no name, and never gets one. Some are made ahead, each for one use.
  Result<sys::Fd> TakeUnnamed();

  // An upload that is nobody's any more: it goes soon, and then its bytes count no longer.
  void Discard(Sweeper::Order order) noexcept { sweeper_->Remove(std::move(order)); }

  // Counts bytes against the size; kSystem with ENOSPC when they do not fit.
  Status Reserve(std::uint64_t bytes);
  void Release(std::uint64_t bytes) { used_->fetch_sub(bytes); }
  void Add(std::uint64_t bytes) { used_->fetch_add(bytes); }  // that are there already
  std::uint64_t used() const { return used_->load(); }

 private:
  std::string path_;
  std::uint64_t size_ = 0;
  sys::Fd lock_;
  sys::DirFd folder_, incoming_, jobs_;
  // What is there before somebody asks: making one costs a file system with a journal 0.2 ms.
  struct Stock {
    std::mutex mutex;
    std::vector<sys::Fd> files;
  };
  static void Fill(Stock& stock, int folder);

  std::unique_ptr<Stock> stock_ = std::make_unique<Stock>();
  std::unique_ptr<std::atomic<std::uint64_t>> used_ = std::make_unique<std::atomic<std::uint64_t>>(0);
  std::unique_ptr<Sweeper> sweeper_;  // uses all of the above, and goes before it
};

}  // namespace moat::web
