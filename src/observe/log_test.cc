#include "observe/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace moat::observe {
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

// Its reader has stopped reading: nothing waits for it, and when it reads again, lines are whole.
TEST(Log, ADeafReaderHoldsUpNobody) {
  int ends[2];
  for (const bool is_socket : {false, true}) {
    ASSERT_EQ(is_socket ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) : pipe2(ends, O_CLOEXEC), 0);
    Log log(ends[1]);
    const std::string text(900, 'x');
    while (log.lost() < 100) log.Write(Level::kInfo, "job", {{"a", text}, {"b", text}, {"c", text}, {"d", text}, {"e", text}, {"f", text}});
    ASSERT_EQ(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    std::string read_back;
    const auto drain = [&] {
      char buffer[65536];
      for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) read_back.append(buffer, static_cast<std::size_t>(n));
    };
    drain();
    log.Write(Level::kInfo, "last", {});
    EXPECT_EQ(log.lost(), 100u);
    drain();
    const std::size_t start = read_back.rfind('\n', read_back.size() - 2) + 1;
    const auto last = nlohmann::json::parse(read_back.substr(start), nullptr, false);
    ASSERT_TRUE(last.is_object()) << read_back.substr(start);
    EXPECT_EQ(last["event"], "last");
    close(ends[0]);
    close(ends[1]);
  }
}

}  // namespace
}  // namespace moat::observe
