// That a filter does what its rules say: the program is run, by our evaluator, beside the slow
// and direct reading of the rules, over every call and over the edges of every argument. Pure.
#pragma once

#include <linux/filter.h>

#include <span>

#include "bpf/filter.h"
#include "moat/result.h"

namespace moat::seal {

// kBug, with the call, when they differ somewhere; the filter must then not be used.
Status Prove(const bpf::FilterSpec& spec, std::span<const sock_filter> code);

}  // namespace moat::seal
