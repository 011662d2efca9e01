// `moat top`: what the dashboard shows first, in a terminal.
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/safe_text.h"
#include "base/units.h"
#include "cli/http/daemon.h"
#include "cli/say.h"
#include "moat/result.h"
#include "sys/calls.h"
#include "web/http/ask.h"

namespace moat::http_tool {
namespace {

using cli::Fail;
using nlohmann::json;

constexpr char kUsage[] = R"(moat top [--at WHERE] [--token-file FILE] [--once] [--json]

What `moat http` does just now: jobs, queues, how the last ones ended. Once a second, until q is pressed.

  --at WHERE         127.0.0.1:7890 (default), [::1]:7890 or unix:/PATH
  --token-file FILE  of an operator, where tokens are asked for (or MOAT_TOKEN)
  --once             one look; so it is when standard output is no terminal
  --json             as the daemon says it
)";

struct Options {
  std::string at = "127.0.0.1:7890", token;
  enum class Show : unsigned char { kAgain, kOnce, kJson, kHelp } show = Show::kAgain;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  if (const char* token = std::getenv("MOAT_TOKEN")) options.token = token;
  if (isatty(1) == 0) options.show = Options::Show::kOnce;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--once") {
      options.show = Options::Show::kOnce;
    } else if (args[i] == "--json") {
      options.show = Options::Show::kJson;
    } else if (args[i] == "--help" || args[i] == "-h") {
      options.show = Options::Show::kHelp;
    } else if (args[i] == "--at" && i + 1 < args.size()) {
      options.at = args[++i];
    } else if (args[i] == "--token-file" && i + 1 < args.size()) {
      options.token = MOAT_TRY(sys::ReadFile(args[++i], 4096));
      while (!options.token.empty() && options.token.back() == '\n') options.token.pop_back();
    } else {
      return WithFix(PolicyError("`" + args[i] + "` is not understood"), "`moat top --help`");
    }
  }
  return options;
}

std::string Text(const json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? base::Printable(found->get<std::string>()) : std::string();
}

std::uint64_t Number(const json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

const json& List(const json& from, const char* key) {
  static const json empty = json::array();
  const auto found = from.find(key);
  return found != from.end() && found->is_array() ? *found : empty;
}

// Three digits are enough for a look.
std::string Short(std::uint64_t ns) {
  char text[32];
  if (ns < 1'000'000) {
    std::snprintf(text, sizeof(text), "%.0f us", static_cast<double>(ns) / 1e3);
  } else if (ns < 1'000'000'000) {
    std::snprintf(text, sizeof(text), "%.1f ms", static_cast<double>(ns) / 1e6);
  } else {
    std::snprintf(text, sizeof(text), "%.1f s", static_cast<double>(ns) / 1e9);
  }
  return text;
}

std::string Line(const char* format, const std::string& a, const std::string& b, const std::string& c, const std::string& d,
                 const std::string& e) {
  char text[512];
  std::snprintf(text, sizeof(text), format, a.c_str(), b.c_str(), c.c_str(), d.c_str(), e.c_str());
  return std::string(text) + "\n";
}

std::string Table(const json& status) {
  std::string out = "moat " + Text(status, "version") + "  " + std::to_string(Number(status, "connections")) + " connections, " +
                    std::to_string(List(status, "live").size()) + " live jobs\n\n";
  out += Line("%-20s %9s %9s %9s %12s", "PROFILE", "RUNNING", "WAITING", "CAN RUN", "WARM MISSES");
  for (const json& each : List(status, "profiles")) {
    out += Line("%-20s %9s %9s %9s %12s", Text(each, "profile"), std::to_string(Number(each, "running")),
                std::to_string(Number(each, "queued")), std::to_string(Number(each, "capacity")), std::to_string(Number(each, "warm_misses")));
  }
  out += "\n" + Line("%-14s %-20s %-12s %10s  %s", "ENDED", "PROFILE", "CAUSE", "WALL", "DETAIL");
  std::size_t shown = 0;
  for (const json& each : List(status, "recent")) {
    if (++shown > 10) break;
    out += Line("%-14.12s %-20s %-12s %10s  %.60s", Text(each, "id"), Text(each, "profile"), Text(each, "cause"),
                Short(Number(each, "wall_ns")), Text(each, "detail"));
  }
  out += "\n" + Line("%-14s %-20s %-12s %10s  %s", "DENIED", "PROFILE", "ACTION", "CALLS", "RULE");
  shown = 0;
  for (const json& each : List(status, "denials")) {
    if (++shown > 5) break;
    out += Line("%-14.14s %-20s %-12.12s %10s  %.60s", Text(each, "call"), Text(each, "profile"), Text(each, "action"),
                std::to_string(Number(each, "calls")), Text(each, "rule"));
  }
  return out;
}

Status Look(const Options& options, const char* before) {
  const std::string body = MOAT_TRY(web::AskDaemon(options.at, options.token, "/v1/status"));
  if (options.show == Options::Show::kJson) {
    std::fputs(body.c_str(), stdout);
    return {};
  }
  const json status = json::parse(body, nullptr, false);
  if (!status.is_object()) return HostError("the daemon's answer is not JSON");
  std::fputs((before + Table(status)).c_str(), stdout);
  std::fflush(stdout);
  return {};
}

// Whether somebody wants out.
enum class Key : unsigned char { kNone, kQuit };
Key WaitForKey() {
  pollfd one = {0, POLLIN, 0};
  if (poll(&one, 1, 1000) != 1) return Key::kNone;
  char key = 0;
  return read(0, &key, 1) != 1 || key == 'q' ? Key::kQuit : Key::kNone;
}

}  // namespace

int TopCommand(const std::vector<std::string>& args) {
  const auto options = Parse(args);
  Status done = options.ok() ? Status() : Status(options.error());
  if (options.ok() && options->show == Options::Show::kHelp) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  if (options.ok() && options->show != Options::Show::kAgain) done = Look(*options, "");
  if (options.ok() && options->show == Options::Show::kAgain) {
    do {
      done = Look(*options, "\x1b[H\x1b[2J");
    } while (done.ok() && WaitForKey() == Key::kNone);
  }
  if (done.ok()) return 0;
  return Fail(done.error());
}

}  // namespace moat::http_tool
