// Settings of the host that no sandbox can make up for, or that are a second wall behind it.
// Nothing here decides whether a job may start: notes for `moat doctor`. Pure but for the
// reader that it is given.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plan/host_facts.h"

namespace moat::probe {

struct Note {
  enum class Level : unsigned char { kGood, kAdvice } level = Level::kGood;
  std::string name;     // "dev.tty.legacy_tiocsti"
  std::string value;    // as read, "absent" when the host has no such thing
  std::string meaning;  // of this value
  std::string fix;      // "" when there is nothing to do
};

using ReadText = std::function<std::optional<std::string>(const std::string& path)>;

std::vector<Note> LookAtHost(const ReadText& read, const plan::Cgroups& cgroups);
std::vector<Note> LookAtThisHost(const plan::Cgroups& cgroups);

}  // namespace moat::probe
