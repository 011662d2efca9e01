// Stacks of guests that stand still, taken for the helper that unwinds them later (unwinder.h): copies of memory and
// open files, all of it the guest's word. Bounded, whatever the guest does. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sys/fd.h"
#include "watch/guest.h"
#include "watch/paths.h"
#include "watch/unwind_format.h"

namespace moat::watch {

inline constexpr std::size_t kNoSnapshot = ~std::size_t{0};

struct Snapshot {
  std::uint64_t pc = 0, sp = 0;
  std::string stack;
  std::vector<Mapping> code;
  std::vector<unwind::MappingRow> rows;  // of those whose file is known
};

class Snapshots {
 public:
  // Its number; kNoSnapshot when there are enough, or nothing could be read.
  std::size_t Take(const Guest& guest, JobRoot& root, std::uint64_t pc);
  const std::vector<Snapshot>& all() const { return all_; }
  const std::vector<sys::Fd>& files() const { return files_; }

 private:
  struct Id {
    std::string path;
    std::uint64_t inode;
  };
  std::size_t FileOf(const Guest& guest, JobRoot& root, const Mapping& mapping);

  std::vector<Snapshot> all_;
  std::vector<Id> ids_;  // of the files, and of those that could not be opened
  std::vector<std::size_t> numbers_;
  std::vector<sys::Fd> files_;
};

}  // namespace moat::watch
