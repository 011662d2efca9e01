// Every attack, under every shipped profile, by root's jobs and by an ordinary user's. An
// attack whose control does not succeed outside says so and is skipped: it would prove nothing.
//
// known_open.txt lists what gets through today, each with its reason. An attack that is listed
// and does not get through is a failure too: the list shrinks as soon as it can.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>

#include "escape/canaries.h"
#include "testkit/moat.h"

namespace moat::escape {
namespace {

using testkit::Caller;

constexpr gid_t kExtraGroup = 54321;  // kept by a caller that has it: a job must not

struct Attack {
  std::string name, catalogue, attempt;
};

std::string ProbePath() { return testkit::GuestPath("escape_probe"); }

Canaries& Planted() {
  static Canaries canaries;
  return canaries;
}

// What a careless caller leaves to its children.
void BeCareless() {
  ::umask(0);
  ::signal(SIGUSR2, SIG_IGN);
  sigset_t some;
  ::sigemptyset(&some);
  ::sigaddset(&some, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &some, nullptr);
}

std::vector<std::string> Words(std::vector<std::string> words) {
  const auto& more = Planted().arguments();
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// "OPEN" and what it said.
struct Answer {
  std::string fate, text;
};

Answer Read(const testkit::Finished& done) {
  const std::string line = done.out.substr(0, done.out.find('\n'));
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return {"", done.out + done.err};
  return {line.substr(0, space), line.substr(space + 1)};
}

Answer RunOutside(const Attack& attack) {
  testkit::Command command;
  command.argv = Words({ProbePath(), "--outside", attack.name});
  command.environment = {"SECRET=" + Planted().environment_secret(), "LD_LIBRARY_PATH=/nowhere"};
  command.descriptors = {{0, Planted().secret_descriptor()}, {9, Planted().secret_descriptor()}, {10, Planted().folder_descriptor()}};
  command.groups = {kExtraGroup};
  command.in_child = BeCareless;
  return Read(testkit::Run(command));
}

// Once per attack, whatever the number of profiles.
const Answer& Control(const Attack& attack) {
  static std::map<std::string, Answer> answers;
  const auto found = answers.find(attack.name);
  return found != answers.end() ? found->second : answers.emplace(attack.name, RunOutside(attack)).first->second;
}

testkit::Job RunInside(const Attack& attack, const std::string& profile, Caller caller) {
  testkit::Moat moat(caller);
  moat.Profile(profile)
      .Flag("--read", Planted().shown_folder())
      .Input(Planted().input_file())
      .Env("SECRET", Planted().environment_secret())
      .Env("LD_LIBRARY_PATH", "/nowhere")
      .Flag("--env", "HARMLESS=" + Planted().argument_secret())
      .Descriptor(0, Planted().secret_descriptor())
      .Descriptor(9, Planted().secret_descriptor())
      .Descriptor(10, Planted().folder_descriptor())
      .Groups({kExtraGroup})
      .InChild(BeCareless);
  std::vector<std::string> words = Words({ProbePath(), attack.name});
  const bool fills = attack.name.rfind("fill-", 0) == 0;
  if (fills) {
    moat.Flag("--memory", "64M");
    words.emplace_back("memory.limit=64");
  }
  return moat.Run(words);
}

// Lines `ATTACK PROFILE CALLER: why`, the first three regular expressions.
struct KnownOpen {
  std::regex attack, profile, caller;
  std::string why;
};

std::vector<KnownOpen> LoadKnownOpen() {
  std::vector<KnownOpen> known;
  std::ifstream file(testkit::SourceFolder() + "/tests/escape/known_open.txt");
  EXPECT_TRUE(file.good());
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::size_t colon = line.find(": ");
    std::istringstream words(line.substr(0, colon));
    std::string attack, profile, caller;
    words >> attack >> profile >> caller;
    EXPECT_FALSE(caller.empty() || colon == std::string::npos) << "known_open.txt: " << line;
    known.push_back({std::regex(attack), std::regex(profile), std::regex(caller), line.substr(colon + 2)});
  }
  return known;
}

std::string WhyOpen(const Attack& attack, const std::string& profile, Caller caller) {
  static const std::vector<KnownOpen> kKnown = LoadKnownOpen();
  for (const KnownOpen& known : kKnown) {
    if (std::regex_match(attack.name, known.attack) && std::regex_match(profile, known.profile) &&
        std::regex_match(testkit::NameOf(caller), known.caller)) {
      return known.why;
    }
  }
  return "";
}

class Escape : public testing::Test {
 public:
  Escape(Attack attack, std::string profile, Caller caller) : attack_(std::move(attack)), profile_(std::move(profile)), caller_(caller) {}

