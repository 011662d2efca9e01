// What is known about each cause: the rows of spec/causes.toml.
#pragma once

#include <span>
#include <string_view>

#include "moat/report.h"

namespace moat::run {

struct CauseFacts {
  Cause cause;
  std::string_view name;      // "worker-lost"
  std::string_view text;      // one line in words
  std::string_view evidence;  // what proves it
  std::string_view advice;    // what to do
};

std::span<const CauseFacts> Causes();       // in the order of the enumeration
const CauseFacts& FactsOf(Cause cause);

}  // namespace moat::run
