// Jails that inherit their filter from a helper's spawner: it is installed once; denials are told of their own job; no
// number that is known opens anything; nothing of an earlier job is in pid 1; a spawner that is killed costs no job. And
// their network namespaces, which they have in turn: none has a socket of another.
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "moat/sandbox.h"
#include "plan/abi.h"
#include "pool/daemon.h"
#include "testkit/host.h"
#include "testkit/moat.h"
#include "testkit/temp_dir.h"

namespace moat::pool::testing {
namespace {

namespace fs = std::filesystem;

std::string FileText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string FieldOf(const std::string& status, const std::string& name) {
  std::istringstream lines(status);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(name + ":", 0) == 0) return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  }
  return {};
}
std::string StatusOf(int pid) { return FileText("/proc/" + std::to_string(pid) + "/status"); }
std::string Field(int pid, const std::string& name) { return FieldOf(StatusOf(pid), name); }

std::vector<int> AllProcesses() {
  std::vector<int> pids;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") == std::string::npos) pids.push_back(std::stoi(name));
  }
  return pids;
}

std::vector<int> ChildrenOf(int parent) {
  std::vector<int> children;
  for (const int pid : AllProcesses()) {
    if (Field(pid, "PPid") == std::to_string(parent)) children.push_back(pid);
  }
  return children;
}

// This process' helpers, who hold a pidfd of it; and their spawners, who share their descriptors.
std::set<int> WithOurPidfd() {
  std::set<int> pids;
  for (const int pid : AllProcesses()) {
    std::error_code error;
    const fs::path exe = fs::read_symlink("/proc/" + std::to_string(pid) + "/exe", error);
    const std::string facts = FileText("/proc/" + std::to_string(pid) + "/fdinfo/4");
    if (exe.filename() == "moat" && facts.find("\nPid:\t" + std::to_string(getpid()) + "\n") != std::string::npos) pids.insert(pid);
  }
  return pids;
}

std::set<int> Spawners() {
  const std::set<int> all = WithOurPidfd();
  std::set<int> spawners;
  for (const int pid : all) {
    // At once: others who share the helper's descriptors come and go. A pid 1 is in a jail; who makes something for the
    // helper has no filter.
    const std::string status = StatusOf(pid), parent = FieldOf(status, "PPid");
    const bool in_a_jail = FieldOf(status, "NSpid").find('\t') != std::string::npos;
    const bool filtered = FieldOf(status, "Seccomp") == "2";
    if (!parent.empty() && all.count(std::stoi(parent)) != 0 && filtered && !in_a_jail) spawners.insert(pid);
  }
  return spawners;
}

// The one that there is. Where this all is under a filter itself, others look like it for a moment; it is always there.
int TheSpawner() {
  std::set<int> spawners;
  do spawners = Spawners();
  while (spawners.size() != 1);
  return *spawners.begin();
}

bool IsGone(int pid) {
  const std::string state = Field(pid, "State");
  return state.empty() || state[0] == 'Z';
}

class InheritingJails : public ::testing::Test {
 protected:
  Sandbox Make(const std::string& rules = "") {
    const std::string path = folder_.File("policy.toml", "moat = 1\nbase = \"default\"\n" + rules);
    auto policy = Policy::Load(path);
    EXPECT_TRUE(policy.ok()) << policy.error().ToString();
    Sandbox::Options options;
    options.launcher = Built("bin/moat");
    options.before_filter = [this](const CancelToken&) {
      ++installed_;
      return Install::kYes;
    };
    return Sandbox(*std::move(policy), options);
  }
  static Command Of(std::vector<std::string> argv) {
    Command command;
    command.argv = std::move(argv);
    command.out = Stream::Capture();
    command.err = Stream::Capture();
    return command;
  }
  static Outcome Run(Sandbox& sandbox, const Command& command) {
    auto outcome = sandbox.Run(command);
    if (!outcome.ok()) ADD_FAILURE() << outcome.error().ToString();
    return outcome.ok() ? *std::move(outcome) : Outcome{};
  }
  static bool LayerSays(const Report& report, const std::string& name, const std::string& word) {
    for (const Layer& layer : report.enforced) {
      if (layer.name == name) return layer.detail.find(word) != std::string::npos;
    }
    return false;
  }
  static bool Inherited(const Report& report) { return LayerSays(report, "seccomp", "inherited"); }
  static bool HandedOn(const Report& report) { return LayerSays(report, "network namespace", "of the pool's spawner"); }

  testkit::TempDir folder_;
  std::atomic<int> installed_{0};
};

constexpr int kJobs = 12;

