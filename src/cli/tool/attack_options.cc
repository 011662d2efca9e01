#include "cli/tool/attack_options.h"

#include <algorithm>

#include "attack/table.h"
#include "cli/tool/weaken.h"

namespace moat::tool {

const char kAttackUsage[] = R"(moat attack [flags] [POLICY] [-- COMMAND]

Runs some 300 harmless probes, each in a jail of its own with that policy (`default` when none is given), and
outside as a control. What does not work outside is not applicable, never passed.

  --layers             and with one layer left out at a time: what each holds alone
  --alone              and with one layer alone, and with none of them
  --without L[,L]      with these left out: seccomp landlock user network ipc uts cgroup
  --sealed [WHAT]      inside a process sealed with a preset (stdio, pure, strict) or a policy
  --against TOOL       beside another sandbox: bwrap, crun, nsjail, firejail or bare; its command may be given
                       behind --, and then any name will do
  --only NAME          one probe, or the letter of a class; may be repeated
  --html FILE          the score card as a page
  --json               as data
  --quiet              no progress

Exit code 0: nothing gets through that the policy does not accept ([attack] allow); 1: something does;
125: moat could not look. The probes: docs/reference/probes.md
)";

namespace {

bool IsFlag(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

// The flags with a value. False: it is none of them.
bool TakeValue(AttackOptions& options, const std::string& flag, const std::string& value) {
  if (flag == "--without") options.without.push_back(value);
  if (flag == "--against") options.against.push_back(value);
  if (flag == "--only") options.only.push_back(value);
  if (flag == "--html") options.html = value;
  return flag == "--without" || flag == "--against" || flag == "--only" || flag == "--html";
}

bool TakeSwitch(AttackOptions& options, const std::string& flag) {
  if (flag == "--json") options.json = true;
  if (flag == "--quiet") options.quiet = true;
  if (flag == "--help" || flag == "-h") options.help = true;
  if (flag == "--layers") options.without.insert(options.without.end(), std::begin(kLayers), std::end(kLayers));
  if (flag == "--alone") options.alone = true;
  return flag == "--alone" || flag == "--json" || flag == "--quiet" || flag == "--help" || flag == "-h" || flag == "--layers";
}

Status Check(const AttackOptions& options) {
  for (const std::string& only : options.only) {
    bool known = false;
    for (const attack::Entry& entry : attack::Entries()) known = known || entry.name == only || entry.id.substr(0, 1) == only;
    if (!known) return WithFix(PolicyError("there is no probe `" + only + "`"), "docs/reference/probes.md lists them");
  }
  for (const std::string& layers : options.without) {
    for (std::string rest = layers; !rest.empty();) {
      const std::string layer = rest.substr(0, rest.find(','));
      rest.erase(0, layer.size() + 1);
      if (std::find(std::begin(kLayers), std::end(kLayers), layer) == std::end(kLayers)) {
        return WithFix(PolicyError("there is no layer `" + layer + "` that can be left out"), "`moat attack --help` lists them");
      }
    }
  }
  if (!options.sealed.empty() && (!options.without.empty() || !options.against.empty() || options.alone)) {
    return PolicyError("--sealed stands for itself: a seal has one layer");
  }
  if (!options.command.empty() && options.against.empty()) {
    return WithFix(PolicyError("a command behind `--` is another tool's"), "name it: --against TOOL -- COMMAND");
  }
  return {};
}

}  // namespace

Result<AttackOptions> ParseAttack(const std::vector<std::string>& args) {
  AttackOptions options;
  bool named = false;
  std::size_t i = 0;
  for (; i < args.size() && args[i] != "--"; ++i) {
    const std::string& word = args[i];
    const bool next = i + 1 < args.size() && !IsFlag(args[i + 1]);
    if (word == "--sealed") {
      options.sealed = next ? args[++i] : "stdio";
    } else if (TakeSwitch(options, word)) {
      continue;
    } else if (next && TakeValue(options, word, args[i + 1])) {
      ++i;
    } else if (IsFlag(word)) {
      return WithFix(PolicyError("`" + word + "` is no flag, or lacks its value"), "`moat attack --help` lists the flags");
    } else if (named) {
      return PolicyError("one policy at a time, please: `" + word + "`");
    } else {
      options.policy = word;
      named = true;
    }
  }
  if (i < args.size()) options.command.assign(args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
  MOAT_TRY(Check(options));
  return options;
}

}  // namespace moat::tool
