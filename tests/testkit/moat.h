// moat as its users run it: the built program, its flags, its streams and its report.
//
//   auto job = testkit::Moat().Profile("imagemagick").Input(photo).Output(folder)
//                  .Run({"convert", "{in}", "{out}/a.png"});
//   EXPECT_EQ(job.Cause(), "exit") << job;
#pragma once

#include <nlohmann/json.hpp>

#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "testkit/process.h"
#include "testkit/temp_dir.h"

namespace moat::testkit {

// Who calls moat.
enum class Caller { kRoot, kUser };
inline constexpr const char* NameOf(Caller caller) { return caller == Caller::kRoot ? "root" : "user"; }

struct Job : Finished {
  nlohmann::json report;  // null when none was written
  std::string Cause() const;
  // What the report says about one file, or null.
  nlohmann::json OutputNamed(const std::string& name) const;
  std::string RefusalOf(const std::string& name) const;  // "" when it was not refused
  bool Hit(const std::string& limit) const;              // in `limits_hit`
  std::vector<std::string> Layers(const char* key) const;
};
std::ostream& operator<<(std::ostream& out, const Job& job);

// A moat that has been started and not yet waited for.
class RunningJob : public Process {
 public:
  RunningJob(const Command& command, sys::Fd report) : Process(command), report_(std::move(report)) {}
  Job Finish();

 private:
  sys::Fd report_;
};

class Moat {
 public:
  explicit Moat(Caller caller = Caller::kRoot);

  Moat& Profile(const std::string& name_or_file);
  Moat& Flag(const std::string& name, const std::string& value);
  Moat& Flag(const std::string& name);
  Moat& Input(const std::string& path) { return Flag("-i", path); }
  Moat& Output(const std::string& folder) { return Flag("-o", folder); }
  Moat& Stdin(std::string text);
  Moat& KeepInputOpen();
  Moat& Env(const std::string& name, const std::string& value);  // of moat, not of the job
  Moat& NoEnvironment();
  Moat& Cwd(const std::string& folder);
  Moat& Descriptor(int number, int ours);
  Moat& InChild(std::function<void()> function);  // between fork and exec of moat
  Moat& Groups(std::vector<gid_t> groups);        // supplementary ones of the caller
  Moat& WithoutReport();  // no --report fd:N of the kit's own

  Job Run(const std::vector<std::string>& command) const;
  RunningJob Start(const std::vector<std::string>& command) const;
  Command ToCommand(const std::vector<std::string>& command) const;  // without a report

 private:
  Command command_;
  std::vector<std::string> flags_;
  bool wants_report_ = true;
};

// What a program does before the clock of its job ends it takes as long as the machine is busy: `run` is
// called with ever longer clocks, until the job says that it was in time.
template <typename Run, typename InTime>
Job WithAClock(Run run, InTime in_time) {
  Job job = run("300ms");
  for (const char* const clock : {"2s", "10s", "60s"}) {
    if (in_time(job)) break;
    job = run(clock);
  }
  return job;
}

// The programs under test, and where they are.
std::string BuildFolder();
std::string SourceFolder();
std::string MoatPath();
std::string GuestPath(const std::string& name);  // a program of tests/guests

// Another user of this machine that nobody is: a uid, and a home that is gone in the end.
uid_t UserId();
std::string UserHome();

// Why a test cannot run as this caller; "" when it can. For GTEST_SKIP.
std::string ReasonAgainst(Caller caller);

}  // namespace moat::testkit
