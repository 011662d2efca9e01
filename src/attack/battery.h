// The battery: every probe outside as its control, and inside whatever is under attack.
//
//   auto battery = MOAT_TRY(attack::Battery::Plant({.probe = "/usr/libexec/moat/moat-probe"}));
//   for (const Entry& entry : Entries()) battery.Try(entry, target);
//
// For a program without threads, which forks for each try. Everything planted is gone with the object.
#pragma once

#include <unistd.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "attack/canaries.h"
#include "attack/spawn.h"
#include "attack/table.h"
#include "moat/result.h"

namespace moat::attack {

enum class Fate : unsigned char {
  kClosed,
  kOpen,
  kNotApplicable,  // it does not work outside either, or there is nothing to attack inside
  kUnclear,        // no answer: never counted as closed
};
std::string_view FateName(Fate fate);  // "closed"

struct Answer {
  Fate fate = Fate::kUnclear;
  std::string text;  // what the probe said, or how it ended; its own words: hostile
};

// One thing under attack. What it is asked to start: the probe and its arguments.
struct Target {
  std::string name;
  // Fills argv, or in_child for what runs in a copy of this process.
  std::function<Status(const Entry& entry, const std::vector<std::string>& probe_words, SpawnRequest& request)> prepare;
  // What an end without an answer means, where the target can prove it. Without it: SIGSYS is a filter's
  // refusal, SIGKILL the kernel's for a probe that fills memory, and all else stays unclear.
  std::function<Answer(const Entry& entry, const Spawned& spawned)> judge = nullptr;
  uid_t caller = ::geteuid();  // whose the folder of results is
};

class Battery {
 public:
  static Result<Battery> Plant(const std::string& probe);

  // Outside, once for each probe. kOpen: it works here, so it can prove something.
  const Answer& Control(const Entry& entry);
  // kNotApplicable when the control does not work.
  Result<Answer> Try(const Entry& entry, const Target& target);
  // Whether the target starts a probe at all; the error says what it said instead.
  Status Starts(const Target& target);

  const Canaries& canaries() const { return canaries_; }
  const std::string& probe() const { return probe_; }

 private:
  Battery(std::string probe, Canaries canaries) : probe_(std::move(probe)), canaries_(std::move(canaries)) {}
  SpawnRequest Careless() const;
  std::vector<std::string> Words(std::vector<std::string> words) const;
  Result<std::string> FreshResults(const Entry& entry, uid_t owner) const;

  std::string probe_;
  Canaries canaries_;
  std::map<std::string_view, Answer> controls_;
};

// The line that a probe tells, and its end.
Answer ReadAnswer(const Spawned& spawned);
bool FillsMemory(const Entry& entry);
// The word that tells a probe where results go; its value is a folder of the host's, or "" for none.
inline constexpr std::string_view kResultsWord = "out=";

}  // namespace moat::attack
