// Which names a guest's files may have outside. Pure.
#pragma once

#include <string>
#include <string_view>

namespace moat::run {

// A name that no shell, terminal, log or tool mistakes for anything else: UTF-8, nothing
// treacherous (base/utf8.h), no leading '-'; and not what moat takes for its own leavings (arrival.h).
bool IsHarmlessName(std::string_view name);

// Such a name for any other: offending bytes become %NN, and so does '%', hence no two
// names become the same one. May be longer than a file name can be.
std::string HarmlessName(std::string_view name);

}  // namespace moat::run
