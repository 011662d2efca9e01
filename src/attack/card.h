// The score card: what got through where, for people, for programs, and as a page of its own. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attack/battery.h"

namespace moat::attack {

// What a policy accepts counts in the columns of its own jails, with all layers or fewer.
enum class Whose : unsigned char { kSubjects, kOthers };

struct Column {
  std::string name;
  Whose whose = Whose::kSubjects;
  std::map<std::string_view, Answer> answers = {};  // by the name of the probe
  // Of a jail with one layer alone: the column with none, that shows what the one stops. "": no such jail.
  std::string beside = {};
};

struct Card {
  std::string subject;                            // "default", "seal stdio"
  std::string host;                               // "Linux 6.18.44 x86_64, as root"
  std::vector<Column> columns;                    // the first is the subject's own
  std::map<std::string, std::string> accepted;    // probe -> the reason that the policy states
  bool sealed = false;                            // what a seal does not claim to stop is not counted
};

struct Count {
  unsigned applicable = 0, open = 0, accepted = 0, unclear = 0, not_applicable = 0;
};
// `family`: "" for all.
Count CountOf(const Card& card, const Column& column, std::string_view family);
// Open or without an answer, and neither accepted nor outside of what a seal claims.
bool Fails(const Card& card, const Column& column, const Entry& entry);
bool AnyFails(const Card& card);
// "2 of 266 get through, both accepted"
std::string Verdict(const Card& card);
// Of those that the first column has closed: by the layer that must answer first, which classes.
unsigned StoppedBy(const Card& card, std::string_view layer, std::string_view family);
std::vector<std::string_view> LayersOf(const Card& card);
// Closed in the first column and open in `column`: what the layer that is away there held alone.
std::vector<std::string_view> Opened(const Card& card, const Column& column);
// What differs, with a number and names: Opened, or for a layer alone what it stops of all that is open
// beside it.
struct Difference {
  std::string words;  // "12 more get through"
  std::vector<std::string_view> probes;
};
Difference DifferenceOf(const Card& card, const Column& column);

std::string PrintText(const Card& card);
std::string PrintJson(const Card& card);
std::string PrintHtml(const Card& card);  // one page, nothing loaded from elsewhere

}  // namespace moat::attack
