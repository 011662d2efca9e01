// The table and the functions are two lists of the same names.
#include "attack/table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "attack/probe/probe.h"

namespace moat::attack {
namespace {

std::multiset<std::string>& Functions() {
  static std::multiset<std::string> names;
  return names;
}

TEST(Table, HasOneRowForEachFunction) {
  inside::ForEachProbe([](const inside::Probe& probe) { Functions().insert(probe.name); });
  std::multiset<std::string> rows;
  for (const Entry& entry : Entries()) rows.emplace(entry.name);
  EXPECT_EQ(Functions(), rows);
  EXPECT_GE(rows.size(), 200U);
  EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), rows.size());
}

TEST(Table, EveryRowSaysWhatAndWho) {
  for (const Entry& entry : Entries()) {
    EXPECT_FALSE(entry.attempt.empty() || entry.observe.empty() || entry.layers.empty() || entry.family.empty()) << entry.name;
    EXPECT_EQ(FindEntry(entry.name), &entry);
  }
  EXPECT_EQ(FindEntry("no-such-probe"), nullptr);
}

}  // namespace
}  // namespace moat::attack
