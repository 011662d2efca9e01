// Results as one tar or zip, written piece by piece to wherever the caller says.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::web {

enum class ArchiveKind : unsigned char { kTar, kZip };

struct ArchiveFile {
  std::string name;
  sys::Fd file;
};

// `next` opens one file after the other, and returns an entry without a name behind the last. `sink`
// returns false when nobody listens any more.
Status WriteArchive(ArchiveKind kind, const std::function<Result<ArchiveFile>()>& next,
                    const std::function<bool(std::string_view)>& sink);

}  // namespace moat::web
