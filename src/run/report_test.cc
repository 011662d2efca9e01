#include "moat/report.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <set>
#include <string>

#include "run/cause.h"
#include "run/report_words.h"

namespace moat {
namespace {

using nlohmann::json;

TEST(Cause, NamesGoBothWays) {
  std::set<std::string_view> names;
  for (const auto& facts : run::Causes()) {
    EXPECT_TRUE(names.insert(facts.name).second);
    EXPECT_EQ(CauseName(facts.cause), facts.name);
    EXPECT_EQ(CauseFromName(facts.name), facts.cause);
    EXPECT_EQ(run::FactsOf(facts.cause).text, facts.text);
  }
  EXPECT_EQ(CauseName(Cause::kWorkerLost), "worker-lost");
  EXPECT_EQ(CauseFromName("Exit"), std::nullopt);
  EXPECT_EQ(CauseFromName(""), std::nullopt);
}

TEST(Words, RoundForPeople) {
  EXPECT_EQ(run::SizeInWords(0), "0 B");
  EXPECT_EQ(run::SizeInWords(1023), "1023 B");
  EXPECT_EQ(run::SizeInWords(1536), "1.5 KiB");
  EXPECT_EQ(run::SizeInWords(18ULL << 20), "18 MiB");
  EXPECT_EQ(run::SizeInWords(~0ULL), "16777216 TiB");
  EXPECT_EQ(run::DurationInWords(41'400'000), "41 ms");
  EXPECT_EQ(run::DurationInWords(2'000'000'000), "2.0 s");
  EXPECT_EQ(run::DurationInWords(999), "999 ns");
  EXPECT_EQ(run::DurationInWords(125'000'000'000), "2 min 5 s");
  EXPECT_EQ(run::CountInWords(1, "output"), "1 output");
  EXPECT_EQ(run::CountInWords(0, "output"), "0 outputs");
  EXPECT_EQ(run::SignalInWords(SIGKILL), "SIGKILL");
  EXPECT_EQ(run::SignalInWords(64), "signal 64");
}

TEST(Report, ExitStatus) {
  Report report;
  EXPECT_EQ(report.ExitStatus(), 125);
  report.exit_code = 0;  // setup stays 125, whatever else is known
  EXPECT_EQ(report.ExitStatus(), 125);
  report.cause = Cause::kExit, report.exit_code = 7;
  EXPECT_EQ(report.ExitStatus(), 7);
  report.cause = Cause::kMemory, report.exit_code = 0;  // a child ran out of memory
  EXPECT_EQ(report.ExitStatus(), 0);
  report.cause = Cause::kWall, report.exit_code.reset(), report.signal = SIGKILL;
  EXPECT_EQ(report.ExitStatus(), 137);
  report.signal.reset();
  EXPECT_EQ(report.ExitStatus(), 125);
}

// 0 says that everything is there.
TEST(Report, ExitStatusOfAnIncompleteResult) {
  Report report;
  report.cause = Cause::kOutput, report.exit_code = 0;
  EXPECT_EQ(report.ExitStatus(), 125);
  report.exit_code = 3;
  EXPECT_EQ(report.ExitStatus(), 3);
  for (const Cause cause : {Cause::kCancelled, Cause::kWall, Cause::kCpu}) {
    report.cause = cause, report.exit_code = 0;
    EXPECT_EQ(report.ExitStatus(), 125);
  }
  report.cause = Cause::kExit;
  EXPECT_EQ(report.ExitStatus(), 0);
  report.results_lost = "pwrite64: ENOSPC";
  EXPECT_EQ(report.ExitStatus(), 125);
}

TEST(Report, UnknownFiguresAreNullAndNotZero) {
  Report report;
  report.unknown = {{"pids_peak", "no group"}};
  const json read = json::parse(report.ToJson());
  for (const char* key : {"pids_peak", "read", "written"}) EXPECT_TRUE(read[key].is_null()) << key;
  for (const char* key : {"anonymous", "file", "shared"}) EXPECT_TRUE(read["memory_peak"][key].is_null()) << key;
  EXPECT_EQ(read["unknown"], json::parse(R"([{"name": "pids_peak", "detail": "no group"}])"));
  report.pids_peak = 0;
  EXPECT_EQ(json::parse(report.ToJson())["pids_peak"], 0);
}

TEST(Report, SummaryOfAGoodJob) {
  Report report;
  report.cause = Cause::kExit, report.exit_code = 0;
  report.wall = 41'000'000, report.memory_peak = 18 << 20;
  report.outputs.resize(2);
  report.outputs[0].type = "directory", report.outputs[1].type = "file";
  report.enforced = {{"user", ""}, {"mount", ""}, {"landlock", "ABI 7"}};
  EXPECT_EQ(report.Summary(), "exited 0 in 41 ms, peak 18 MiB; 1 output file; enforced: user, mount, landlock");
}

TEST(Report, SummaryOfTheOthers) {
  Report report;
  report.cause = Cause::kWall, report.detail = "wall limit of 2s reached", report.signal = SIGKILL;
  report.wall = 2'003'000'000;
  report.out = {9 << 20, 1 << 20, true};
  report.denial_count = 3;
  report.degraded = {{"cpu", "no controller"}};
  EXPECT_EQ(report.Summary(),
            "wall: wall limit of 2s reached (ended by SIGKILL), after 2.0 s; 3 calls denied; "
            "stdout cut at 1.0 MiB of 9.0 MiB; degraded: cpu (no controller)");
  Report setup;
  setup.setup = SetupFailure{"exec", "execve", 2, "/bin/x", {}, "no such program: /bin/x\n"};
  EXPECT_EQ(setup.Summary(), "setup: no such program: /bin/x\\x0a");
  Report crash;
  crash.cause = Cause::kSignal, crash.signal = SIGSEGV, crash.core = true, crash.wall = 5'000'000;
  EXPECT_EQ(crash.Summary(), "ended by SIGSEGV, core dumped in 5.0 ms");
  Report lost;
  lost.cause = Cause::kWorkerLost;
  EXPECT_EQ(lost.Summary(), "worker-lost: was lost with its supervisor, after 0 ns");
}

TEST(Report, JsonHasEveryFieldAlways) {
  const json read = json::parse(Report().ToJson());
  std::set<std::string> keys;
  for (const auto& [key, value] : read.items()) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{
                      "report", "cause", "detail", "exit_code", "signal", "signal_name", "core", "wall", "cpu",
                      "memory_peak", "pids_peak", "read", "written", "context_switches", "stdout", "stderr",
                      "inputs", "outputs", "refused", "results_lost", "side", "warm", "denials", "limits_hit", "unknown", "hints", "enforced", "degraded", "setup",
                      "policy", "host", "moat"}));
  EXPECT_TRUE(read["exit_code"].is_null() && read["signal"].is_null() && read["setup"].is_null());
  EXPECT_EQ(Report().ToJson().back(), '\n');
}

Report FullReport() {
  Report report;
  report.cause = Cause::kMemory, report.detail = "memory limit of 512M reached";
  report.exit_code = 1, report.signal = SIGKILL, report.core = true;
  report.wall = 1, report.cpu_user = 2, report.cpu_system = 3;
  report.memory_peak = 4, report.memory_anonymous = 5, report.memory_file = 6, report.memory_shared = 7;
  report.pids_peak = 8, report.read = 9, report.written = 10;
  report.voluntary_switches = 11, report.involuntary_switches = 12;
  report.out = {13, 14, true}, report.err = {15, 16, false};
  report.inputs = {{"in.png", 12, true}}, report.side = "reported", report.warm = "input";
  report.outputs = {{"a", 17, "file", "abcd", true, {"set-user-id bit removed"}}};
  report.refused = {{"b\xff", "FIFO"}};
  report.results_lost = "no space";
  report.unknown = {{"read", "why"}};
  report.denial_count = 18;
  report.denials = {{"ioctl", "cmd=TCGETS", "thumb.toml:3", "allow = [\"ioctl\"]", 19, "kill", "/d", "/bin/e", "f", "/g", {"h+0x1"}}};
  report.limits_hit = {"memory"}, report.hints = {"try more"};
  report.enforced = {{"user", ""}}, report.degraded = {{"cpu", "none"}};
  report.setup = SetupFailure{"mount", "move_mount", 2, "/x", {"thumb.toml", 12, 3}, "no such folder"};
  report.policy_name = "thumb", report.policy_hash = "beef", report.host = "Linux", report.version = "0.1.0";
  return report;
}

// Compared as a whole: a field that moves or changes its unit is a change for every reader.
TEST(Report, JsonOfEveryField) {
  const json expected = json::parse(R"({
    "report": 1, "cause": "memory", "detail": "memory limit of 512M reached",
    "exit_code": 1, "signal": 9, "signal_name": "SIGKILL", "core": true,
    "wall": 1, "cpu": {"user": 2, "system": 3},
    "memory_peak": {"total": 4, "anonymous": 5, "file": 6, "shared": 7},
    "pids_peak": 8, "read": 9, "written": 10,
    "context_switches": {"voluntary": 11, "involuntary": 12},
    "stdout": {"bytes": 13, "kept": 14, "truncated": true},
    "stderr": {"bytes": 15, "kept": 16, "truncated": false},
    "inputs": [{"name": "in.png", "size": 12, "path_hidden": true}], "side": "reported", "warm": "input",
    "outputs": [{"name": "a", "type": "file", "size": 17, "sha256": "abcd", "truncated": true,
                 "changes": ["set-user-id bit removed"]}],
    "refused": [{"name": {"base64": "Yv8=", "printable": "b\\xff"}, "why": "FIFO"}],
    "results_lost": "no space", "unknown": [{"name": "read", "detail": "why"}],
    "denials": {"count": 18, "kinds": [{"call": "ioctl", "arguments": "cmd=TCGETS", "rule": "thumb.toml:3",
                                        "edit": "allow = [\"ioctl\"]", "count": 19, "action": "kill", "path": "/d",
                                        "executable": "/bin/e", "thread": "f", "folder": "/g", "stack": ["h+0x1"]}]},
    "limits_hit": ["memory"], "hints": ["try more"],
    "enforced": [{"name": "user", "detail": null}], "degraded": [{"name": "cpu", "detail": "none"}],
    "setup": {"stage": "mount", "call": "move_mount", "errno": 2, "error": "ENOENT", "subject": "/x",
              "origin": {"file": "thumb.toml", "line": 12, "column": 3}, "message": "no such folder"},
    "policy": {"name": "thumb", "hash": "beef"}, "host": "Linux", "moat": "0.1.0"
  })");
  EXPECT_EQ(json::parse(FullReport().ToJson()), expected);
}

// A guest that writes a line of JSON into a name does not get a line of its own (log forging).
TEST(Report, GuestTextCannotForgeALine) {
  Report report;
  report.refused = {{"x\"}\n{\"cause\": \"exit\"}\n##vso[task.complete]\n::set-env name=a::b", "FIFO"}};
  const std::string text = report.ToJson();
  EXPECT_EQ(text.find("\n{\""), std::string::npos);
  EXPECT_EQ(text.find("\n::"), std::string::npos);
  EXPECT_EQ(text.find("##"), std::string::npos);
  EXPECT_EQ(json::parse(text)["refused"][0]["name"], report.refused[0].name);
}

}  // namespace
}  // namespace moat
