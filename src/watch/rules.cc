#include "watch/rules.h"

#include <algorithm>

#include "base/text.h"
#include "plan/filter_spec.h"
#include "policy/verdicts.h"
#include "watch/words.h"

namespace moat::watch {
namespace {

constexpr std::uint8_t kNever = 4;

std::string At(const Origin& origin) { return origin.empty() ? "" : " (" + origin.ToString() + ")"; }

std::string InQuotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

}  // namespace

Result<Rules> Rules::Of(const policy::Model& model) {
  Rules rules;
  rules.spec_ = MOAT_TRY(plan::FilterSpecOf(model, bpf::NativeAbi()));
  rules.rules_ = policy::EffectiveRules(model);
  rules.model_ = model;
  bpf::FilterSpec none = rules.spec_;
  none.rules.clear();
  std::uint32_t most = 0;
  for (const bpf::Rule& rule : rules.spec_.rules) most = std::max(most, rule.number);
  rules.about_.assign(most + 2, none);
  for (const bpf::Rule& rule : rules.spec_.rules) rules.about_[rule.number].rules.push_back(rule);
  return rules;
}

const bpf::FilterSpec& Rules::About(const seccomp_data& data) const {
  return about_[std::min<std::size_t>(static_cast<std::uint32_t>(data.nr), about_.size() - 1)];
}

bpf::Action Rules::Answer(const seccomp_data& data) const { return bpf::Interpret(About(data), data); }

// Ids count the effective rules from 1; those behind them are what the lists and `default` say.
std::string Rules::Said(std::uint32_t id, const bpf::SyscallInfo& call) const {
  if (id >= 1 && id <= rules_.size()) {
    const policy::SyscallRule& rule = rules_[id - 1];
    std::string text = "rule " + rule.call + (rule.when.empty() ? "" : " when " + rule.when);
    if (!rule.reason.empty()) text += ": " + rule.reason;
    return text + At(rule.origin);
  }
  const policy::Verdict verdict = policy::Fallback(model_, call);
  for (const auto& denied : model_.syscalls.deny) {
    if (policy::Covers(denied.value, call)) return "`deny` of " + denied.value + At(denied.origin);
  }
  return "nothing allows " + std::string(call.name) + ", and `default` answers" + At(verdict.origin);
}

Judgement Rules::Judge(const seccomp_data& data) const {
  const bpf::Action action = Answer(data);
  const auto number = static_cast<std::uint32_t>(data.nr);
  const bpf::SyscallInfo* call = bpf::FindSyscall(spec_.abi, number);
  if (data.arch != bpf::AuditArch(spec_.abi) || (call == nullptr && (number & 0x40000000U) != 0)) {
    return {action, 0, "calls of another ABI are never allowed"};
  }
  if (call == nullptr) return {action, 0, "`unknown`: newer than this version of moat" + At(model_.syscalls.unknown.origin)};
  const bpf::Rule* rule = bpf::Deciding(About(data), data);
  Judgement judgement{action, 0, Said(rule != nullptr ? rule->id : 0, *call)};
  if (rule == nullptr) return judgement;
  for (const bpf::Condition& condition : rule->all_of) judgement.looked_at |= 1U << condition.arg;
  return judgement;
}

std::string NarrowestEdit(const seccomp_data& data, unsigned pinned) {
  if (data.arch != bpf::AuditArch(bpf::NativeAbi())) return {};
  const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), static_cast<std::uint32_t>(data.nr));
  if (call == nullptr || call->tier >= kNever) return {};
  std::uint64_t args[6];
  std::copy(std::begin(data.args), std::end(data.args), args);
  const std::string when = Condition(*call, args, pinned);
  std::string text = "[[syscalls.rule]]\ncall = " + InQuotes(call->name) + "\n";
  if (!when.empty()) text += "when = " + InQuotes(when) + "\n";
  text += "do = \"allow\"\nreason = " + InQuotes(call->tier >= 3 ? "tier " + base::Number(call->tier) + ", granted after a denial"
                                                                 : "needed, as a denial showed") + "\n";
  return text;
}

std::string ApplyEdit(const std::string& text, const std::string& edit) {
  constexpr std::string_view kHead = "[[syscalls.rule]]";
  std::size_t at = 0;
  for (; at < text.size(); at = std::min(text.find('\n', at), text.size() - 1) + 1) {
    const std::size_t word = text.find_first_not_of(" \t", at);
    if (word != std::string::npos && text.compare(word, kHead.size(), kHead) == 0) break;
  }
  if (at < text.size()) return text.substr(0, at) + edit + "\n" + text.substr(at);
  return text + (text.empty() || text.back() == '\n' ? "\n" : "\n\n") + edit;
}

std::string ActionInWords(const bpf::Action& action) {
  return action.kind == bpf::ActionKind::kKillProcess ? "kill" : action.ToString();
}

}  // namespace moat::watch
