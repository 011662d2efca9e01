#include "cli/tool/drift.h"

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

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

// From the file's beginning; "" where only a scan can tell.
std::string QuickBuildId(const std::string& path) {
  constexpr std::size_t kHead = 16 * 1024;
  std::string head(kHead, '\0');
  auto file = sys::open(path, O_RDONLY | O_NONBLOCK);
  const ssize_t got = file.ok() ? pread(file->get(), head.data(), head.size(), 0) : 0;
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return learn::BuildIdOf(head);
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
  if (QuickBuildId(path) == made.substr(kId.size(), of - kId.size())) return {};
  std::vector<learn::Object> now;
  if (!AddObject(now, path)) return path + " is gone";
  if (now.front().code.build_id == made.substr(kId.size(), of - kId.size())) return {};
  return path + " has changed (its build id is now " + now.front().code.build_id + ")" + Appeared(now.front(), text, model);
}

}  // namespace

std::vector<learn::Object> ObjectsOf(const learn::Observations& seen) {
  std::vector<std::string> paths;
  for (const auto& [path, use] : seen.uses) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.find(".so") == std::string::npos && use != learn::FileUse::kExecute) continue;
    char real[PATH_MAX];
    if (realpath(path.c_str(), real) == nullptr) continue;
    if (std::find(paths.begin(), paths.end(), real) == paths.end()) paths.emplace_back(real);
  }
  // Each is read whole: side by side, and put together in their order.
  std::vector<std::vector<learn::Object>> found(paths.size());
  std::atomic<std::size_t> next{0};
  const auto scan = [&] {
    for (std::size_t i = next++; i < paths.size(); i = next++) AddObject(found[i], paths[i]);
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min(4U, std::thread::hardware_concurrency()); ++i) threads.emplace_back(scan);
  scan();
  for (std::thread& thread : threads) thread.join();
  std::vector<learn::Object> objects;
  for (auto& each : found) std::move(each.begin(), each.end(), std::back_inserter(objects));
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
