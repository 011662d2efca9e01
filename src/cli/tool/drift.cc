#include "cli/tool/drift.h"

#include <gnu/libc-version.h>
#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "learn/remarks.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

constexpr std::size_t kMaxObject = 256U << 20;

bool AddObject(std::vector<learn::Object>& objects, const std::string& path) {
  auto bytes = sys::ReadFile(path, kMaxObject);
  auto code = bytes.ok() ? learn::Scan(*bytes) : Result<learn::Code>(bytes.error());
  if (code.ok()) objects.push_back({path, std::move(*code)});
  return code.ok();
}

std::string Kernel() {
  utsname name{};
  uname(&name);
  return std::string("kernel ") + name.release;
}

std::string Libc() { return std::string("libc ") + gnu_get_libc_version(); }

constexpr std::string_view kId = "build id ";

// Calls that the policy refuses, that the object can make as it is now, and that were not known when it was learned.
std::string Appeared(const learn::Object& object, const std::string& text, const policy::Model& model) {
  const std::vector<std::string> known = learn::ReachableOf(text);
  const auto calls = learn::Undecided(model, {}, {object});
  std::string names;
  if (!calls.ok()) return names;
  for (const learn::Reachable& each : *calls) {
    if (std::find(known.begin(), known.end(), each.call) == known.end()) names += (names.empty() ? "" : ", ") + each.call;
  }
  return names.empty() ? names : "; it can make calls now that the policy refuses: " + names;
}

// "build id X of PATH" against the file as it is.
std::string Compared(const std::string& made, const std::string& text, const policy::Model& model) {
  if (made.rfind("kernel ", 0) == 0) return made == Kernel() ? "" : made + " is now " + Kernel();
  if (made.rfind("libc ", 0) == 0) return made == Libc() ? "" : made + " is now " + Libc();
  const std::size_t of = made.find(" of ");
  if (made.rfind(kId, 0) != 0 || of == std::string::npos) return {};
  const std::string path = made.substr(of + 4);
  std::vector<learn::Object> now;
  if (!AddObject(now, path)) return path + " is gone";
  if (now.front().code.build_id == made.substr(kId.size(), of - kId.size())) return {};
  return path + " has changed (its build id is now " + now.front().code.build_id + ")" + Appeared(now.front(), text, model);
}

}  // namespace

std::vector<learn::Object> ObjectsOf(const learn::Observations& seen) {
  std::vector<learn::Object> objects;
  for (const auto& [path, use] : seen.uses) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.find(".so") == std::string::npos && use != learn::FileUse::kExecute) continue;
    char real[PATH_MAX];
    if (realpath(path.c_str(), real) == nullptr) continue;
    const bool known = std::any_of(objects.begin(), objects.end(), [&](const learn::Object& each) { return each.path == real; });
    if (!known) AddObject(objects, real);
  }
  return objects;
}

std::vector<std::string> Made(const std::vector<learn::Object>& objects) {
  std::vector<std::string> remarks = {Kernel(), Libc()};
  for (const learn::Object& object : objects) {
    if (!object.code.build_id.empty()) remarks.push_back("build id " + object.code.build_id + " of " + object.path);
  }
  return remarks;
}

std::vector<std::string> Drift(const std::string& text, const policy::Model& model) {
  std::vector<std::string> found;
  for (const std::string& made : learn::MadeWith(text)) {
    std::string difference = Compared(made, text, model);
    if (!difference.empty()) found.push_back(std::move(difference));
  }
  return found;
}

}  // namespace moat::tool
