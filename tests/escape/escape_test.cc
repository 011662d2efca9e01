// Every attack, under every shipped profile, by root's jobs and by an ordinary user's. An
// attack whose control does not succeed outside says so and is skipped: it would prove nothing.
//
// [attack] allow of a profile states what gets through, each with its reason. An attack that is stated
// there and gets through for nobody is a failure too: the list shrinks as soon as it can. What is
// said of older kernels (`before_linux`) is proved on one, in the virtual machine.
#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "attack/battery.h"
#include "attack/table.h"
#include "attack/targets.h"
#include "policy/exceptions.h"
#include "policy/load.h"
#include "profile/find_profile.h"
#include "testkit/moat.h"

namespace moat::attack {
namespace {

using testkit::Caller;

Battery& TheBattery() {
  static Result<Battery> battery = Battery::Plant(testkit::BuildFolder() + "/libexec/moat/moat-probe");
  return *battery;
}

Result<Answer> Try(const Entry& attack, const std::string& profile, Caller caller) {
  JailRequest request{testkit::MoatPath(), profile, "", "", std::nullopt, ""};
  if (caller == Caller::kUser) {
    request.as = testkit::UserId();
    request.home = testkit::UserHome();
  }
  return TheBattery().Try(attack, Jail(TheBattery(), request));
}

std::string KernelRelease() {
  struct utsname names {};
  return ::uname(&names) == 0 ? names.release : "";
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
    if (exception.name == attack.name && policy::AppliesTo(exception, KernelRelease())) return {exception.reason, exception.origin.file == model->sources.front()};
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
    const auto answer = Try(attack_, profile_, caller_);
    ASSERT_TRUE(answer.ok()) << answer.error().ToString();
    Judge(*answer);
  }

 private:
  void Judge(const Answer& answer) {
    if (answer.fate == Fate::kNotApplicable) GTEST_SKIP() << answer.text;
    const Stated stated = WhyOpen(attack_, profile_);
    const std::string what = std::string(attack_.name) + " (" + std::string(attack_.id) + "): to " + std::string(attack_.attempt);
    EXPECT_NE(answer.fate, Fate::kUnclear) << what << "\nThe probe gave no answer: " << answer.text;
    EXPECT_TRUE(answer.fate != Fate::kOpen || !stated.why.empty()) << what << "\n" << answer.text;
    EXPECT_TRUE(answer.fate != Fate::kClosed || !stated.by_profile_itself || OpenForAnother())
        << what << "\nis stated in the profile and gets through for nobody: " << answer.text;
  }

  bool OpenForAnother() const {
    const auto answer = Try(attack_, profile_, caller_ == Caller::kRoot ? Caller::kUser : Caller::kRoot);
    return answer.ok() && answer->fate == Fate::kOpen;
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
