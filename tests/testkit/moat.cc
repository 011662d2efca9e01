#include "testkit/moat.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ostream>
#include <utility>

namespace moat::testkit {
namespace {

constexpr int kReportFd = 500;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string ReadAll(int fd) {
  std::string text;
  char block[65536];
  for (off_t at = 0;;) {
    const ssize_t count = ::pread(fd, block, sizeof(block), at);
    if (count <= 0) return text;
    text.append(block, static_cast<std::size_t>(count));
    at += count;
  }
}

void SetVariable(std::vector<std::string>& environment, const std::string& name, const std::string& value) {
  const std::string head = name + "=";
  std::erase_if(environment, [&](const std::string& variable) { return variable.compare(0, head.size(), head) == 0; });
  environment.push_back(head + value);
}

// Names in a report are text, or an object when they are none.
std::string TextOf(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_object() ? value.value("printable", "") : "";
}

}  // namespace

std::string Job::Cause() const { return report.is_object() ? report.value("cause", "") : "no report"; }

nlohmann::json Job::OutputNamed(const std::string& name) const {
  if (!report.is_object()) return nullptr;
  for (const auto& output : report["outputs"]) {
    if (TextOf(output["name"]) == name) return output;
  }
  return nullptr;
}

std::string Job::RefusalOf(const std::string& name) const {
  if (!report.is_object()) return "";
  for (const auto& refused : report["refused"]) {
    if (TextOf(refused["name"]) == name) return refused.value("why", "");
  }
  return "";
}

bool Job::Hit(const std::string& limit) const {
  if (!report.is_object()) return false;
  const auto& hit = report["limits_hit"];
  return std::find(hit.begin(), hit.end(), limit) != hit.end();
}

std::vector<std::string> Job::Layers(const char* key) const {
  std::vector<std::string> names;
  if (!report.is_object()) return names;
  for (const auto& layer : report[key]) names.push_back(layer.value("name", ""));
  return names;
}

std::ostream& operator<<(std::ostream& out, const Job& job) {
  return out << "exit code " << job.exit_code() << ", signal " << job.signal() << "\nstdout: " << job.out.substr(0, 4000)
             << "\nstderr: " << job.err.substr(0, 4000) << "\nreport: " << job.report.dump(1);
}

Job RunningJob::Finish() {
  Job job;
  static_cast<Finished&>(job) = Process::Finish();
  if (!report_.valid()) return job;
  const std::string text = ReadAll(report_.get());
  if (!text.empty()) job.report = nlohmann::json::parse(text, nullptr, false);
  EXPECT_FALSE(job.report.is_discarded()) << "not JSON: " << text;
  return job;
}

Moat::Moat(Caller caller) {
  command_.environment = OwnEnvironment();
  // A sanitizer's settings are for the test, and a CI's variables for nobody.
  std::erase_if(command_.environment, [](const std::string& variable) { return variable.rfind("GTEST_", 0) == 0; });
  if (caller == Caller::kUser && ::geteuid() == 0) {
    command_.as = UserId();
    command_.cwd = UserHome();
    Env("HOME", UserHome()).Env("XDG_CACHE_HOME", UserHome() + "/cache").Env("USER", "somebody");
  }
}

Moat& Moat::Profile(const std::string& name_or_file) { return Flag("-p", name_or_file); }

Moat& Moat::Flag(const std::string& name, const std::string& value) {
  flags_.push_back(name);
  flags_.push_back(value);
  return *this;
}

Moat& Moat::Flag(const std::string& name) {
  flags_.push_back(name);
  return *this;
}

Moat& Moat::Stdin(std::string text) {
  command_.input = std::move(text);
  return *this;
}

Moat& Moat::KeepInputOpen() {
  command_.keep_input_open = true;
  return *this;
}

Moat& Moat::Env(const std::string& name, const std::string& value) {
  SetVariable(command_.environment, name, value);
  return *this;
}

Moat& Moat::NoEnvironment() {
  command_.environment.clear();
  return *this;
}

Moat& Moat::Cwd(const std::string& folder) {
  command_.cwd = folder;
  return *this;
}

Moat& Moat::Descriptor(int number, int ours) {
  command_.descriptors[number] = ours;
  return *this;
}

Moat& Moat::InChild(std::function<void()> function) {
  command_.in_child = std::move(function);
  return *this;
}

Moat& Moat::Groups(std::vector<gid_t> groups) {
  command_.groups = std::move(groups);
  return *this;
}

Moat& Moat::WithoutReport() {
  wants_report_ = false;
  return *this;
}

Job Moat::Run(const std::vector<std::string>& command) const { return Start(command).Finish(); }

Command Moat::ToCommand(const std::vector<std::string>& words) const {
  Command command = command_;
  command.argv = {MoatPath(), "run"};
  command.argv.insert(command.argv.end(), flags_.begin(), flags_.end());
  command.argv.emplace_back("--");
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  return command;
}

RunningJob Moat::Start(const std::vector<std::string>& words) const {
  Command command = ToCommand(words);
  sys::Fd report;
  if (wants_report_) {
    report = sys::Fd(::memfd_create("report", MFD_CLOEXEC));
    command.descriptors[kReportFd] = report.get();
    command.argv.insert(command.argv.begin() + 2, {"--report", "fd:" + std::to_string(kReportFd)});
  }
  return RunningJob(command, std::move(report));
}

std::string BuildFolder() { return Variable("MOAT_BINARY_DIR"); }
std::string SourceFolder() { return Variable("MOAT_SOURCE_DIR"); }
std::string MoatPath() { return BuildFolder() + "/bin/moat"; }
std::string GuestPath(const std::string& name) { return BuildFolder() + "/tests/guests/" + name; }

uid_t UserId() {
  // One for each test process, so that two of them never meet in a per-user limit; nobody's
  // where this root does not own so many ids.
  unsigned inside = 0, outside = 0, count = 0;
  const std::string map = ReadFile("/proc/self/uid_map");
  if (std::sscanf(map.c_str(), "%u %u %u", &inside, &outside, &count) == 3 && count > 300000) {
    return 200000 + static_cast<uid_t>(::getpid()) % 65536;
  }
  return 65534;
}

std::string UserHome() {
  static const TempDir* home = [] {
    static TempDir folder;
    folder.GiveTo(::geteuid() == 0 ? UserId() : ::geteuid());
    return &folder;
  }();
  return home->path();
}

std::string ReasonAgainst(Caller caller) {
  if (BuildFolder().empty()) return "MOAT_BINARY_DIR does not say where moat was built";
  if (caller == Caller::kRoot) return ::geteuid() == 0 ? "" : "the tests do not run as root";
  if (::geteuid() != 0) return "";
  Command command;
  command.argv = {MoatPath(), "version"};
  command.as = UserId();
  return testkit::Run(command).exit_code() == 0 ? "" : "other users cannot execute what is in the build folder";
}

}  // namespace moat::testkit
