// [syscalls]: lists and rules of one text, joined with those of its bases. Pure.
#pragma once

#include "moat/result.h"
#include "policy/model.h"
#include "policy/tree.h"

namespace moat::policy {

// The keys allow, deny and rule of the section; others were read before.
Status ApplySyscalls(Syscalls& syscalls, const Node& section);

// A list of strings, each with its place. "@none" clears what `list` held and is not kept.
Status AppendNames(std::vector<Setting<std::string>>& list, const Entry& entry);

}  // namespace moat::policy
