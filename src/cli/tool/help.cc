#include "cli/tool/help.h"

#include "policy/flags.h"
#include "policy/options.h"

namespace moat::tool {
namespace {

constexpr std::string_view kOverview =
    R"(moat runs untrusted work in a jail of its own.

  moat run [-p PROFILE|FILE] [-i IN]... [-o OUT] [flags] [--report FILE|fd:N] -- COMMAND ARGS
  moat plan [POLICY] [flags] [--json] [-- COMMAND]   what would be done, without doing it
  moat lint [flags] POLICY...                        what is known to go wrong with a policy; --help
  moat attack [flags] [POLICY]                       what gets through, tried live; --help
  moat seal [flags] -- COMMAND ARGS                  seals a program from outside; --help
  moat learn --corpus DIR -o FILE -- COMMAND         a policy from runs over a corpus, or what one lacks; --help
  moat test POLICY --corpus DIR -- COMMAND           runs a corpus under a policy; 1 on any denial or limit; --help
  moat explain FILE [--apply POLICY]                 what was denied, and the narrowest edit: a report, or a seal's records
  moat explain --summary DIR                         many reports: failure rates of both sides of `enforce`, causes
  moat doctor [--json]                               what this host can enforce
  moat doctor POLICY... [--json]                     what has changed since they were learned
  moat doctor --clean [--json]                       remove what killed launchers left behind
  moat serve [CONFIG]                                runs jobs for others, behind a queue; --help
  moat submit [flags] PROFILE [-- ARGUMENTS]         has a job done by it; --help
  moat http [CONFIG]                                 jobs for others over HTTP, with a dashboard; --help
  moat top                                           what it does just now, in a terminal; --help
  moat help run                                      every flag of run and plan
  moat version

{in} in the command becomes the paths of the -i files inside, {out} the output folder.
Exit code: the program's own, 128+n when signal n ended it, 125 when moat failed; the
report tells them apart for certain.

  moat run -- sh -c 'id; ls /'
  moat run -p imagemagick -i photo.jpg -o out -- convert {in} -resize 64x64 {out}/t.png
)";

// Words of a documentation text, at most `width` columns behind `indent` spaces.
void Wrap(std::string& out, std::string_view text, std::size_t indent, std::size_t width) {
  std::size_t column = width + 1;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (column + word.size() + 1 > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
}

}  // namespace

std::string HelpText(std::string_view topic) {
  if (topic != "run" && topic != "plan") return std::string(kOverview);
  std::string out = "moat run [flags] -- COMMAND ARGS\n";
  for (const flags::Flag& flag : flags::kFlags) {
    out += "\n  ";
    if (flag.letter != '\0') out += std::string("-") + flag.letter + ", ";
    out += "--" + std::string(flag.name);
    if (flag.takes_value) out += " " + std::string(flag.value);
    const policy::Option* option = flag.is_policy ? policy::FindFlag(flag.name) : nullptr;
    if (option == nullptr) {
      Wrap(out, flag.doc, 6, 90);
      continue;
    }
    if (!option->default_text.empty()) out += "  (default " + std::string(option->default_text) + ")";
    Wrap(out, option->doc, 6, 90);
  }
  return out + "\n";
}

}  // namespace moat::tool
