// A daemon of a test's own: `moat serve` with a configuration and a socket in a folder of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "moat/pool.h"
#include "pool/testing.h"
#include "testkit/process.h"
#include "testkit/temp_dir.h"

namespace moat::pool::testing {

inline std::string Built(const std::string& path) { return std::string(std::getenv("MOAT_BINARY_DIR")) + "/" + path; }

class Daemon {
 public:
  // Profiles `guest` (a program that serves) and `cat` (any program in a jail) unless said otherwise.
  explicit Daemon(const std::string& daemon = "running = 4", const std::string& guest = "", const std::string& more = "") {
    Write(daemon, guest, more);
    Start();
  }

  // Orderly, so that nothing of it outlives the test.
  ~Daemon() { End(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  void End() {
    if (process_ == nullptr || !process_->Signal(SIGTERM)) return;
    process_->Signal(SIGTERM);
    process_->Finish();
  }

  void Write(const std::string& daemon, const std::string& guest = "", const std::string& more = "") {
    folder_.File("pool.toml", "moat = 1\n[daemon]\n" + daemon + "\n[door.local]\nsocket = \"" + socket() +
                                  "\"\nmode = \"0666\"\n[profile.guest]\nprogram = [\"" + Built("tests/pool_zygote") + "\"]\n" + guest +
                                  "\n[profile.cat]\npolicy = \"default\"\ncommand = [\"cat\"]\narguments = true\n" + more);
  }
  // Another process in its place; the former one, which goes when its clients are owed nothing.
  std::unique_ptr<testkit::Process> TakeOver() {
    std::unique_ptr<testkit::Process> former = std::move(process_);
    Start({"--take-over"});
    return former;
  }
  void Start(const std::vector<std::string>& words = {}) {
    testkit::Command command;
    command.argv = {Built("bin/moat"), "serve", "--ready-fd", "1", (folder_ / "pool.toml").string()};
    command.argv.insert(command.argv.begin() + 2, words.begin(), words.end());
    command.environment = testkit::OwnEnvironment();
    command.timeout = std::chrono::hours(1);  // a soak takes its time; the test itself ends sooner
    process_ = std::make_unique<testkit::Process>(command);
    EXPECT_TRUE(process_->AwaitOutput("ready")) << process_->Finish().err;
  }
  std::string socket() const { return (folder_ / "s").string(); }
  testkit::Process& process() { return *process_; }
  const testkit::TempDir& folder() const { return folder_; }

  PoolClient Connect() const {
    auto client = PoolClient::Connect(socket());
    if (!client.ok()) ADD_FAILURE() << client.error().ToString();
    return std::move(client).value();
  }
  // Tells it, and waits until it has said that it did.
  void Reload(const std::string& says) {
    process_->Signal(SIGHUP);
    EXPECT_TRUE(process_->AwaitError(says)) << process_->err();
  }
  std::set<int> Children() const {
    std::set<int> pids;
    const std::string task = "/proc/" + std::to_string(process_->pid()) + "/task";
    for (const auto& thread : std::filesystem::directory_iterator(task)) {
      std::ifstream file(thread.path() / "children");
      for (int pid; file >> pid;) pids.insert(pid);
    }
    return pids;
  }
  // Programs that serve, and their workers: told apart by the socket that each has.
  std::set<int> Zygotes() const { return WithDescriptor("3"); }
  std::set<int> Workers() const { return WithDescriptor("48"); }

 private:
  std::set<int> WithDescriptor(const std::string& number) const {
    std::set<int> found;
    for (const int pid : Children()) {
      std::error_code error;
      if (std::filesystem::is_symlink("/proc/" + std::to_string(pid) + "/fd/" + number, error)) found.insert(pid);
    }
    return found;
  }

  testkit::TempDir folder_;
  std::unique_ptr<testkit::Process> process_;
};

inline PoolJob GuestJob(const std::string& request) {
  PoolJob job;
  job.profile = "guest";
  job.request = request;
  return job;
}

inline PoolResult Do(PoolClient& client, const PoolJob& job) {
  auto result = client.Run(job);
  if (!result.ok()) {
    ADD_FAILURE() << result.error().ToString();
    return {};
  }
  return *std::move(result);
}
inline PoolResult Do(PoolClient& client, const std::string& request) { return Do(client, GuestJob(request)); }

// Holds the one lane there is until its pipe is closed.
class Holder {
 public:
  explicit Holder(Daemon& daemon) : client_(daemon.Connect()) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    in_ = sys::Fd(ends[0]);
    out_ = sys::Fd(ends[1]);
    PoolJob job = GuestJob("hold");
    job.inputs = {{in_.get(), ""}};
    int log[2];
    EXPECT_EQ(pipe2(log, O_CLOEXEC), 0);
    started_ = sys::Fd(log[0]);
    const sys::Fd started_there(log[1]);
    job.log = started_there.get();
    EXPECT_TRUE(client_.Submit(job).ok());
    char byte;
    EXPECT_EQ(read(started_.get(), &byte, 1), 1);
    in_.Close();
  }
  PoolResult Release() {
    out_.Close();
    auto done = client_.Next();
    EXPECT_TRUE(done.ok());
    return done.ok() ? *done : PoolResult{};
  }
  PoolClient& client() { return client_; }

 private:
  PoolClient client_;
  sys::Fd in_, out_, started_;
};

inline sys::Fd RawConnection(const Daemon& daemon) {
  sys::Fd raw(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, daemon.socket().c_str());
  EXPECT_EQ(connect(raw.get(), reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), 0);
  char hello[256];
  EXPECT_GT(recv(raw.get(), hello, sizeof(hello), 0), 0);
  return raw;
}

inline bool IsHungUp(const sys::Fd& socket) {
  struct pollfd entry{socket.get(), POLLIN, 0};
  char byte;
  return poll(&entry, 1, kPatience) == 1 && recv(socket.get(), &byte, 1, MSG_DONTWAIT) <= 0;
}

}  // namespace moat::pool::testing
