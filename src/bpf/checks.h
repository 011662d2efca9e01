// The argument-checking part of a filter: a Decision with arms -> instructions. Pure.
#pragma once

#include "bpf/assembler.h"
#include "bpf/decision.h"

namespace moat::bpf {

// The label where the checks of `decision` begin. It leads to a Return on every path.
Assembler::Label EmitDecision(Assembler& assembler, const Decision& decision);

}  // namespace moat::bpf
