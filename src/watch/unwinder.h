// Stacks as chains of calls: snapshots are handed to libexec/moat/moat-unwind, which reads hostile memory and hostile
// files with libdw after it has sealed itself (it can compute and write to one file, nothing else), and is killed when it
// takes long. Whatever becomes of it, the worst is a wrong stack or none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "watch/snapshot.h"

namespace moat::watch {

struct UnwoundFrame {
  std::uint64_t address = 0;
  std::string name;  // "read+0x10", or ""
};

// One stack for each snapshot, the innermost frame first; empty where it could not be unwound. `helper`: the program.
// Starts a child of the caller and waits for its end, half a minute at most. Any thread.
Result<std::vector<std::vector<UnwoundFrame>>> Unwind(const std::string& helper, const std::vector<Snapshot>& snapshots,
                                                      const std::vector<sys::Fd>& files);

// What the helper said. Pure; never more than `snapshots` stacks.
std::vector<std::vector<UnwoundFrame>> ReadFrames(std::string_view said, std::size_t snapshots);

}  // namespace moat::watch
