// The little language of `when = "..."`: conditions on system call arguments by name.
//
//   when     = any
//   any      = all { "||" all }
//   all      = test { "&&" test }
//   test     = "(" any ")" | "!" test | argument [ "&" value ] compare value
//            | argument "in" "[" value { "," value } "]"
//            | argument "has" value            all bits of value are set
//            | argument "lacks" value          no bit of value is set
//   compare  = "==" | "!=" | "<" | "<=" | ">" | ">="
//   argument = name from the syscall table | "arg0" .. "arg5"
//   value    = number (decimal, 0x, 0) | CONSTANT { "|" CONSTANT }
//
// Pure. Errors carry the column inside the text added to the origin's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/filter.h"
#include "bpf/syscall_table.h"
#include "moat/result.h"

namespace moat::policy {

// The condition in disjunctive normal form: one inner vector per filter rule.
using Alternatives = std::vector<std::vector<bpf::Condition>>;

Result<Alternatives> ParseWhen(std::string_view text, const bpf::SyscallInfo& call,
                               const Origin& origin);

// Named constants of the kernel (O_CREAT, TCGETS, AF_INET, PROT_EXEC ...), from
// spec/constants.toml.
std::optional<std::uint64_t> FindConstant(std::string_view name);

}  // namespace moat::policy
