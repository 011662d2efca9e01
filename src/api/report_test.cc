// A Report there and back: as JSON, and as the helper sends it.
#include "moat/report.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "api/report_wire.h"

namespace moat {
namespace {

Report Everything() {
  Report report;
  report.cause = Cause::kOutput;
  report.detail = "a limit\nof \xff";
  report.exit_code = -3;
  report.signal = 9;
  report.core = true;
  report.wall = ~0ULL, report.cpu_user = 2, report.cpu_system = 3;
  report.memory_peak = 4, report.memory_anonymous = 5, report.memory_file = 6, report.memory_shared = 7;
  report.pids_peak = 8, report.read = 9, report.written = 10;
  report.voluntary_switches = 11, report.involuntary_switches = 12;
  report.out = {13, 14, true};
  report.err = {15, 16, false};
  report.outputs = {{"a\nb", 17, "file", std::string(64, 'a'), true, {"renamed", "cut \x80"}}, {"d", 0, "directory", "", false, {}}};
  report.inputs = {{"i\n", 20}, {"", 0}};
  report.side = "enforced";
  report.warm = "input";
  report.refused = {{"", "and 5 more"}, {"\xc3", "FIFO"}};
  report.denial_count = 18;
  report.denials = {{"ioctl", "fd=1", "rule 3", "allow it", 19, "kill", "/d", "/bin/e", "f", "/g", {"h+0x1"}}};
  report.results_lost = "pwrite64: ENOSPC";
  report.unknown = {{"pids_peak", "no group"}, {"", ""}};
  report.limits_hit = {"output"};
  report.hints = {"raise `output`", ""};
  report.enforced = {{"seccomp", "230 calls"}, {"landlock", ""}};
  report.degraded = {{"cpu", "no controller"}};
  report.setup = SetupFailure{"mount", "move_mount", 2, "/x", {"p.toml", 3, 4}, "no /x"};
  report.policy_name = "p", report.policy_hash = "h", report.host = "Linux", report.version = "0.1";
  return report;
}

TEST(ReportJson, ComesBackWhole) {
  for (const Report& report : {Everything(), Report{}}) {
    auto back = Report::FromJson(report.ToJson());
    ASSERT_TRUE(back.ok()) << back.error().ToString();
    EXPECT_EQ(back->ToJson(), report.ToJson());
    EXPECT_EQ(back->detail, report.detail);
    EXPECT_EQ(back->pids_peak, report.pids_peak);
    EXPECT_EQ(back->setup.has_value(), report.setup.has_value());
  }
}

RC_GTEST_PROP(ReportJson, CarriesAnyBytes, (const std::string& bytes)) {
  Report report;
  report.detail = bytes;
  report.outputs.push_back({bytes, 1, "file", "", false, {bytes}});
  auto back = Report::FromJson(report.ToJson());
  RC_ASSERT(back.ok());
  RC_ASSERT(back->detail == bytes);
  RC_ASSERT(back->outputs[0].name == bytes);
  RC_ASSERT(back->outputs[0].changes[0] == bytes);
}

TEST(ReportJson, OtherVersionsAreReadable) {
  auto report = Report::FromJson(R"({"report": 1, "cause": "exit", "exit_code": 4, "new": [{}], "wall": null})");
  ASSERT_TRUE(report.ok()) << report.error().ToString();
  EXPECT_EQ(report->exit_code, 4);
  EXPECT_EQ(report->cause, Cause::kExit);
}

TEST(ReportJson, ErrorsSayWhere) {
  const struct {
    const char* text;
    const char* part;
  } cases[] = {
      {"{", "not JSON"},
      {"[]", "not an object"},
      {R"({"cause": "exit"})", "`report`"},
      {R"({"report": 2, "cause": "exit"})", "`report`"},
      {R"({"report": 1, "cause": "tired"})", "`cause`"},
      {R"({"report": 1, "cause": "exit", "exit_code": "0"})", "`exit_code`"},
      {R"({"report": 1, "cause": "exit", "exit_code": 2147483648})", "`exit_code`"},
      {R"({"report": 1, "cause": "exit", "wall": -1})", "`wall`"},
      {R"({"report": 1, "cause": "exit", "cpu": {"user": 1.5}})", "`cpu.user`"},
      {R"({"report": 1, "cause": "exit", "outputs": [{}, {"size": []}]})", "`outputs[1].size`"},
      {R"({"report": 1, "cause": "exit", "hints": [7]})", "`hints[0]`"},
      {R"({"report": 1, "cause": "exit", "detail": {"base64": "?"}})", "`detail`"},
      {R"({"report": 1, "cause": "exit", "setup": {"origin": {"line": 4294967296}}})", "`setup.origin.line`"},
  };
  for (const auto& row : cases) {
    auto report = Report::FromJson(row.text);
    ASSERT_FALSE(report.ok()) << row.text;
    EXPECT_EQ(report.error().kind, ErrorKind::kPolicy);
    EXPECT_NE(report.error().message.find(row.part), std::string::npos) << report.error().message;
  }
}

TEST(ReportWire, ComesBackWhole) {
  for (const Report& report : {Everything(), Report{}}) {
    const auto back = api::UnpackReport(api::PackReport(report));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->ToJson(), report.ToJson());
  }
}

TEST(ReportWire, PartsAreRefused) {
  const std::string whole = api::PackReport(Everything());
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(api::UnpackReport(whole.substr(0, size)));
  EXPECT_FALSE(api::UnpackReport(whole + "x"));
}

RC_GTEST_PROP(ReportWire, DamageIsSurvived, ()) {
  std::string bytes = api::PackReport(Everything());
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = *rc::gen::arbitrary<char>();
  const auto report = api::UnpackReport(bytes);
  if (report) RC_ASSERT(!report->ToJson().empty());  // an RC_ASSERT with || would evaluate both sides
}

}  // namespace
}  // namespace moat