  void TestBody() override {
    std::string against = testkit::ReasonAgainst(caller_);
    if (::geteuid() != 0) against = "the controls need root";
    if (!against.empty()) GTEST_SKIP() << against;
    const Answer& control = Control(attack_);
    if (control.fate != "OPEN") GTEST_SKIP() << "outside: " << (control.fate.empty() ? "it died" : control.text);
    Judge(RunInside(attack_, profile_, caller_));
  }

 private:
  void Judge(const testkit::Job& job) {
    const Answer answer = Read(job);
    const std::string why = WhyOpen(attack_, profile_, caller_);
    const std::string what = attack_.name + " (" + attack_.catalogue + "): to " + attack_.attempt;
    if (answer.fate == "OPEN") {
      if (why.empty()) ADD_FAILURE() << what << "\n" << answer.text << "\n" << job;
      return;
    }
    const std::string cause = job.Cause();
    const bool stopped = answer.fate == "CLOSED" || (answer.fate.empty() && (cause == "denied" || cause == "memory"));
    if (answer.fate == "NOT-HERE") GTEST_SKIP() << "inside: " << answer.text;
    if (cause == "setup" && attack_.name.rfind("fill-", 0) == 0 && caller_ == Caller::kUser) {
      GTEST_SKIP() << "no group in which to count the memory of an ordinary user's job";
    }
    EXPECT_TRUE(stopped) << what << "\nThe probe gave no answer.\n" << job;
    EXPECT_EQ(why, "") << what << "\nis listed in known_open.txt and does not get through: take the line out.\n" << job;
  }

  Attack attack_;
  std::string profile_;
  Caller caller_;
};

std::vector<Attack> ListAttacks() {
  testkit::Command command;
  command.argv = {ProbePath(), "--list"};
  std::vector<Attack> attacks;
  std::istringstream lines(testkit::Run(command).out);
  for (Attack attack; std::getline(lines, attack.name, '\t') && std::getline(lines, attack.catalogue, '\t') && std::getline(lines, attack.attempt);) {
    attacks.push_back(attack);
  }
  return attacks;
}

std::vector<std::string> ListProfiles() {
  std::vector<std::string> profiles;
  for (const auto& file : std::filesystem::directory_iterator(testkit::SourceFolder() + "/profiles")) {
    if (file.path().extension() == ".toml") profiles.push_back(file.path().stem());
  }
  std::sort(profiles.begin(), profiles.end());
  return profiles;
}

// '-' has no place in the name of a case.
std::string CaseName(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

void RegisterAll() {
  for (const std::string& profile : ListProfiles()) {
    for (const Caller caller : {Caller::kRoot, Caller::kUser}) {
      const std::string suite = "Escape_" + CaseName(profile) + "_" + testkit::NameOf(caller);
      for (const Attack& attack : ListAttacks()) {
        testing::RegisterTest(suite.c_str(), CaseName(attack.name).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [=]() -> Escape* { return new Escape(attack, profile, caller); });
      }
    }
  }
}

}  // namespace
}  // namespace moat::escape

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  moat::escape::RegisterAll();
  return RUN_ALL_TESTS();
}
