#include "serve/config.h"

#include <gtest/gtest.h>

namespace moat::serve {
namespace {

using std::chrono::seconds;

constexpr const char* kWhole = R"(
moat = 1
[daemon]
running = 4
memory = "2G"
drain = "5s"
[door.local]
socket = "/run/moat/pool.sock"
mode = "0660"
users = ["www-data"]
clients = 10
[profile.thumbnail]
program = ["/usr/lib/render/thumbnail", "--fonts"]
environment = ["LANG=C"]
ready = 8
jobs_each = 500
wall = "2s"
memory = "128M"
cpu = "1s"
file_size = "16M"
running = 3
running_per_caller = 2
waiting = 50
waiting_per_caller = 5
wait = "10s"
idempotent = true
[profile.convert]
policy = "imagemagick"
command = ["convert", "{in}", "png:-"]
arguments = true
)";

TEST(Config, IsReadWhole) {
  auto config = ReadConfig(kWhole, "pool.toml");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->running, 4U);
  EXPECT_EQ(config->memory, 2ULL << 30);
  EXPECT_EQ(config->drain, seconds(5));
  EXPECT_EQ(config->socket, "/run/moat/pool.sock");
  EXPECT_EQ(config->socket_mode, 0660U);
  EXPECT_EQ(config->users, std::vector<std::string>{"www-data"});
  EXPECT_EQ(config->clients, 10U);
  const ProfileConfig& thumbnail = config->profiles.at("thumbnail");
  EXPECT_TRUE(thumbnail.is_program());
  EXPECT_EQ(thumbnail.program.size(), 2U);
  EXPECT_EQ(thumbnail.ready, 8U);
  EXPECT_EQ(thumbnail.jobs_each, 500U);
  EXPECT_EQ(thumbnail.wall, seconds(2));
  EXPECT_EQ(thumbnail.memory, 128ULL << 20);
  EXPECT_EQ(thumbnail.bounds.memory, 128ULL << 20);
  EXPECT_EQ(thumbnail.cpu_seconds, 1U);
  EXPECT_EQ(thumbnail.file_size, 16ULL << 20);
  EXPECT_EQ(thumbnail.bounds.running, 3U);
  EXPECT_EQ(thumbnail.bounds.running_per_caller, 2U);
  EXPECT_EQ(thumbnail.bounds.waiting, 50U);
  EXPECT_EQ(thumbnail.bounds.waiting_per_caller, 5U);
  EXPECT_EQ(thumbnail.bounds.wait, seconds(10));
  EXPECT_TRUE(thumbnail.idempotent);
  const ProfileConfig& convert = config->profiles.at("convert");
  EXPECT_FALSE(convert.is_program());
  EXPECT_TRUE(convert.takes_arguments);
  EXPECT_FALSE(convert.wall);
}

struct Wrong {
  const char* text;
  const char* says;
};

