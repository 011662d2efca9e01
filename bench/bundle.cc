#include "bench/bundle.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace moat::bench {
namespace {

namespace fs = std::filesystem;

// Folders to mount on, and the links of a merged /usr.
void MakeRoot(const fs::path& root) {
  for (const char* name : {"usr", "proc", "dev", "sys", "tmp", "etc"}) fs::create_directories(root / name);
  for (const char* name : {"bin", "sbin", "lib", "lib64"}) {
    if (fs::is_symlink(fs::path("/") / name)) fs::create_symlink(fs::read_symlink(fs::path("/") / name), root / name);
  }
}

}  // namespace

Status MakeBundle(const std::string& crun, const fs::path& folder, const std::string& program,
                  const Conditions& conditions) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return SystemError("mkdir", error.value(), folder);
  MakeRoot(folder / "rootfs");
  const fs::path config = folder / "config.json";
  const Said said = MOAT_TRY(Ask({{crun, "spec", "--bundle", folder}}, conditions));
  if (said.status != 0) return BugError("`crun spec` failed: " + said.err);
  nlohmann::json spec = nlohmann::json::parse(std::ifstream(config), nullptr, false);
  if (!spec.is_object()) return BugError("`crun spec` wrote no JSON");
  spec["process"]["terminal"] = false;
  spec["process"]["args"] = {program};
  spec["mounts"].push_back({{"destination", "/usr"}, {"type", "bind"}, {"source", "/usr"}, {"options", {"rbind", "ro"}}});
  std::ofstream out(config);
  out << spec.dump(2) << std::flush;
  if (!out.good()) return SystemError("write", 0, config);
  return {};
}

}  // namespace moat::bench
