// What the job will see: the tree of mounts, folders, links and small files, worked out from
// the policy's file rules before any system call is prepared.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "plan/abi.h"
#include "plan/plan.h"

namespace moat::plan {

enum class MountType : std::uint8_t { kRoot, kBind, kScratch, kHide, kDevice, kProc, kOutput };

struct Mount {
  MountType type = MountType::kBind;
  std::string target;              // absolute, canonical inside the jail
  std::string source;              // kBind, kDevice: canonical on the host
  std::uint64_t attributes = 0;    // MOUNT_ATTR_*
  std::uint64_t size = 0, inodes = 0;
  bool is_folder = true;
  std::uint32_t device_mode = 0;   // kDevice: what the source must still be
  std::uint64_t device = 0;
  Origin origin;
  abi::Offset fd = 0;              // filled by the emitter
};

class Layout {
 public:
  std::vector<Mount> mounts;                  // root first, then parents before children
  std::map<std::string, std::string> links;   // path -> text
  std::map<std::string, std::string> files;   // path -> content: synthetic /etc
  std::set<std::string> folders;              // made in the root or in a scratch, by the launcher
  std::vector<std::string> own_folders;       // made by the job's own uid: home and such
  std::string input, output, cwd;
  std::string home;  // as the guest names it; a link when it lies in another scratch

  // The mount that a canonical path inside the jail lies on.
  const Mount& Covering(const std::string& path) const;
  // Follows links as the guest would; the host path of what is there, nullopt when nothing is.
  std::optional<std::string> HostPath(const std::string& inside, const HostView& view) const;
  // True when the guest can reach `inside` at all (scratch and synthetic files count).
  bool Visible(const std::string& inside, const HostView& view) const;
};

Result<Layout> LayOut(const Request& request);

// Adds one more read-only rule (a program outside the visible folders).
Status AddBind(Layout& layout, const Request& request, const std::string& path, const Origin& origin);

// Path helpers, lexical.
bool IsBelow(std::string_view path, std::string_view folder);  // strictly below or equal
std::string Parent(const std::string& path);
std::string Join(const std::string& folder, std::string_view rest);
bool PathLess(const std::string& a, const std::string& b);  // parents before children, siblings together

}  // namespace moat::plan
