#include "run/left_over.h"

#include <cstdint>
#include <string_view>

#include "base/safe_text.h"
#include "base/text.h"
#include "sys/calls.h"

namespace moat::run {
namespace {

constexpr std::size_t kNamed = 3;
constexpr std::size_t kMostText = 64 * 1024;

std::string Read(const std::string& path) {
  auto text = sys::ReadFile(path, kMostText);
  return text.ok() ? *std::move(text) : std::string();
}

// The name in /proc/PID/stat is the guest's choice, and may have parentheses in it: what follows is behind the last one.
std::string InWords(std::string_view pid) {
  const std::string folder = "/proc/" + std::string(pid);
  const std::string stat = Read(folder + "/stat");
  std::string words = "process " + std::string(pid);
  const std::size_t begin = stat.find('('), end = stat.rfind(')');
  if (begin == std::string::npos || end == std::string::npos || end + 2 >= stat.size()) return words;
  words += " " + base::Quoted(stat.substr(begin + 1, end - begin - 1)) + " (state " + stat[end + 2];
  const std::string where = Read(folder + "/wchan");
  if (where.size() > 1) words += ", in " + base::Quoted(where);
  return words + ")";
}

}  // namespace

std::string NameLeftOver(int pid) {
  const std::string number = base::Number(static_cast<std::uint64_t>(pid));
  const std::string children = Read("/proc/" + number + "/task/" + number + "/children");
  std::string words;
  std::size_t count = 0;
  for (std::size_t at = 0; at < children.size();) {
    const std::size_t end = children.find(' ', at);
    if (end == std::string::npos) break;
    if (count++ < kNamed) words += (words.empty() ? "" : ", ") + InWords(std::string_view(children).substr(at, end - at));
    at = end + 1;
  }
  if (words.empty()) words = InWords(number);
  if (count > kNamed) words += " and " + base::Number(count - kNamed) + " more";
  return "killed, and not gone: " + words;
}

}  // namespace moat::run
