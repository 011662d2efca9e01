#include "policy/paths.h"

#include "policy/scalars.h"

namespace moat::policy {
namespace {

constexpr std::size_t kLongestPath = 4095;  // PATH_MAX counts the NUL
constexpr std::size_t kLongestName = 255;

Error Refuse(std::string_view text, std::string_view why, std::string fix) {
  return WithFix(PolicyError(Quote(text) + " " + std::string(why)), std::move(fix));
}

}  // namespace

Result<std::string> NormalPath(std::string_view text) {
  if (text.empty()) return PolicyError("an empty path");
  if (text.find('\0') != std::string_view::npos) return PolicyError(Quote(text) + " contains a NUL byte");
  if (text[0] == '~') {
    return Refuse(text, "begins with `~`, which means another folder for each user",
                  "write the whole path, such as `/home/user" + std::string(text.substr(1)) + "`");
  }
  if (text[0] != '/') {
    return Refuse(text, "is a relative path, and a policy has no folder that it starts from",
                  "write the whole path, beginning with `/`");
  }
  if (text.size() > kLongestPath) return PolicyError(Quote(text) + " is longer than a path may be");
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    at = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      return Refuse(text, "contains `..`, which a symbolic link can turn into any folder",
                    "write the path that it means");
    }
    if (name.size() > kLongestName) return PolicyError(Quote(text) + " has a name that is too long");
    out += '/';
    out += name;
  }
  return out.empty() ? std::string("/") : out;
}

bool IsWithin(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.substr(0, folder.size()) == folder &&
         (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace moat::policy
