// Every attack, under every shipped profile, by root's jobs and by an ordinary user's. An
// attack whose control does not succeed outside says so and is skipped: it would prove nothing.
//
// [attack] allow of a profile states what gets through, each with its reason. An attack that is stated
// there and gets through for nobody is a failure too: the list shrinks as soon as it can.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "attack/battery.h"
#include "attack/table.h"
#include "policy/load.h"
#include "profile/find_profile.h"
#include "testkit/moat.h"

namespace moat::attack {
namespace {

using testkit::Caller;

constexpr gid_t kExtraGroup = 54321;  // kept by a caller that has it: a job must not

Battery& TheBattery() {
  static Result<Battery> battery = Battery::Plant(testkit::BuildFolder() + "/libexec/moat/moat-probe");
  return *battery;
}
const Canaries& Planted() { return TheBattery().canaries(); }

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

Answer Read(const testkit::Finished& done) { return ReadAnswer({done.status, done.timed_out, done.out, done.err}); }

testkit::Job RunInside(const Entry& attack, const std::string& profile, Caller caller) {
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
  std::vector<std::string> words = Words({TheBattery().probe(), std::string(attack.name)});
  const bool fills = FillsMemory(attack);
  if (fills) {
    moat.Flag("--memory", "64M");
    words.emplace_back("memory.limit=64");
  }
  return moat.Run(words);
}

struct Stated {
  std::string why;
  bool by_profile_itself = false;  // and not by one that it builds on
};

Stated WhyOpen(const Entry& attack, const std::string& profile) {
  const std::string folder = testkit::SourceFolder() + "/profiles";
  const auto model = policy::Load(profile, policy::ProfilesIn({folder}));
  EXPECT_TRUE(model.ok()) << model.error().ToString();
  for (const policy::Exception& exception : model->attack_allow) {
    if (exception.name == attack.name) return {exception.reason, exception.origin.file == model->sources.front()};
  }
  return {};
}

class Escape : public testing::Test {
 public:
  Escape(const Entry& attack, std::string profile, Caller caller) : attack_(attack), profile_(std::move(profile)), caller_(caller) {}

  void TestBody() override {
    std::string against = testkit::ReasonAgainst(caller_);
    if (::geteuid() != 0) against = "the controls need root";
    if (!against.empty()) GTEST_SKIP() << against;
    const Answer& control = TheBattery().Control(attack_);
    if (control.fate != Fate::kOpen) GTEST_SKIP() << "outside: " << control.text;
    Judge(RunInside(attack_, profile_, caller_));
  }

 private:
  void Judge(const testkit::Job& job) {
    const Answer answer = Read(job);
    const Stated stated = WhyOpen(attack_, profile_);
    const std::string what = std::string(attack_.name) + " (" + std::string(attack_.id) + "): to " + std::string(attack_.attempt);
    if (answer.fate == Fate::kOpen) {
      if (stated.why.empty()) ADD_FAILURE() << what << "\n" << answer.text << "\n" << job;
      return;
    }
    const std::string cause = job.Cause();
    const bool stopped = answer.fate == Fate::kClosed || (answer.fate == Fate::kUnclear && (cause == "denied" || cause == "memory"));
    if (answer.fate == Fate::kNotApplicable) GTEST_SKIP() << "inside: " << answer.text;
    if (cause == "setup" && FillsMemory(attack_) && caller_ == Caller::kUser) {
      GTEST_SKIP() << "no group in which to count the memory of an ordinary user's job";
    }
    EXPECT_TRUE(stopped) << what << "\nThe probe gave no answer.\n" << job;
    EXPECT_TRUE(!stated.by_profile_itself || OpenForAnother()) << what << "\nis stated in the profile and gets through for nobody.\n" << job;
  }

  bool OpenForAnother() const {
    const Caller another = caller_ == Caller::kRoot ? Caller::kUser : Caller::kRoot;
    return Read(RunInside(attack_, profile_, another)).fate == Fate::kOpen;
  }

  const Entry& attack_;
  std::string profile_;
  Caller caller_;
};

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
      for (const Entry& attack : Entries()) {
        testing::RegisterTest(suite.c_str(), CaseName(std::string(attack.name)).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                              [&attack, profile, caller]() -> Escape* { return new Escape(attack, profile, caller); });
      }
    }
  }
}

}  // namespace
}  // namespace moat::attack

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  moat::attack::RegisterAll();
  return RUN_ALL_TESTS();
}
