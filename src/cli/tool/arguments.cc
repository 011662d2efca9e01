#include "cli/tool/arguments.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/similar.h"

namespace moat::tool {
namespace {

constexpr unsigned kMostJobs = 256;

bool IsIn(const std::vector<std::string_view>& flags, std::string_view flag) { return std::find(flags.begin(), flags.end(), flag) != flags.end(); }

Error Unknown(const std::string& flag, const Flags& flags) {
  std::vector<std::string> known(flags.with_value.begin(), flags.with_value.end());
  known.insert(known.end(), flags.plain.begin(), flags.plain.end());
  const std::string closest = base::Closest(flag, known);
  return WithFix(PolicyError("unknown flag `" + flag + "`"), closest.empty() ? std::string(flags.help) : "did you mean `" + closest + "`?");
}

}  // namespace

std::string Arguments::Value(std::string_view flag) const {
  const auto found = values.find(flag);
  return found == values.end() ? std::string() : found->second.back();
}

std::vector<std::string> Arguments::Values(std::string_view flag) const {
  const auto found = values.find(flag);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

Result<Arguments> ParseArguments(const std::vector<std::string>& args, const Flags& flags) {
  Arguments parsed;
  std::size_t i = 0;
  for (; i < args.size() && args[i] != "--"; ++i) {
    const std::size_t equals = args[i].rfind("--", 0) == 0 ? args[i].find('=') : std::string::npos;
    const std::string flag = args[i].substr(0, equals);
    if (flag.size() < 2 || flag[0] != '-') {  // "-" is a word: standard input
      parsed.words.push_back(args[i]);
    } else if (flag == "--help" || flag == "-h") {
      parsed.values["--help"].emplace_back();
    } else if (IsIn(flags.with_value, flag)) {
      if (equals == std::string::npos && (i + 1 == args.size() || args[i + 1] == "--")) return PolicyError("`" + flag + "` needs a value");
      parsed.values[flag].push_back(equals == std::string::npos ? args[++i] : args[i].substr(equals + 1));
    } else if (IsIn(flags.plain, flag) && equals == std::string::npos) {
      parsed.values[flag].emplace_back();
    } else {
      return Unknown(flag, flags);
    }
  }
  if (i < args.size()) parsed.command.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
  return parsed;
}

Result<unsigned> JobsOf(const std::string& text) {
  // Each job waits for its watcher at every question to it: two for each processor keep them all busy.
  if (text.empty()) return static_cast<unsigned>(std::clamp(2 * sysconf(_SC_NPROCESSORS_ONLN), 1L, long{kMostJobs}));
  unsigned jobs = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), jobs);
  if (failed != std::errc() || end != text.data() + text.size() || jobs < 1 || jobs > kMostJobs) {
    return PolicyError("--jobs is a number from 1 to 256, not `" + text + "`");
  }
  return jobs;
}

}  // namespace moat::tool
