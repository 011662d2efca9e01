#include "cli/tool/drift_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/safe_text.h"
#include "cli/say.h"
#include "cli/tool/arguments.h"
#include "cli/tool/compile.h"
#include "cli/tool/drift.h"
#include "learn/remarks.h"
#include "sys/calls.h"

namespace moat::tool {
namespace {

using cli::Fail;

struct Looked {
  std::string policy;
  bool learned = false;
  std::vector<std::string> changed;
};

Result<Looked> LookAt(const std::string& name) {
  const policy::Model model = MOAT_TRY(policy::Load(name, StandardProfiles()));
  const std::string text = MOAT_TRY(sys::ReadFile(model.sources.front(), 1 << 20));
  return Looked{name, !learn::MadeWith(text).empty(), Drift(text, model)};
}

std::string InWords(const Looked& looked) {
  const std::string name = base::Printable(looked.policy);
  if (!looked.learned) return name + ": was not learned, and says nothing of what it was made with\n";
  if (looked.changed.empty()) return name + ": nothing has changed since it was learned\n";
  std::string out = name + ": changed since it was learned\n";
  for (const std::string& change : looked.changed) out += "  " + base::Printable(change) + "\n";
  return out + "  `moat test " + name + " --corpus DIR` tells whether it still holds\n";
}

Result<int> Look(const std::vector<std::string>& args) {
  const Arguments arguments = MOAT_TRY(ParseArguments(args, {{}, {"--json"}, "moat doctor POLICY... [--json]"}));
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  std::string words;
  bool changed = false;
  for (const std::string& name : arguments.words) {
    const Looked looked = MOAT_TRY(LookAt(name));
    changed = changed || !looked.changed.empty();
    words += InWords(looked);
    json.push_back({{"policy", looked.policy}, {"learned", looked.learned}, {"changed", looked.changed}});
  }
  if (arguments.Has("--json")) words = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  std::fputs(words.c_str(), stdout);
  return changed ? 1 : 0;
}

}  // namespace

int DriftCommand(const std::vector<std::string>& args) {
  auto done = Look(args);
  if (done.ok()) return *done;
  return Fail(done.error());
}

}  // namespace moat::tool
