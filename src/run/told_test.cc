#include "run/told.h"

#include <gtest/gtest.h>

namespace moat::run {
namespace {

const std::string kRecord =
    "{\"moat\":\"violation\",\"mode\":\"trap\",\"pid\":7,\"tid\":7,\"number\":257,\"arch\":\"x86_64\",\"call\":\"openat\","
    "\"arguments\":\"pathname=\\\"/etc/\\\\x1b\\\"\",\"rule\":\"seal: not declared\",\"edit\":\"open it before\",\"backtrace\":[\"a+0x1\"]}\n";

TEST(Told, TheLastRecord) {
  std::string other = kRecord;
  other.replace(other.find("openat"), 6, "socket");
  const auto told = ToldBySeal("some words\n" + kRecord + "10%" + other);
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->call, "socket");
  EXPECT_EQ(told->arguments, "pathname=\"/etc/\\x1b\"");
  EXPECT_EQ(told->edit, "open it before");
  EXPECT_NE(told->rule.find("as the program told"), std::string::npos);
}

TEST(Told, NothingButWholePlainRecords) {
  EXPECT_FALSE(ToldBySeal("").has_value());
  EXPECT_FALSE(ToldBySeal("words\n").has_value());
  for (std::size_t size = 0; size < kRecord.size(); ++size) EXPECT_FALSE(ToldBySeal(kRecord.substr(0, size)).has_value()) << size;
  for (const char hostile : {'\x1b', '\0', '\x80', '\t'}) {
    std::string record = kRecord;
    record[record.find("openat")] = hostile;
    EXPECT_FALSE(ToldBySeal(record).has_value());
  }
  std::string endless = kRecord;
  endless.insert(endless.find("openat"), 1100, 'a');
  EXPECT_FALSE(ToldBySeal(endless).has_value());
  std::string report = kRecord;
  report.replace(report.find("trap"), 4, "report");  // of those nobody dies
  EXPECT_FALSE(ToldBySeal(report).has_value());
}

}  // namespace
}  // namespace moat::run
