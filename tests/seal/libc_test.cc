// Each late habit of libc, bare and sealed, with glibc and musl, dynamic and static.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <sstream>

#include "testkit/process.h"

namespace moat::seal {
namespace {

std::string Guest(const std::string& kind) { return std::string(std::getenv("MOAT_BINARY_DIR")) + "/tests/seal_libc_" + kind; }

using Environment = std::vector<std::string>;

testkit::Finished RunGuest(const std::string& kind, std::vector<std::string> words, const Environment& environment = {}) {
  testkit::Command command;
  command.argv = {Guest(kind)};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.environment = environment;
  return testkit::Run(command);
}

class Libc : public ::testing::TestWithParam<std::string> {};

void ExpectTheSame(const std::string& kind, const std::string& name, const Environment& environment) {
  SCOPED_TRACE(name + " in " + environment[0]);
  const bool aborts = name.rfind("abort", 0) == 0 || name == "assert";
  const testkit::Finished bare = RunGuest(kind, {name, "bare"}, environment);
  const testkit::Finished sealed = RunGuest(kind, {name}, environment);
  EXPECT_EQ(bare.signal(), aborts ? SIGABRT : 0) << bare.out << bare.err;
  EXPECT_EQ(sealed.signal(), bare.signal()) << sealed.out << sealed.err;
  EXPECT_EQ(sealed.exit_code(), bare.exit_code()) << sealed.out << sealed.err;
  EXPECT_EQ(sealed.out, bare.out);
  EXPECT_EQ(bare.exit_code(), aborts ? -1 : 0) << bare.err;
}

// As services are started, whom nobody tells where they are; and with everything named.
TEST_P(Libc, DoesTheSameBareAndSealed) {
  std::istringstream names(RunGuest(GetParam(), {}).out);
  int tried = 0;
  for (std::string name; std::getline(names, name); ++tried) {
    ExpectTheSame(GetParam(), name, {"LANG=C.UTF-8"});
    ExpectTheSame(GetParam(), name, {"TZ=Europe/Berlin", "LC_ALL=POSIX"});
  }
  EXPECT_GT(tried, 15);
}

INSTANTIATE_TEST_SUITE_P(With, Libc, ::testing::Values("glibc_dynamic", "glibc_static", "musl_dynamic", "musl_static"),
                         [](const auto& each) { return each.param; });

}  // namespace
}  // namespace moat::seal
