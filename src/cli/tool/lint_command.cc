#include "cli/tool/lint_command.h"

#include <sys/utsname.h>

#include <cstdio>
#include <optional>

#include "cli/say.h"
#include "cli/tool/compile.h"
#include "lint/lint.h"
#include "policy/load.h"
#include "probe/hardening.h"
#include "probe/host_view.h"
#include "probe/probe.h"

namespace moat::tool {
namespace {

using cli::Fail;
using cli::kMoatFailed;

constexpr char kUsage[] = R"(moat lint [flags] POLICY...

Compares policies, by name or by path, with what is known to go wrong. No job is started.

  --fail-on WHAT      exit 1 for: error (default), warning, info
  --format FORM       text (default), json, sarif; --json is the same as --format json
  --host              remarks about this host's settings as well

Risks that were looked at are accepted in the policy: [lint] allow = [{ rule = "...", reason = "..." }].
Exit code 0: nothing that counts; 1: something; 125: moat could not look. Rules: docs/reference/lint.md
)";

struct Options {
  std::vector<std::string> policies;
  std::string format = "text", fail_on = "error";
  bool host = false, help = false;
};

Result<Options> Parse(const std::vector<std::string>& args) {
  Options options;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& word = args[i];
    const bool takes_value = word == "--fail-on" || word == "--format";
    if (takes_value && i + 1 == args.size()) return PolicyError("`" + word + "` needs a value");
    if (word == "--fail-on") {
      options.fail_on = args[++i];
    } else if (word == "--format") {
      options.format = args[++i];
    } else if (word == "--json") {
      options.format = "json";
    } else if (word == "--sarif") {
      options.format = "sarif";
    } else if (word == "--host") {
      options.host = true;
    } else if (word == "--help" || word == "-h") {
      options.help = true;
    } else if (!word.empty() && word[0] == '-') {
      return WithFix(PolicyError("unknown flag `" + word + "`"), "`moat lint --help` lists the flags");
    } else {
      options.policies.push_back(word);
    }
  }
  if (options.policies.empty()) options.policies.emplace_back("default");
  if (options.format != "text" && options.format != "json" && options.format != "sarif") {
    return PolicyError("--format is text, json or sarif");
  }
  if (options.fail_on != "error" && options.fail_on != "warning" && options.fail_on != "info") {
    return PolicyError("--fail-on is error, warning or info");
  }
  return options;
}

struct Host {
  std::vector<lint::HostNote> notes;
  std::string kernel;
};

Result<Host> LookAtHost() {
  Host host;
  const plan::HostFacts facts = MOAT_TRY(probe::Probe());
  for (const probe::Note& note : probe::LookAtThisHost(facts.cgroups)) {
    if (note.level == probe::Note::Level::kAdvice) host.notes.push_back({note.name + " is " + note.value + ": " + note.meaning, note.fix});
  }
  struct utsname names {};
  uname(&names);
  host.kernel = names.release;
  return host;
}

Result<lint::Linted> LintOne(const std::string& name, const std::optional<Host>& host) {
  const policy::ReadProfile read = StandardProfiles();
  const auto model = policy::Load(name, read);
  if (!model.ok()) {
    if (model.error().kind != ErrorKind::kPolicy) return model.error();
    // A file that is not there is no policy with a fault in it.
    if (model.error().origin.empty()) return model.error();
    return lint::Linted{name, {lint::InvalidPolicy(model.error())}};
  }
  std::optional<policy::Model> base;
  if (model->sources.size() > 1) base = MOAT_TRY(policy::Load(model->sources[1], read));
  const probe::RealHost view;
  const lint::Subject subject{*model, base ? &*base : nullptr, &view, host ? &host->notes : nullptr, host ? host->kernel : ""};
  return lint::Linted{name, MOAT_TRY(lint::Lint(subject))};
}

lint::Severity SeverityOf(const std::string& word) {
  return word == "error" ? lint::Severity::kError : word == "warning" ? lint::Severity::kWarning : lint::Severity::kInfo;
}

Result<int> LintAll(const Options& options) {
  std::optional<Host> host;
  if (options.host) host = MOAT_TRY(LookAtHost());
  std::vector<lint::Linted> all;
  bool failed = false;
  for (const std::string& name : options.policies) {
    all.push_back(MOAT_TRY(LintOne(name, host)));
    failed = failed || lint::AnyOpen(all.back().findings, SeverityOf(options.fail_on));
  }
  const std::string text = options.format == "json"    ? lint::PrintJson(all)
                           : options.format == "sarif" ? lint::PrintSarif(all)
                                                       : lint::PrintText(all);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return kMoatFailed;
  return failed ? 1 : 0;
}

}  // namespace

int LintCommand(const std::vector<std::string>& args) {
  const auto options = Parse(args);
  if (!options.ok()) return Fail(options.error());
  if (options->help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const auto code = LintAll(*options);
  return code.ok() ? *code : Fail(code.error());
}

}  // namespace moat::tool
