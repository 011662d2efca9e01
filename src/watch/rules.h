// A policy as the judge of single calls: what decides, where that is written, and what would change it.
// Pure; a value, safe to read from several threads.
#pragma once

#include <linux/seccomp.h>

#include <string>
#include <vector>

#include "bpf/filter.h"
#include "moat/result.h"
#include "policy/model.h"

namespace moat::watch {

struct Judgement {
  bpf::Action action;
  unsigned looked_at = 0;  // arguments that the deciding rule has conditions on, a bit each
  std::string rule;  // "rule \"no namespaces\" (thumb.toml:12:1)", "`default` of thumb.toml:4:1"
};

class Rules {
 public:
  static Result<Rules> Of(const policy::Model& model);
  Judgement Judge(const seccomp_data& data) const;
  // The action of that alone, for each question.
  bpf::Action Answer(const seccomp_data& data) const;
  const policy::Model& model() const { return model_; }

 private:
  std::string Said(std::uint32_t id, const bpf::SyscallInfo& call) const;

  const bpf::FilterSpec& About(const seccomp_data& data) const;

  bpf::FilterSpec spec_;
  std::vector<bpf::FilterSpec> about_ = std::vector<bpf::FilterSpec>(1);  // by number: the rules about that call; the last has none
  std::vector<policy::SyscallRule> rules_;
  policy::Model model_;
};

// The rule that would allow this call with these telling arguments and nothing else, as TOML; "" where a
// policy cannot grant it (tier 4, a number without a name).
// `pinned`: arguments (a bit each) that it names in any case.
std::string NarrowestEdit(const seccomp_data& data, unsigned pinned = 0);

// `text`, a policy, with `edit` put in front of its own rules, where it decides first.
std::string ApplyEdit(const std::string& text, const std::string& edit);

// "errno EPERM" -> how it reads in a report: "errno EPERM", "kill", "allow".
std::string ActionInWords(const bpf::Action& action);

}  // namespace moat::watch
