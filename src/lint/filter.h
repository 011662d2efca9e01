// What a policy does with system calls, by asking its rules as the filter would. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/filter.h"
#include "moat/result.h"
#include "policy/model.h"

namespace moat::lint {

class Filter {
 public:
  static Result<Filter> Of(const policy::Model& model);

  struct Answer {
    bool granted = false;   // allowed, or let through with a note
    bool unconditional = false;  // for all arguments alike
    bpf::Action action;
    Origin origin;          // the line that decided
  };
  // "ioctl cmd=TIOCSTI": with these arguments, all others 0. "bpf": whether any arguments are granted;
  // when none are, the answer to arguments that no rule names. A call that this machine lacks is refused.
  Answer Ask(std::string_view words) const;

 private:
  Answer AskAny(const bpf::SyscallInfo& call) const;
  Answer AskExactly(const bpf::SyscallInfo& call, std::string_view arguments) const;
  Answer Decided(const bpf::SyscallInfo& call, const bpf::Rule* rule) const;

  const policy::Model* model_ = nullptr;
  bpf::FilterSpec spec_;
  std::vector<policy::SyscallRule> effective_;
};

// "a\nb" -> {"a", "b"}.
std::vector<std::string_view> Lines(std::string_view text);

}  // namespace moat::lint
