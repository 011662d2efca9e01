#include "web/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace moat::web {
namespace {

constexpr std::uint64_t kWhen = 1'700'000'000'123'456'789;

TEST(Log, IsOneLineOfJson) {
  EXPECT_EQ(LogLine(kWhen, Level::kWarning, "job", {{"id", "ab"}, {"wall_ns", std::uint64_t{18446744073709551615U}}}),
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warning\",\"event\":\"job\",\"id\":\"ab\","
            "\"wall_ns\":18446744073709551615}\n");
}

// Whatever a client or a guest writes: one line, printable ASCII, and the fields that we wrote.
TEST(Log, NobodyForgesALine) {
  const std::string texts[] = {"a\n{\"level\":\"error\"}", "\",\"level\":\"error", "\x1b[2J\x07", "\xff\xfe", "\xe2\x80\xae evil",
                               "back\\slash", std::string("nul\0nul", 7), std::string(100'000, 'x'), "\xc2\x85next"};
  for (const std::string& text : texts) {
    const std::string line = LogLine(kWhen, Level::kInfo, "job", {{"name", text}, {"after", std::uint64_t{1}}});
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_LT(line.size(), 12'000u);
    for (const char c : line.substr(0, line.size() - 1)) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << static_cast<int>(c);
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(parsed.is_object()) << line;
    EXPECT_EQ(parsed.size(), 5u);
    EXPECT_EQ(parsed["level"], "info");
    EXPECT_EQ(parsed["after"], 1);
  }
}

TEST(Log, LosesLinesRatherThanWaits) {
  Log log(99999);  // no such descriptor
  log.Write(Level::kInfo, "x", {});
  EXPECT_EQ(log.lost(), 1u);
}

}  // namespace
}  // namespace moat::web
