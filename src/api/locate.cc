#include "api/locate.h"

#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace moat::api {
namespace {

std::string Folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// The folders of this library, when it is a file of its own, and of the program.
std::vector<std::string> OwnFolders() {
  std::vector<std::string> folders;
  Dl_info info{};
  const void* here = reinterpret_cast<const void*>(&ShippedProfiles);
  if (dladdr(here, &info) != 0 && info.dli_fname != nullptr && info.dli_fname[0] == '/') {
    folders.push_back(Folder(info.dli_fname));
  }
  char self[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (length > 0) folders.push_back(Folder(std::string(self, static_cast<std::size_t>(length))));
  return folders;
}

// PREFIX/`what` as installed, then relative to bin/, lib/ or lib/TRIPLET/; canonical.
std::vector<std::string> Find(const std::string& what, int mode) {
  std::vector<std::string> found;
  const auto add = [&](const std::string& path) {
    char canonical[PATH_MAX];
    if (access(path.c_str(), mode) != 0 || realpath(path.c_str(), canonical) == nullptr) return;
    if (std::find(found.begin(), found.end(), canonical) == found.end()) found.emplace_back(canonical);
  };
  add(std::string(MOAT_INSTALL_PREFIX) + "/" + what);
  for (const std::string& folder : OwnFolders()) {
    add(folder + "/../" + what);
    add(folder + "/../../" + what);
  }
  return found;
}

}  // namespace

std::vector<std::string> Launchers(const std::string& given) {
  if (!given.empty()) return {given};
  return Find("bin/moat", X_OK);
}

std::vector<std::string> ShippedProfiles() { return Find("share/moat/profiles", R_OK); }

}  // namespace moat::api
