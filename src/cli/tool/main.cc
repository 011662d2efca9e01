// libexec/moat/moat-cli: everything of moat that does not start a job.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/doctor.h"
#include "cli/say.h"
#include "cli/tool/attack_command.h"
#include "cli/tool/compile.h"
#include "cli/tool/drift_command.h"
#include "cli/tool/explain.h"
#include "cli/tool/help.h"
#include "cli/tool/lint_command.h"
#include "cli/tool/learn_command.h"
#include "cli/tool/seal_command.h"
#include "cli/tool/test_command.h"
#include "cli/tool/watch_command.h"
#include "moat/result.h"

namespace moat::tool {
namespace {

using cli::Fail;

int DoctorCommand(const std::vector<std::string>& args) {
  for (const std::string& arg : args) {
    if (!arg.empty() && arg[0] != '-') return DriftCommand(args);
  }
  const bool colours = isatty(1) != 0 && std::getenv("NO_COLOR") == nullptr;
  std::string out, errors;
  const int code = cli::Doctor(args, colours ? cli::Colour::kAlways : cli::Colour::kNever, out, errors);
  std::fputs(out.c_str(), stdout);
  std::fputs(errors.c_str(), stderr);
  return code;
}

int Version() {
  std::printf("moat %s\n", MOAT_VERSION);
  return 0;
}

// Of libexec/moat, beside us.
int Become(const char* program, const std::vector<std::string>& args) {
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self));
  std::string path(self, length > 0 ? static_cast<std::size_t>(length) : 0);
  path = path.substr(0, path.rfind('/') + 1) + program;
  std::vector<char*> words;
  for (const std::string& each : args) words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  execv(path.c_str(), words.data());
  return Fail(WithFix(SystemError("execve", errno, path), "it belongs beside moat-cli"));
}

int Main(const std::vector<std::string>& args) {
  const std::string command = args.size() > 1 ? args[1] : "help";
  const std::vector<std::string> rest(args.size() > 2 ? args.begin() + 2 : args.end(), args.end());
  if (command == "__compile") return CompileCommand(rest);
  if (command == "__watch") return WatchCommand(rest);
  if (command == "attack") return AttackCommand(rest);
  if (command == "doctor") return DoctorCommand(rest);
  if (command == "explain") return ExplainCommand(rest);
  if (command == "http" || command == "top") return Become("moat-http", args);
  if (command == "serve") return Become("moat-serve", args);
  if (command == "lint") return LintCommand(rest);
  if (command == "learn") return LearnCommand(rest);
  if (command == "test") return TestCommand(rest);
  if (command == "plan") return PlanCommand(rest);
  if (command == "seal") return SealCommand(rest);
  if (command == "version" || command == "--version") return Version();
  if (command == "help" || command == "--help" || command == "-h") {
    std::fputs(HelpText(rest.empty() ? "" : rest[0]).c_str(), stdout);
    return 0;
  }
  return Fail(WithFix(PolicyError("there is no command `" + command + "`"), "`moat help` lists them"));
}

}  // namespace
}  // namespace moat::tool

int main(int argc, char** argv) { return moat::tool::Main(std::vector<std::string>(argv, argv + argc)); }
