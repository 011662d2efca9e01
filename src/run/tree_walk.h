// Reading a folder that a guest has filled: every entry by descriptor, nothing followed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"
#include "uapi/kernel.h"

namespace moat::run {

// Stay in this folder and on this file system, follow nothing.
inline constexpr std::uint64_t kConfined = uapi::kResolveBeneath | uapi::kResolveNoSymlinks |
                                           uapi::kResolveNoMagiclinks | uapi::kResolveNoXdev;

struct Entry {
  std::string name;
  unsigned char type = 0;  // DT_*
};

struct Listing {
  std::vector<Entry> entries;  // by name
  bool complete = true;        // false: there are more than `most`
};

// What is in `dir`, at most `most` entries (any of them, when there are more).
Result<Listing> ListFolder(int dir, std::uint64_t most);
bool Contains(const Listing& listing, std::string_view name);

// Opens a file or folder for reading. Never waits: not for a FIFO's writer, not for a lock.
// When only its mode is in the way and the caller owns it, the mode is what gives way.
Result<sys::Fd> OpenEntry(int dir, const std::string& name, bool folder);

// "symbolic link", "FIFO" ... for what is neither a regular file nor a folder, else "".
std::string_view RefusedType(std::uint32_t mode);
std::uint32_t ModeOfType(unsigned char type);  // DT_LNK -> S_IFLNK

}  // namespace moat::run
