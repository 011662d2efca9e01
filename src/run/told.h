// What a program with a seal of its own said of its violation (src/seal/record.cc), among the last
// bytes of stderr. The word of a process that was taken over: it never decides a cause. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "moat/report.h"

namespace moat::run {

// How much of the end of stderr has room for one record, whatever was written just before it.
constexpr std::size_t kTailSize = 4096;

// The last record in there; nothing when there is none that is whole and plain ASCII.
std::optional<Denial> ToldBySeal(std::string_view tail);

}  // namespace moat::run
