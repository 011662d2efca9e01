#include "run/arrival.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>

#include "sys/calls.h"

namespace moat::run {
namespace {

using Way = Arrival::Way;

class ArrivalTest : public testing::TestWithParam<Way> {
 protected:
  ArrivalTest() {
    char text[] = "/tmp/moat-arrival-XXXXXX";
    path_ = ::mkdtemp(text);
    folder_ = sys::Fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~ArrivalTest() override { std::filesystem::remove_all(path_); }

  Result<Arrival> Make(const std::string& text) {
    Arrival arrival = MOAT_TRY(Arrival::Open(folder_.get(), 0600, GetParam()));
    MOAT_TRY(sys::WriteAll(arrival.fd().get(), text, "test"));
    return arrival;
  }
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) names.insert(entry.path().filename());
    return names;
  }
  std::string Read(const std::string& name) const {
    std::ifstream file(path_ + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(path_ + "/" + name) << text; }

  std::string path_;
  sys::Fd folder_;
};

INSTANTIATE_TEST_SUITE_P(As, ArrivalTest, testing::Values(Way::kNameless, Way::kNamed),
                         [](const auto& way) { return way.param == Way::kNameless ? "nameless" : "named"; });

TEST_P(ArrivalTest, IsThereWholeOrNotAtAll) {
  auto arrival = Make("text");
  ASSERT_TRUE(arrival.ok()) << arrival.error().ToString();
  EXPECT_EQ(Names().size(), GetParam() == Way::kNamed ? 1U : 0U);
  ASSERT_TRUE(arrival->Publish("result").ok());
  EXPECT_EQ(Names(), std::set<std::string>{"result"});
  EXPECT_EQ(Read("result"), "text");
}

TEST_P(ArrivalTest, ReplacesWhatHasTheName) {
  Write("file", "old");
  ASSERT_EQ(::symlink("/etc/passwd", (path_ + "/link").c_str()), 0);
  for (const char* name : {"file", "link"}) {
    auto arrival = Make("new");
    ASSERT_TRUE(arrival.ok());
    ASSERT_TRUE(arrival->Publish(name).ok());
    EXPECT_FALSE(std::filesystem::is_symlink(path_ + "/" + name));
    EXPECT_EQ(Read(name), "new");
  }
  EXPECT_EQ(Names(), (std::set<std::string>{"file", "link"}));
}

TEST_P(ArrivalTest, WhatIsDroppedIsGone) {
  ASSERT_EQ(::mkdir((path_ + "/folder").c_str(), 0700), 0);
  {
    auto never = Make("x");
    auto refused = Make("y");
    ASSERT_TRUE(refused.ok());
    const Status published = refused->Publish("folder");
    ASSERT_FALSE(published.ok());
    EXPECT_EQ(published.error().error_number, EISDIR);
  }
  EXPECT_EQ(Names(), std::set<std::string>{"folder"});
}

// As one that is killed between its two steps leaves it.
TEST_P(ArrivalTest, TheNextOneRemovesWhatWasLeft) {
  for (const char* name : {".moat-0.part", ".moat-1.part", ".moat-3.part"}) Write(name, "left");
  RemoveLeftArrivals(folder_.get());
  EXPECT_EQ(Names(), std::set<std::string>());
  // Or takes its place.
  Write(".moat-0.part", "left");
  Write("result", "old");
  auto arrival = Make("new");
  ASSERT_TRUE(arrival.ok());
  ASSERT_TRUE(arrival->Publish("result").ok());
  EXPECT_EQ(Names(), std::set<std::string>{"result"});
}

TEST_P(ArrivalTest, WhatIsHeldOrPlantedStays) {
  auto other = Arrival::Open(folder_.get(), 0600, Way::kNamed);
  ASSERT_TRUE(other.ok());
  ASSERT_EQ(Names(), std::set<std::string>{".moat-0.part"});
  ASSERT_EQ(::mkfifo((path_ + "/.moat-1.part").c_str(), 0600), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (path_ + "/.moat-2.part").c_str()), 0);
  Write("mine", "x");
  ASSERT_EQ(::link((path_ + "/mine").c_str(), (path_ + "/.moat-3.part").c_str()), 0);
  const auto before = Names();
  RemoveLeftArrivals(folder_.get());
  EXPECT_EQ(Names(), before);
  auto arrival = Make("new");
  ASSERT_TRUE(arrival.ok());
  ASSERT_TRUE(arrival->Publish("mine").ok());
  EXPECT_EQ(Names(), before);
  EXPECT_EQ(Read("mine"), "new");
  ASSERT_TRUE(other->Publish("other").ok());
  EXPECT_EQ(Names().count(".moat-0.part"), 0U);
}

TEST_P(ArrivalTest, ManyAtOnceHaveNamesOfTheirOwn) {
  Write("result", "old");
  std::vector<Arrival> many;
  for (int i = 0; i < 70; ++i) {
    auto arrival = Make(std::to_string(i));
    ASSERT_TRUE(arrival.ok()) << arrival.error().ToString();
    many.push_back(std::move(*arrival));
  }
  for (auto& each : many) ASSERT_TRUE(each.Publish("result").ok());
  EXPECT_EQ(Read("result"), "69");
  EXPECT_EQ(Names(), std::set<std::string>{"result"});
}

TEST(ArrivalName, IsMoatsOwn) {
  for (const char* name : {".moat-0.part", ".moat-63.part", ".moat-18446744073709551615.part"}) EXPECT_TRUE(IsArrivalName(name)) << name;
  for (const char* name : {".moat-.part", ".moat-x.part", "moat-0.part", ".moat-0.par", ".moat-0.part2", ""}) EXPECT_FALSE(IsArrivalName(name)) << name;
}

}  // namespace
}  // namespace moat::run
