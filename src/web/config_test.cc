// What the configuration says, and what it refuses with line, column and a fix.
#include "web/config.h"

#include <gtest/gtest.h>

namespace moat::web {
namespace {

constexpr const char* kGood = R"(moat = 1
[server]
listen = "unix:/run/moat.sock"
spool = "/var/spool/moat"
spool_size = "1G"
keep = "10m"
[profile.thumb]
policy = "imagemagick"
command = ["convert", "{in}", "-resize", "{size}x{size}", "-quality", "{quality}", "{out}/t.{format}"]
upload = "8M"
repeat = "when-lost"
limits = { wall = "5s", pids = 8 }
[profile.thumb.parameters]
format = ["png", "jpg"]
size = { least = 16, usual = 256, most = 4096 }
quality = { least = -1, usual = 80, most = 100 }
[[caller]]
name = "web"
token_sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
jobs = 8
[webhook.ci]
url = "https://ci.example:8443/hooks/moat?x=1"
secret_file = "/etc/moat/ci.secret"
)";

std::string ErrorOf(const std::string& text) {
  auto config = ParseConfig(text, "moat.toml");
  return config.ok() ? "accepted" : config.error().ToString();
}

std::string WithProfile(const std::string& rest) {
  return "moat = 1\n[profile.p]\ncommand = [\"true\"]\n" + rest;
}

TEST(Config, IsRead) {
  auto config = ParseConfig(kGood, "moat.toml");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->listen.unix_path, "/run/moat.sock");
  EXPECT_EQ(config->spool_size, 1ULL << 30);
  EXPECT_EQ(config->keep_ns, 600'000'000'000);
  const ProfileConfig* thumb = config->FindProfile("thumb");
  ASSERT_NE(thumb, nullptr);
  EXPECT_EQ(thumb->policy, "imagemagick");
  EXPECT_EQ(thumb->repeat, ProfileConfig::Repeat::kWhenLost);
  EXPECT_EQ(thumb->limits.size(), 2u);
  ASSERT_EQ(config->callers.size(), 1u);
  EXPECT_EQ(config->callers[0].jobs, 8u);
  const WebhookConfig* hook = config->FindWebhook("ci");
  ASSERT_NE(hook, nullptr);
  EXPECT_EQ(hook->host, "ci.example");
  EXPECT_EQ(hook->port, 8443);
  EXPECT_EQ(hook->path, "/hooks/moat?x=1");
}

TEST(Config, RefusesWithPlaceAndFix) {
  EXPECT_EQ(ErrorOf(WithProfile("uplaod = \"1M\"\n")),
            "moat.toml:4:1: unknown key `uplaod` in [profile.p]; did you mean `upload`?");
  EXPECT_NE(ErrorOf(WithProfile("upload = 64\n")).find("moat.toml:4:10: `upload` must be a string with a unit"),
            std::string::npos);
  EXPECT_NE(ErrorOf(WithProfile("[sever]\n")).find("did you mean `server`"), std::string::npos);
  EXPECT_NE(ErrorOf("[profile.p]\ncommand = [\"true\"]\n").find("`moat = 1` is missing"), std::string::npos);
  EXPECT_NE(ErrorOf("moat = 1\n").find("there is no [profile.NAME]"), std::string::npos);
  EXPECT_NE(ErrorOf("moat = 1\n[profile.p]\npolicy = \"default\"\n").find("has no command"), std::string::npos);
  EXPECT_NE(ErrorOf("moat = 1\n[profile.\"a/b\"]\ncommand = [\"true\"]\n").find("is not a name"), std::string::npos);
  EXPECT_NE(ErrorOf(WithProfile("repeat = \"when-last\"\n")).find("did you mean `when-lost`"), std::string::npos);
  EXPECT_NE(ErrorOf(WithProfile("parameters = { size = [\"1\"] }\n")).find("is not in its command"), std::string::npos);
  EXPECT_NE(ErrorOf("moat = 1\n[profile.p]\ncommand = [\"{in1}\"]\nparameters = { in1 = [\"1\"] }\n").find("folders"),
            std::string::npos);
  EXPECT_NE(ErrorOf(WithProfile("[webhook.w]\nurl = \"file:///etc/passwd\"\nsecret_file = \"/s\"\n")).find("is not an address"),
            std::string::npos);
  EXPECT_NE(ErrorOf(WithProfile("[webhook.w]\nurl = \"https://user@host/\"\nsecret_file = \"/s\"\n")).find("is not an address"),
            std::string::npos);
  EXPECT_NE(ErrorOf(WithProfile("[[caller]]\nname = \"a\"\ntoken_sha256 = \"short\"\n")).find("64 digits"), std::string::npos);
}

TEST(Config, OpenDoorsNeedTokens) {
  const std::string open = "[server]\nlisten = \"0.0.0.0:80\"\n";
  EXPECT_NE(ErrorOf(WithProfile(open)).find("would let everybody in"), std::string::npos);
  EXPECT_EQ(ErrorOf(WithProfile(open + "[[caller]]\nname = \"a\"\ntoken_sha256 = \"" + std::string(64, '0') + "\"\n")),
            "accepted");
  EXPECT_EQ(ErrorOf(WithProfile("[server]\nlisten = \"127.8.0.1:80\"\n")), "accepted");
  EXPECT_NE(ErrorOf(WithProfile("[server]\nlisten = \"[::]:80\"\n")).find("would let everybody in"), std::string::npos);
}

TEST(Config, PlacesToListen) {
  EXPECT_TRUE(ParseListen("127.0.0.1:1")->loopback);
  EXPECT_TRUE(ParseListen("[::1]:1")->loopback);
  EXPECT_FALSE(ParseListen("10.0.0.1:1")->loopback);
  for (const char* bad : {"", "x", "localhost:1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "unix:", "unix:rel",
                          "127.0.0.1:80x", "1.2.3.4.5:80"}) {
    EXPECT_FALSE(ParseListen(bad).ok()) << bad;
  }
}

TEST(Config, CallersChooseAmongWhatIsListed) {
  auto config = ParseConfig(kGood, "moat.toml");
  ASSERT_TRUE(config.ok());
  const ProfileConfig& thumb = *config->FindProfile("thumb");
  const auto words = [&](const std::map<std::string, std::string>& given) {
    auto expanded = Expand(thumb, given);
    if (!expanded.ok()) return std::string("refused");
    std::string text;
    for (const std::string& word : *expanded) text += word + " ";
    return text;
  };
  EXPECT_EQ(words({}), "convert {in} -resize 256x256 -quality 80 {out}/t.png ");
  EXPECT_EQ(words({{"size", "16"}, {"format", "jpg"}, {"quality", "-1"}}), "convert {in} -resize 16x16 -quality -1 {out}/t.jpg ");
  EXPECT_EQ(words({{"size", "0016"}}), "convert {in} -resize 16x16 -quality 80 {out}/t.png ");
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"format", "gif"}, {"size", "15"}, {"quality", "-2"}, {"colour", "red"}, {"other", ""}}) {
    EXPECT_EQ(words({{name, value}}), "refused") << name;
  }
  for (const char* odd : {"", "4097", "1e3", "0x10", "99999999999999999999", "-", "16;rm", " 16"}) {
    EXPECT_EQ(words({{"size", odd}}), "refused") << odd;
  }
}