TEST_F(InheritingJails, InstallOneFilterForAllOfThem) {
  Sandbox sandbox = Make();
  for (int i = 0; i < kJobs; ++i) {
    const Outcome done = Run(sandbox, Of({"/bin/cat", "/proc/self/status"}));
    EXPECT_EQ(done.report.exit_code, 0) << done.report.Summary();
    EXPECT_TRUE(Inherited(done.report)) << "job " << i;
    EXPECT_NE(done.out.find("Seccomp:\t2\n"), std::string::npos) << done.out;
    EXPECT_NE(done.out.find("NoNewPrivs:\t1\n"), std::string::npos) << done.out;
    EXPECT_NE(done.out.find("CapBnd:\t0000000000000000\n"), std::string::npos) << done.out;
    const std::string filters = Field(getpid(), "Seccomp_filters");
    if (filters.empty()) continue;  // an older kernel
    EXPECT_NE(done.out.find("Seccomp_filters:\t" + std::to_string(std::stoi(filters) + 1) + "\n"), std::string::npos) << done.out;
  }
  EXPECT_EQ(installed_, 1);
}

TEST_F(InheritingJails, TellDenialsOfTheirOwnJob) {
  Sandbox sandbox = Make("[[syscalls.rule]]\nreason = \"a test\"\ncall = \"keyctl\"\ndo = \"kill\"\n");
  const std::string guest = testkit::GuestPath("guest_static");
  for (int i = 0; i < kJobs; ++i) {
    const bool denied = i % 2 == 0;
    const Outcome done = Run(sandbox, Of(denied ? std::vector<std::string>{guest, "call", "250", "0", "0", "0"}
                                                : std::vector<std::string>{guest, "call", "39"}));
    EXPECT_TRUE(Inherited(done.report));
    EXPECT_EQ(done.report.cause, denied ? Cause::kDenied : Cause::kExit) << "job " << i << ": " << done.report.Summary();
    EXPECT_EQ(done.report.denial_count, denied ? 1U : 0U) << "job " << i;
  }
}

// clone3 is refused by the policy with ENOSYS; the kernel, asked with such arguments, would say EINVAL.
TEST_F(InheritingJails, OpenNothingToNumbersThatAreKnown) {
  Sandbox sandbox = Make();
  const std::string guest = testkit::GuestPath("guest_static");
  for (const std::uint64_t number : {abi::kPlaceSetUp, abi::kPlaceBeside, abi::kPlaceExec, std::uint64_t{0}, ~std::uint64_t{0}}) {
    const Outcome done = Run(sandbox, Of({guest, "call", "435", "0", "0", "0", "0", "0", std::to_string(static_cast<std::int64_t>(number))}));
    EXPECT_TRUE(Inherited(done.report));
    EXPECT_EQ(done.out, "{\"result\": -1, \"errno\": 38}\n") << number;
  }
}

TEST_F(InheritingJails, LoseNoJobWithTheirSpawner) {
  Sandbox sandbox = Make();
  EXPECT_TRUE(Inherited(Run(sandbox, Of({"/bin/cat"})).report));
  const int spawner = TheSpawner();
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const sys::Fd in(ends[0]);
  sys::Fd writer(ends[1]);
  Command command = Of({"/bin/cat"});
  command.in = Stream::Descriptor(in.get());
  Outcome during;
  std::thread job([&] { during = Run(sandbox, command); });
  EXPECT_EQ(write(writer.get(), "text", 4), 4);
  EXPECT_EQ(kill(spawner, SIGKILL), 0);
  while (!IsGone(spawner)) std::this_thread::yield();
  writer.Close();
  job.join();
  EXPECT_EQ(during.report.cause, Cause::kExit) << during.report.Summary();
  EXPECT_EQ(during.out, "text");
  command.in = Stream::Text("again");
  const Outcome after = Run(sandbox, command);
  EXPECT_EQ(after.out, "again") << after.report.Summary();
  EXPECT_TRUE(Inherited(after.report));
  EXPECT_EQ(installed_, 2) << "one for each spawner";
}

bool MemoryHas(int pid, const std::string& text) {
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  const sys::Fd memory(open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0, end = 0;
    char mode = '-';
    if (sscanf(line.c_str(), "%lx-%lx %c", &begin, &end, &mode) != 3 || mode != 'r') continue;
    std::string bytes(std::min<std::uint64_t>(end - begin, 64 << 20), '\0');
    const ssize_t got = pread(memory.get(), bytes.data(), bytes.size(), static_cast<off_t>(begin));
    if (got > 0 && bytes.substr(0, static_cast<std::size_t>(got)).find(text) != std::string::npos) return true;
  }
  return false;
}

