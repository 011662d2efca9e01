#include "watch/snapshot.h"

#include <fcntl.h>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::watch {
namespace {

constexpr std::size_t kNoFile = ~std::size_t{0};

// Looked at before it is opened: it may be a device by now, or another file.
sys::Fd OpenFile(const Guest& guest, JobRoot& root, const Mapping& mapping) {
  auto named = root.Open(guest, mapping.path);
  if (!named.ok()) return {};
  auto facts = sys::fstat(*named, "");
  if (!facts.ok() || !S_ISREG(facts->st_mode) || facts->st_ino != mapping.inode) return {};
  if (facts->st_size <= 0 || static_cast<std::uint64_t>(facts->st_size) > unwind::kMaxFile) return {};
  const std::string link = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(named->get()));
  auto file = sys::openat2(AT_FDCWD, link.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK, 0);  // a magic link, and meant
  return file.ok() ? std::move(*file) : sys::Fd();
}

}  // namespace

std::size_t Snapshots::FileOf(const Guest& guest, JobRoot& root, const Mapping& mapping) {
  for (std::size_t i = 0; i < ids_.size(); ++i) {
    if (ids_[i].inode == mapping.inode && ids_[i].path == mapping.path) return numbers_[i];
  }
  if (ids_.size() >= unwind::kMaxFiles) return kNoFile;
  ids_.push_back({mapping.path, mapping.inode});
  sys::Fd file = OpenFile(guest, root, mapping);
  numbers_.push_back(file.valid() ? files_.size() : kNoFile);
  if (file.valid()) files_.push_back(std::move(file));
  return numbers_.back();
}

std::size_t Snapshots::Take(const Guest& guest, JobRoot& root, std::uint64_t pc) {
  if (all_.size() >= unwind::kMaxSnapshots) return kNoSnapshot;
  Snapshot taken;
  taken.pc = pc;
  taken.sp = guest.StackPointer();
  if (taken.sp == 0) return kNoSnapshot;
  taken.stack.resize(unwind::kMaxStack);
  taken.stack.resize(guest.Read(taken.sp, taken.stack.data(), taken.stack.size()));
  taken.code = guest.Code();
  for (const Mapping& mapping : taken.code) {
    if (mapping.path.empty() || mapping.path[0] != '/' || taken.rows.size() >= unwind::kMaxMappings) continue;
    const std::size_t file = FileOf(guest, root, mapping);
    if (file != kNoFile) taken.rows.push_back({mapping.start, mapping.end, mapping.offset, static_cast<std::uint32_t>(file), 0});
  }
  if (taken.rows.empty() || taken.stack.empty()) return kNoSnapshot;
  all_.push_back(std::move(taken));
  return all_.size() - 1;
}

}  // namespace moat::watch
