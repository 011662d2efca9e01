#include "learn/remarks.h"

#include <algorithm>

#include "base/safe_text.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "policy/verdicts.h"
#include "watch/rules.h"

namespace moat::learn {
namespace {

constexpr std::string_view kHead = "# --- from here on, `moat learn` writes anew ---";
constexpr std::string_view kUnseen = "# unseen: ", kReachable = "# reachable, unseen: ", kMade = "# made with: ", kWord = "# word: ",
                           kInVain = "# looked for in vain: ";

bool StartsWith(std::string_view text, std::string_view head) { return text.substr(0, head.size()) == head; }

bool IsOurs(std::string_view line) {
  return line == kHead || StartsWith(line, kUnseen) || StartsWith(line, kReachable) || StartsWith(line, kMade) || StartsWith(line, kWord) ||
         StartsWith(line, kInVain);
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> Behind(std::string_view text, std::string_view head) {
  std::vector<std::string> found;
  for (const std::string_view line : Lines(text)) {
    if (StartsWith(line, head)) found.emplace_back(line.substr(head.size()));
  }
  return found;
}

// A word of a command in one line, and back: what is no plain ASCII, and the backslash, become \xNN.
std::string Escaped(std::string_view word) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      out += c;
    } else {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::string Unescaped(std::string_view word) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    const bool escape = word[i] == '\\' && i + 3 < word.size() && word[i + 1] == 'x';
    const std::size_t high = escape ? kDigits.find(word[i + 2]) : std::string_view::npos, low = escape ? kDigits.find(word[i + 3]) : high;
    if (high == std::string_view::npos || low == std::string_view::npos) {
      out += word[i];
      continue;
    }
    out += static_cast<char>(high << 4 | low);
    i += 3;
  }
  return out;
}

// A rule of the policy's own decides, or a list allows: somebody has thought of it.
bool IsDecided(const policy::Model& model, const watch::Rules& rules, const bpf::SyscallInfo& call) {
  const bool ruled = std::any_of(model.syscalls.rules.begin(), model.syscalls.rules.end(),
                                 [&](const policy::SyscallRule& rule) { return policy::Covers(rule.call, call); });
  seccomp_data data{};
  data.arch = bpf::AuditArch(bpf::NativeAbi());
  data.nr = static_cast<int>(call.number);
  return ruled || rules.Judge(data).action == bpf::Allow();
}

}  // namespace

Result<std::vector<Reachable>> Undecided(const policy::Model& model, const Observations& seen, const std::vector<Object>& objects) {
  const watch::Rules rules = MOAT_TRY(watch::Rules::Of(model));
  std::vector<Reachable> unseen;
  for (const Object& object : objects) {
    for (Reachable& each : CallsOf(object.code, object.path)) {
      const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), each.call);
      if (call == nullptr || seen.calls.count(each.call) != 0 || IsDecided(model, rules, *call)) continue;
      const bool known = std::any_of(unseen.begin(), unseen.end(), [&](const Reachable& other) { return other.call == each.call; });
      if (!known) unseen.push_back(std::move(each));
    }
  }
  std::stable_sort(unseen.begin(), unseen.end(), [](const auto& a, const auto& b) { return a.tier != b.tier ? a.tier > b.tier : a.call < b.call; });
  return unseen;
}

std::string WithRemarks(std::string_view text, const About& about) {
  std::string out;
  for (const std::string_view line : Lines(text)) {
    if (!IsOurs(line)) out += std::string(line) + "\n";
  }
  while (out.size() > 1 && out[out.size() - 1] == '\n' && out[out.size() - 2] == '\n') out.pop_back();
  out += "\n" + std::string(kHead) + "\n" + std::string(kUnseen) + about.estimate.ToString() + "\n";
  for (const Reachable& each : about.undecided) {
    const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), each.call);
    out += std::string(kReachable) + each.call + " (tier " + base::Number(each.tier) + ", from " +
           base::Printable(each.where.substr(each.where.rfind('/') + 1)) + "): " + (call != nullptr ? std::string(call->reason) : "") + "\n";
  }
  for (const std::string& path : about.in_vain) out += std::string(kInVain) + Escaped(path) + "\n";
  for (const std::string& made : about.made) out += std::string(kMade) + base::Printable(made) + "\n";
  for (const std::string& word : about.command) out += std::string(kWord) + Escaped(word) + "\n";
  return out;
}

std::vector<std::string> MadeWith(std::string_view text) { return Behind(text, kMade); }

namespace {
std::vector<std::string> UnescapedBehind(std::string_view text, std::string_view head) {
  std::vector<std::string> words = Behind(text, head);
  for (std::string& word : words) word = Unescaped(word);
  return words;
}
}  // namespace

std::vector<std::string> CommandOf(std::string_view text) { return UnescapedBehind(text, kWord); }
std::vector<std::string> InVainOf(std::string_view text) { return UnescapedBehind(text, kInVain); }

std::vector<std::string> ReachableOf(std::string_view text) {
  std::vector<std::string> names = Behind(text, kReachable);
  for (std::string& name : names) name.resize(std::min(name.find(' '), name.size()));
  return names;
}

std::string UnseenOf(std::string_view text) {
  const std::vector<std::string> lines = Behind(text, kUnseen);
  return lines.empty() ? "" : lines.back();
}

}  // namespace moat::learn