TEST_F(InheritingJails, HaveNothingOfEarlierJobsInPid1) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can read it";
  Sandbox sandbox = Make();
  const std::string secret = "word-of-an-earlier-job";
  for (int i = 0; i < kJobs; ++i) {
    const Outcome done = Run(sandbox, Of({"/bin/sh", "-c", ": " + secret}));
    EXPECT_EQ(done.report.exit_code, 0) << done.report.Summary();
    EXPECT_TRUE(Inherited(done.report)) << i;
  }
  int in[2], out[2];
  ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  const sys::Fd in_there(in[0]), out_there(out[1]), out_here(out[0]);
  sys::Fd in_here(in[1]);
  Command command = Of({"/bin/sh", "-c", "echo ready; read line; : a-word-of-this-job"});
  command.in = Stream::Descriptor(in_there.get());
  command.out = Stream::Descriptor(out_there.get());
  std::thread job([&] { EXPECT_EQ(Run(sandbox, command).report.cause, Cause::kExit); });
  char line[6];
  EXPECT_EQ(read(out_here.get(), line, sizeof(line)), 6);
  bool program_seen = false;
  int looked_at = 0;
  const int spawner = TheSpawner();
  for (const int pid : ChildrenOf(std::stoi(Field(spawner, "PPid")))) {
    if (pid == spawner || Field(pid, "NSpid").find('\t') == std::string::npos) continue;
    EXPECT_FALSE(MemoryHas(pid, secret)) << pid;
    ++looked_at;
    for (const int program : ChildrenOf(pid)) program_seen = program_seen || MemoryHas(program, "a-word-of-this-job");
  }
  EXPECT_GT(looked_at, 0);
  EXPECT_TRUE(program_seen) << "who looks sees";
  in_here.Close();
  job.join();
}

// Binds a name that all of them bind, leaves it to a process that would go on, and tells what there is: its namespace, its
// interfaces, its sockets.
const std::vector<std::string> kBinds = {
    "/usr/bin/perl", "-MSocket", "-e",
    "print readlink('/proc/self/ns/net'), qq(\\n); socket(S, AF_UNIX, SOCK_STREAM, 0) or die; bind(S, pack_sockaddr_un(qq(\\0moat-left))) "
    "or die qq(taken: $!); $| = 1; if (fork() == 0) { close(STDOUT); close(STDERR); sleep(100); exit } "
    "open(F, '/proc/self/net/unix') or die; $n = () = join('', <F>) =~ /^[0-9a-f]+: /mg; print qq($n socket\\n); "
    "open(D, '/proc/self/net/dev') or die; print join(',', map { /^ *(\\w+):/ ? $1 : () } <D>), qq(\\n); <STDIN>"};
constexpr int kManyJobs = 40;  // more than there are berths

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

TEST_F(InheritingJails, HaveEmptyNetworksInTurn) {
  Sandbox sandbox = Make();
  std::set<std::string> spaces;
  for (int i = 0; i < kManyJobs; ++i) {
    const Outcome done = Run(sandbox, Of(kBinds));
    EXPECT_TRUE(HandedOn(done.report)) << "job " << i;
    const std::string space = FirstLine(done.out);
    EXPECT_EQ(done.out, space + "\n1 socket\nlo\n") << done.err;
    spaces.insert(space);
  }
  EXPECT_LT(spaces.size(), static_cast<std::size_t>(kManyJobs));
  EXPECT_EQ(spaces.count(fs::read_symlink("/proc/self/ns/net").string()), 0U);
}

// Somebody outside keeps a socket of a job: nobody gets its network namespace any more.
TEST_F(InheritingJails, NeverHaveANetworkThatIsNotEmpty) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can take it";
  Sandbox sandbox = Make();
  int in[2], out[2];
  ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
  const sys::Fd in_there(in[0]), out_there(out[1]), out_here(out[0]);
  sys::Fd in_here(in[1]);
  Command command = Of(kBinds);
  command.in = Stream::Descriptor(in_there.get());
  command.out = Stream::Descriptor(out_there.get());
  std::thread job([&] { EXPECT_TRUE(HandedOn(Run(sandbox, command).report)); });
  std::string told;
  for (char byte = 0; told.find("lo\n") == std::string::npos && read(out_here.get(), &byte, 1) == 1;) told += byte;
  std::vector<sys::Fd> kept;
  for (const int pid : AllProcesses()) {
    std::error_code error;
    const std::string process = "/proc/" + std::to_string(pid);
    if (fs::read_symlink(process + "/ns/net", error).string() != FirstLine(told)) continue;
    const sys::Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    for (const auto& entry : fs::directory_iterator(process + "/fd", error)) {
      if (fs::read_symlink(entry.path(), error).string().rfind("socket:", 0) != 0) continue;
      kept.emplace_back(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), std::stoi(entry.path().filename()), 0)));
    }
  }
  in_here.Close();
  job.join();
  ASSERT_FALSE(kept.empty());
  for (int i = 0; i < kManyJobs; ++i) {
    const Outcome done = Run(sandbox, Of(kBinds));
    EXPECT_NE(FirstLine(done.out), FirstLine(told)) << "job " << i;
    EXPECT_NE(done.out.find("\n1 socket\n"), std::string::npos) << done.out << done.err;
  }
}

TEST_F(InheritingJails, HaveNetworksOfTheirOwnWhereMoreIsAllowed) {
  Sandbox sandbox = Make("[network]\nmode = \"loopback\"\n");
  std::set<std::string> spaces;
  for (int i = 0; i < kManyJobs; ++i) {
    const Outcome done = Run(sandbox, Of({"/bin/readlink", "/proc/self/ns/net"}));
    EXPECT_TRUE(Inherited(done.report));
    EXPECT_FALSE(HandedOn(done.report));
    spaces.insert(done.out);
  }
  EXPECT_GT(spaces.size(), 1U);
}

}  // namespace
}  // namespace moat::pool::testing