TEST(Config, WhatIsWrongIsTold) {
  const Wrong kWrong[] = {
      {"[profile.a]\nprogram=[\"/a\"]", "version of the format"},
      {"moat = 2\n[profile.a]\nprogram=[\"/a\"]", "`moat` must be"},
      {"moat = 1", "no profile"},
      {"moat = 1\n[demon]", "did you mean `daemon`"},
      {"moat = 1\n[daemon]\nruning = 1", "did you mean `running`"},
      {"moat = 1\n[daemon]\nrunning = 0", "from 1 to"},
      {"moat = 1\n[daemon]\nrunning = \"4\"", "must be a whole number"},
      {"moat = 1\n[daemon]\nmemory = 5", "must be a string"},
      {"moat = 1\n[daemon]\nmemory = \"5\"", "unit"},
      {"moat = 1\n[daemon]\nmemory = \"0B\"", "nothing at all"},
      {"moat = 1\n[daemon]\ndrain = \"0s\"", "above zero"},
      {"moat = 1\n[door.local]\nmode = \"0660\"", "absolute path"},
      {"moat = 1\n[door.local]\nsocket = \"pool.sock\"", "absolute path"},
      {"moat = 1\n[door.local]\nsocket = \"/s\"\nmode = \"660\"", "file mode"},
      {"moat = 1\n[door.http]", "unknown key"},
      {"moat = 1\ndoor = 1", "must be a section"},
      {"moat = 1\n[profile.A]\nprogram=[\"/a\"]", "no name of a profile"},
      {"moat = 1\n[profile.a]\nready = 1", "either `program` or `policy`"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\npolicy=\"x\"", "either `program` or `policy`"},
      {"moat = 1\n[profile.a]\nprogram=[\"a\"]", "absolute path"},
      {"moat = 1\n[profile.a]\nprogram=[]", "either `program`"},
      {"moat = 1\n[profile.a]\nprogram=[1]", "must be a string"},
      {"moat = 1\n[profile.a]\nprogram=\"/a\"", "list of strings"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\ncommand=[\"b\"]", "has a `command`"},
      {"moat = 1\n[profile.a]\npolicy=\"x\"", "has no `command`"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\ncpu=\"1500ms\"", "whole seconds"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\nwall=\"1000h\"", "a week"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\nwaiting=0", "from 1 to"},
      {"moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\"]\nwarm=\"inptu\"", "did you mean `input`"},
      {"moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\"]\nwarm=\"main\"", "\"no\" or \"input\""},
      {"moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\"]\nwarm=true", "must be a string"},
      {"moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\"]\ninputs=[\"b\"]", "is not warm"},
      {"moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\"]\nwarm=\"input\"\ninputs=[\"a/b\"]", "is no file name"},
      {"moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\"]\nwarm=\"input\"\ninputs=[\"b\", \"b\"]", "stands there twice"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\nwarm=\"input\"", "started ahead anyway"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\"]\nmemmory=\"1M\"", "did you mean `memory`"},
      {"moat = 1\n[daemon]\nmemory=\"1M\"\n[profile.a]\nprogram=[\"/a\"]\nmemory=\"2M\"", "more memory than the daemon"},
      {"moat = 1\n[profile.a]\nprogram=[\"/a\\u0000\"]", "NUL"},
  };
  for (const Wrong& wrong : kWrong) {
    auto config = ReadConfig(wrong.text, "pool.toml");
    ASSERT_FALSE(config.ok()) << wrong.text;
    EXPECT_NE(config.error().ToString().find(wrong.says), std::string::npos) << config.error().ToString();
    EXPECT_EQ(config.error().origin.file, "pool.toml") << wrong.text;
  }
}

TEST(Config, ProgramsMayTakeArguments) {
  auto config = ReadConfig("moat = 1\n[profile.a]\nprogram=[\"/a\"]\narguments=true", "a");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_TRUE(config->profiles.at("a").takes_arguments);
}

TEST(Config, ProgramsInJailsMayStartAheadOfTheirJobs) {
  const auto config = ReadConfig("moat = 1\n[profile.a]\npolicy=\"x\"\ncommand=[\"a\", \"{in}\"]\nwarm=\"input\"\ninputs=[\"b.png\"]", "pool.toml");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  ProfileConfig a = config->profiles.at("a"), b = a;
  EXPECT_EQ(a.warm, Warm::kInput);
  EXPECT_EQ(a.inputs, std::vector<std::string>{"b.png"});
  b.warm = Warm::kNo;
  EXPECT_FALSE(SameKeeper(a, b));
  b = a;
  b.inputs = {"c.png"};
  EXPECT_FALSE(SameKeeper(a, b));
}

TEST(Config, BoundsChangeWithoutANewKeeper) {
  auto before = ReadConfig(kWhole, "a"), after = ReadConfig(kWhole, "b");
  ASSERT_TRUE(before.ok() && after.ok());
  ProfileConfig& changed = after->profiles.at("thumbnail");
  EXPECT_TRUE(SameKeeper(before->profiles.at("thumbnail"), changed));
  changed.bounds.waiting = 7;
  changed.bounds.wait = seconds(1);
  EXPECT_TRUE(SameKeeper(before->profiles.at("thumbnail"), changed));
  changed.wall = seconds(9);
  EXPECT_FALSE(SameKeeper(before->profiles.at("thumbnail"), changed));
}

}  // namespace
}  // namespace moat::serve
