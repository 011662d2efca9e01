// A bind mount tells its owner where its root lies on its file system (proc_pid_mountinfo(5), field
// 4). Seen through an overlay of its folder, a file tells no more than its own name.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "sys/fd.h"
#include "uapi/kernel.h"

namespace moat::run {

// Of the mount of an input.
inline constexpr std::uint64_t kInputAttributes =
    uapi::kMountAttrRdonly | uapi::kMountAttrNosuid | uapi::kMountAttrNodev | uapi::kMountAttrNoexec;

// The overlays of one job's inputs. Not thread-safe.
class CoveredPath {
 public:
  // A read-only mount of the file in an overlay of its folder; with `ids`, a user namespace or -1, its
  // owner is seen as there. Not valid where that cannot be done: before Linux 6.15, which takes
  // detached mounts as layers; on file systems that may look at more of a reader than owner and mode say; below
  // folders with mounts in them; for files that have no name any more or were changed meanwhile.
  sys::MountFd Mount(const sys::Fd& file, const struct stat& facts, int ids);

 private:
  // A folder, and what it looks like through an overlay.
  struct Cover {
    std::string path;
    sys::MountFd folder, overlay;
  };
  Cover MakeCover(std::string path, int ids);

  sys::MountFd empty_;  // an overlay that nobody writes to wants two layers
  Cover latest_;        // of a folder whose ids are as they are: inputs often lie side by side
};

}  // namespace moat::run