TEST(Config, CallersByCertificate) {
  const std::string head = "moat = 1\n[server]\ntls_certificate = \"c\"\ntls_key = \"k\"\n";
  const std::string tail = "[profile.x]\ncommand = [\"true\"]\n[[caller]]\nname = \"a\"\nsubject = \"CN=a\"\n";
  auto config = ParseConfig(head + "tls_clients = \"ca\"\n" + tail, "moat.toml");
  ASSERT_TRUE(config.ok()) << config.error().ToString();
  EXPECT_EQ(config->tls.clients, "ca");
  EXPECT_EQ(config->callers[0].subject, "CN=a");
  const auto error = [](const std::string& text) {
    auto parsed = ParseConfig(text, "moat.toml");
    return parsed.ok() ? "accepted" : parsed.error().ToString();
  };
  EXPECT_NE(error(head + tail).find("nobody proves"), std::string::npos);
  EXPECT_NE(error("moat = 1\n[server]\ntls_key = \"k\"\n" + tail).find("need each other"), std::string::npos);
  EXPECT_NE(error("moat = 1\n[server]\ntls_clients = \"k\"\n" + tail).find("needs `tls_certificate`"), std::string::npos);
  EXPECT_NE(error(head + "[profile.x]\ncommand = [\"true\"]\n[[caller]]\nname = \"a\"\n").find("neither"), std::string::npos);
}

TEST(Config, WhatNeedsAnotherDaemonIsTold) {
  const std::string text = "moat = 1\n[server]\nspool = \"/a\"\n[profile.x]\ncommand = [\"true\"]\n";
  auto now = ParseConfig(text, "moat.toml"), same = ParseConfig(text + "[profile.y]\ncommand = [\"true\"]\n", "moat.toml");
  auto other = ParseConfig("moat = 1\n[server]\nspool = \"/b\"\n[profile.x]\ncommand = [\"true\"]\n", "moat.toml");
  ASSERT_TRUE(now.ok() && same.ok() && other.ok());
  EXPECT_TRUE(CheckReload(*now, *same).ok());
  ASSERT_FALSE(CheckReload(*now, *other).ok());
  EXPECT_NE(CheckReload(*now, *other).error().message.find("`spool`"), std::string::npos);
}

}  // namespace
}  // namespace moat::web
