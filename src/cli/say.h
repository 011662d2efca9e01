// What every command says to a person when moat itself failed, and how it ends then. Core code: the launcher, too.
#pragma once

#include <string>

#include "moat/result.h"

namespace moat::cli {

inline constexpr int kMoatFailed = 125;  // as env(1), timeout(1) and their like

// A line on standard error, unbuffered: some of us end without libc's exit. `line` is printable.
void Say(const std::string& line);
// Says it, made printable. Returns kMoatFailed.
int Fail(const Error& error);

}  // namespace moat::cli
