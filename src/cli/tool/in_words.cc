#include "cli/tool/in_words.h"

#include <algorithm>
#include <iterator>

#include "base/safe_text.h"
#include "base/text.h"
#include "bpf/syscall_table.h"
#include "policy/verdicts.h"
#include "watch/paths.h"

namespace moat::tool {
namespace {

constexpr std::string_view kTiers[] = {"harmless: every sealed process has it", "ordinary inside a jail",
                                       "wants a look at its arguments, or a limit", "dangerous: only with a reason", "never allowed"};

// What a person wants to know of the call itself: how dangerous it is and why, and what was probably wanted.
std::string AboutCall(const Denial& denial) {
  if (watch::IsAboutFiles(denial.rule)) {
    if (denial.action != "errno ENOENT") return denial.action == "errno EROFS" ? "results belong into the output folder, all else that is written into /tmp"
                                                                                   : "what a job writes is not to be run";
    return denial.edit.empty() ? "the file is on this host, and not for everybody there: no line is proposed that would show it"
                               : "the file is on this host, and not in the jail";
  }
  const bpf::SyscallInfo* call = policy::FindAnywhere(denial.call);
  if (call == nullptr) return {};
  const std::size_t tier = std::min<std::size_t>(call->tier, std::size(kTiers) - 1);
  std::string text = "tier " + base::Number(tier) + " (" + std::string(kTiers[tier]) + "), " + std::string(call->name) + " " +
                     std::string(call->reason);
  const bool network = call->group == "sockets" && denial.arguments.find("AF_INET") != std::string::npos;
  if (network) {
    text += "\nwanted: the network, which is off. `[network] mode = \"loopback\"` gives the job a loopback of its own; "
            "nothing reaches the outside, and the rule below would only give it a socket without a network";
  } else if (denial.action == "errno ENOSYS" && denial.edit.find("tier") == std::string::npos) {
    text += "\nwanted: probably a probe for a newer call; libraries fall back when they get ENOSYS, and nothing need be changed";
  }
  return text;
}

// "ffmpeg (thread x265) in /tmp"
std::string Who(const Denial& denial) {
  std::string text = base::Printable(denial.executable);
  if (text.empty()) return text;
  const std::size_t name = denial.executable.rfind('/') + 1;
  if (!denial.thread.empty() && denial.executable.substr(name, 15) != denial.thread) {
    text += " (thread " + base::Printable(denial.thread) + ")";
  }
  return text + (denial.folder.empty() ? "" : " in " + base::Printable(denial.folder));
}

std::string Indented(const std::string& text, const std::string& by) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += by + base::Printable(text.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string InWords(const Denial& denial) {
  std::string text = base::Printable(denial.call) + "(" + base::Printable(denial.arguments) + ")";
  if (!denial.action.empty()) text += denial.action == "reported" ? " was let through (report mode)" : " = " + base::Printable(denial.action);
  if (denial.count > 1) text += ", " + base::Number(denial.count) + " times";
  text += "\n    " + (denial.rule.empty() ? std::string("denied") : (denial.action == "reported" ? "would be denied: " : "denied: ") + base::Printable(denial.rule)) + "\n";
  if (const std::string who = Who(denial); !who.empty()) text += "    by " + who + "\n";
  if (const std::string about = AboutCall(denial); !about.empty()) text += Indented(about, "    ");
  if (!denial.path.empty()) text += "    about " + base::Printable(denial.path) + "\n";
  for (const std::string& frame : denial.stack) text += "    at " + base::Printable(frame) + "\n";
  if (denial.edit.empty()) return text;
  if (denial.edit.find('\n') == std::string::npos) return text + "    would be allowed by: " + base::Printable(denial.edit) + "\n";
  return text + "    would be allowed by:\n" + Indented(denial.edit, "        ");
}

}  // namespace moat::tool
