#include "run/scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>

#include "base/units.h"
#include "run/tree_walk.h"
#include "sys/calls.h"

namespace moat::run {
namespace {

constexpr std::size_t kDepthMost = 16;
constexpr std::uint64_t kEntriesMost = 10000;

struct Search {
  std::uint64_t size = 0;
  std::uint64_t left = kEntriesMost;
};

bool Holds(int folder, Search& search, std::size_t depth) {
  auto listing = ListFolder(folder, search.left);
  if (!listing.ok()) return false;
  search.left -= std::min<std::uint64_t>(search.left, listing->entries.size());
  for (const Entry& entry : listing->entries) {
    struct stat facts;
    if (fstatat(folder, entry.name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISREG(facts.st_mode) && static_cast<std::uint64_t>(facts.st_size) >= search.size) return true;
    if (!S_ISDIR(facts.st_mode) || depth == 0 || search.left == 0) continue;
    auto inner = OpenEntry(folder, entry.name, true);
    if (inner.ok() && Holds(inner->get(), search, depth - 1)) return true;
  }
  return false;
}

bool IsUnmet(int fd, const abi::Shared& shared) {
  struct stat facts;
  return shared.unmet_bytes != 0 && fstat(fd, &facts) == 0 && major(facts.st_dev) == shared.unmet_major &&
         minor(facts.st_dev) == shared.unmet_minor;
}

}  // namespace

FullPlaces FindFullPlaces(const LivePlan& plan, const abi::Shared& shared) {
  FullPlaces full;
  const abi::Header& header = plan.header();
  const auto* rows = plan.Rows<abi::ScratchRow>(header.scratches);
  for (abi::Index i = 0; i < header.scratch_count; ++i) {
    struct statfs facts;
    const int fd = plan.Int(rows[i].fd);
    if (fd < 0 || fstatfs(fd, &facts) != 0) continue;
    const std::string_view target = plan.Text(rows[i].target);
    const bool output = (header.flags & abi::kHasOutput) != 0 && target == plan.Text(header.output_dir);
    const std::uint64_t size = output ? std::min(rows[i].size, header.limits.output) : rows[i].size;
    std::string place = std::string(target) + " " + base::FormatSize(size);
    if (IsUnmet(fd, shared)) {
      full.refused = base::FormatSize(shared.unmet_bytes) + " in " + place;
      full.refused_output = output;
    }
    if (facts.f_bavail != 0 && facts.f_ffree != 0) continue;
    if (facts.f_bavail != 0) place += " (inodes)";
    if (output) {
      full.output = std::move(place);
    } else {
      full.scratch.push_back(std::move(place));
    }
  }
  return full;
}

bool HoldsFileOf(const LivePlan& plan, std::uint64_t size) {
  const auto* rows = plan.Rows<abi::ScratchRow>(plan.header().scratches);
  Search search{size, kEntriesMost};
  for (abi::Index i = 0; i < plan.header().scratch_count; ++i) {
    const int fd = plan.Int(rows[i].fd);
    if (fd < 0) continue;
    auto root = sys::openat2(fd, ".", O_RDONLY | O_DIRECTORY, kConfined);
    if (root.ok() && Holds(root->get(), search, kDepthMost)) return true;
  }
  return false;
}

}  // namespace moat::run
