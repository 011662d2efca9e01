#include "lint/filter.h"

#include <charconv>

#include "plan/filter_spec.h"
#include "policy/verdicts.h"
#include "policy/when.h"

namespace moat::lint {
namespace {

bool Grants(const bpf::Action& action) {
  return action.kind == bpf::ActionKind::kAllow || action.kind == bpf::ActionKind::kLog ||
         action.kind == bpf::ActionKind::kNotify;
}

std::uint64_t Value(std::string_view text, bpf::Abi abi) {
  if (const auto constant = policy::FindConstant(text, abi)) return *constant;
  std::uint64_t value = 0;
  const bool hex = text.substr(0, 2) == "0x";
  const std::string_view digits = hex ? text.substr(2) : text;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  return value;
}

// " cmd=TIOCSTI fd=3" into the places that the call has them in.
void Fill(std::string_view arguments, const bpf::SyscallInfo& call, bpf::Abi abi, seccomp_data& data) {
  while (!arguments.empty()) {
    const std::string_view word = arguments.substr(0, arguments.find(' '));
    arguments.remove_prefix(std::min(arguments.size(), word.size() + 1));
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    for (std::size_t i = 0; i < call.arg_count; ++i) {
      if (call.args[i].name == word.substr(0, equals)) data.args[i] = Value(word.substr(equals + 1), abi);
    }
  }
}

// Whether the one rule decides about these arguments.
bool Holds(const bpf::FilterSpec& whole, const bpf::Rule& rule, const seccomp_data& data) {
  bpf::FilterSpec single;
  single.abi = whole.abi;
  single.default_action = single.unknown_action = single.foreign_action = bpf::KillProcess();
  single.rules.push_back(rule);
  single.rules.back().action = bpf::Allow();
  return bpf::Interpret(single, data) == bpf::Allow();
}

}  // namespace

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
  }
  return lines;
}

Result<Filter> Filter::Of(const policy::Model& model) {
  Filter filter;
  filter.model_ = &model;
  filter.spec_ = MOAT_TRY(plan::FilterSpecOf(model, bpf::NativeAbi()));
  filter.effective_ = policy::EffectiveRules(model);
  return filter;
}

Filter::Answer Filter::Decided(const bpf::SyscallInfo& call, const bpf::Rule* rule) const {
  Answer answer;
  answer.unconditional = rule == nullptr || rule->all_of.empty();
  answer.action = rule != nullptr ? rule->action : spec_.default_action;
  answer.granted = Grants(answer.action);
  const bool by_rule = rule != nullptr && rule->id >= 1 && rule->id <= effective_.size();
  answer.origin = by_rule ? effective_[rule->id - 1].origin : policy::Fallback(*model_, call).origin;
  return answer;
}

Filter::Answer Filter::AskAny(const bpf::SyscallInfo& call) const {
  const bpf::Rule* last = nullptr;
  for (const bpf::Rule& rule : spec_.rules) {
    if (rule.number != call.number) continue;
    if (Grants(rule.action) || rule.all_of.empty()) return Decided(call, &rule);
    last = &rule;
  }
  Answer answer = Decided(call, nullptr);
  answer.unconditional = last == nullptr;
  return answer;
}

Filter::Answer Filter::AskExactly(const bpf::SyscallInfo& call, std::string_view arguments) const {
  seccomp_data data{};
  data.nr = static_cast<int>(call.number);
  data.arch = bpf::AuditArch(spec_.abi);
  Fill(arguments, call, spec_.abi, data);
  for (const bpf::Rule& rule : spec_.rules) {
    if (rule.number == call.number && Holds(spec_, rule, data)) return Decided(call, &rule);
  }
  return Decided(call, nullptr);
}

Filter::Answer Filter::Ask(std::string_view words) const {
  const std::string_view name = words.substr(0, words.find(' '));
  const bpf::SyscallInfo* call = bpf::FindSyscall(spec_.abi, name);
  if (call == nullptr) return {};
  return name.size() == words.size() ? AskAny(*call) : AskExactly(*call, words.substr(name.size() + 1));
}

}  // namespace moat::lint
