#include "learn/files.h"

#include <algorithm>

#include "policy/path_groups.h"

namespace moat::learn {
namespace {

// Narrow ones first. @system is everything, and no finding.
constexpr std::string_view kGroups[] = {"loader", "zoneinfo", "locale", "fonts", "certs", "mime", "libs"};
constexpr std::size_t kTogether = 3;  // so many files of a folder stand for the folder

std::string_view GroupOf(std::string_view path) {
  for (const std::string_view name : kGroups) {
    const policy::PathGroup* group = policy::FindPathGroup(name);
    if (group == nullptr) continue;
    for (const policy::GroupPath& each : group->paths) {
      if (Within(path, each.path)) return name;
    }
  }
  return {};
}

// "/usr/share/ghostscript/9/x" -> "/usr/share/ghostscript"; "/etc/x/y" -> "/etc/x"; "" for other places.
std::string PackageFolder(const std::string& path) {
  for (const std::string_view top : {std::string_view("/usr/share/"), std::string_view("/etc/"), std::string_view("/opt/"), std::string_view("/var/lib/")}) {
    if (path.compare(0, top.size(), top) != 0) continue;
    const std::size_t end = path.find('/', top.size());
    return end == std::string::npos ? "" : path.substr(0, end);
  }
  return {};
}

std::string Folder(const std::string& path) { return path.substr(0, path.rfind('/')); }

void Join(Evidence& all, const Evidence& one) {
  all.times += one.times;
  all.inputs.insert(one.inputs.begin(), one.inputs.end());
}

}  // namespace

bool Within(std::string_view path, std::string_view folder) {
  return path == folder || (path.size() > folder.size() && path.substr(0, folder.size()) == folder && path[folder.size()] == '/');
}

std::vector<FileLine> Generalised(const Observations& seen) {
  std::map<std::string, std::size_t> together;
  for (const auto& [path, evidence] : seen.files) ++together[Folder(path)];
  std::map<std::string, Evidence> lines;
  for (const auto& [path, evidence] : seen.files) {
    std::string entry = path + "?";
    if (const std::string_view group = GroupOf(path); !group.empty()) {
      entry = "@" + std::string(group);
    } else if (const std::string package = PackageFolder(path); !package.empty()) {
      entry = package + "?";
    } else if (together[Folder(path)] >= kTogether && std::count(path.begin(), path.end(), '/') > 3) {
      entry = Folder(path) + "?";
    }
    Join(lines[entry], evidence);
  }
  std::vector<FileLine> out;
  for (auto& [entry, evidence] : lines) out.push_back({entry, std::move(evidence)});
  return out;
}

bool Shows(const policy::Model& model, const std::string& path) {
  const policy::FileRule* nearest = nullptr;  // the most specific line decides
  for (const policy::FileRule& rule : model.files.rules) {
    if (Within(path, rule.target) && (nearest == nullptr || rule.target.size() > nearest->target.size())) nearest = &rule;
  }
  return nearest != nullptr && (nearest->access == policy::FileAccess::kRead || nearest->access == policy::FileAccess::kWrite);
}

}  // namespace moat::learn
