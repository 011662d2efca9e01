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
//   value    = term { "|" term }
//   term     = number (decimal, 0x, 0) | "-" number (signed arguments only) | CONSTANT
//
// Pure. Errors name the column inside the text; the origin is passed on as it is.
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

// The condition in disjunctive normal form: one inner vector per filter rule. At most 64.
using Alternatives = std::vector<std::vector<bpf::Condition>>;

// `call` is an entry of bpf::Syscalls(): constants take the values of that entry's ABI.
Result<Alternatives> ParseWhen(std::string_view text, const bpf::SyscallInfo& call,
                               const Origin& origin);

// Named constants of the kernel (O_CREAT, TCGETS, AF_INET, PROT_EXEC ...), from
// spec/constants.toml.
std::optional<std::uint64_t> FindConstant(std::string_view name, bpf::Abi abi = bpf::NativeAbi());

}  // namespace moat::policy
