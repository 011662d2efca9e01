// `moat doctor --clean`: removes what launchers that were killed could not. Everything else of a
// job belongs to a process or a descriptor and ended with it; control groups do not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moat::cli {

struct CleanedGroups {
  std::vector<std::string> removed;
  struct Kept {
    std::string group, why;
  };
  std::vector<Kept> kept;
};

// "moat-<number>-<12 hexadecimal digits>", or a trial's "moat-probe-<number>-<number>".
bool IsGroupName(std::string_view name);

// Looks below every cgroup mount of `mountinfo` that can be written. A group goes only when it
// has such a name, belongs to us, has nobody in it and is held by no launcher. Whether it has
// somebody in it is for the kernel to say, in the call that removes it.
CleanedGroups CleanGroups(std::string_view mountinfo);

std::string CleanedText(const CleanedGroups& cleaned);
std::string CleanedJson(const CleanedGroups& cleaned);

}  // namespace moat::cli
