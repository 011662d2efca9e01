// Observations as a policy. Pure.
//
// A policy that was written here ends in remarks that each `moat learn` writes anew (remarks.h); all else
// belongs to people as soon as it is written, and is only added to (Merged).
#pragma once

#include <string>
#include <vector>

#include "learn/estimate.h"
#include "learn/observations.h"
#include "moat/result.h"
#include "policy/load.h"

namespace moat::learn {

// The policy that the runs of `command` needed: each entry with its evidence. Without remarks.
std::string Written(const Observations& seen, const std::string& command);

// What it takes to let `text` (a policy at `path`) do what was seen: lines added to its lists, rules in front of
// its own. Every other byte stays. Fails where its lists are not written one entry a line.
Result<std::string> Merged(const std::string& text, const std::string& path, const Observations& seen, const policy::ReadProfile& read);

// `text` with a line put into a list of a section, where that is written one entry a line.
Result<std::string> WithLine(const std::string& text, std::string_view section, std::string_view key, const std::string& line);

// Policy entries by the inputs that needed them, for Estimated().
std::vector<std::vector<unsigned>> Entries(const Observations& seen);

// The policy under which the next runs are watched: what `enough` inputs needed is let through, the rest asked
// about. `visible`: host paths to show besides the system. Without groups to count them in, memory, processors and processes
// keep their defaults.
enum class Groups : std::uint8_t { kNo, kYes };
std::string LearningPolicy(const Observations& seen, std::size_t enough, const std::vector<std::string>& visible, Groups groups);

// Text as a TOML string; "..., by convert": evidence in words; one line of a list with its remark.
std::string Quoted(std::string_view text);
std::string Said(const Evidence& evidence, const Observations& seen);
std::string Line(const std::string& entry, const std::string& remark);
// The rule that takes out what a call's arguments never were; "" for none. Ends with a new line.
std::string RuleFor(const std::string& call, const std::map<std::string, Evidence>& uses, const Observations& seen);

}  // namespace moat::learn
