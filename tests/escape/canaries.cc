#include "escape/canaries.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>

#include "testkit/moat.h"

namespace moat::escape {
namespace {

namespace fs = std::filesystem;

sys::Fd ListenLocal(const std::string& name, int type) {
  sys::Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  EXPECT_LT(name.size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, name.c_str(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + name.size());
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<struct sockaddr*>(&address), length), 0) << name;
  EXPECT_TRUE(type != SOCK_STREAM || ::listen(fd.get(), 64) == 0);
  EXPECT_TRUE(name[0] == '@' || ::chmod(name.c_str(), 0777) == 0);
  return fd;
}

std::string FirstDisk() {
  for (const auto& entry : fs::directory_iterator("/sys/block")) {
    const std::string path = "/dev/" + entry.path().filename().string();
    if (fs::exists(path) && path.find("loop") == std::string::npos) return path;
  }
  return "/dev/sda";
}

}  // namespace

Canaries::Canaries()
    : id_(std::to_string(::getpid())), environment_secret_("environment-secret-" + id_), argument_secret_("argument-secret-" + id_) {
  PlantFiles();
  PlantSockets();
  PlantSharedObjects();
  PlantProcess();
  NoteHost();
}

Canaries::~Canaries() {
  ::unlink(shm_file_.c_str());
  ::shmctl(shm_, IPC_RMID, nullptr);
  ::semctl(semaphores_, 0, IPC_RMID);
  ::msgctl(messages_, IPC_RMID, nullptr);
  ::mq_unlink(queue_.c_str());
}

void Canaries::PlantFiles() {
  const std::string secret = folder_.File("secret", "the host's secret\n", 0600);
  Add("secret.file", secret);
  Add("tmp.file", secret);
  secret_fd_ = sys::Fd(::open(secret.c_str(), O_RDONLY | O_CLOEXEC));
  folder_fd_ = sys::Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  shm_file_ = "/dev/shm/moat-test-" + id_;
  EXPECT_TRUE(testkit::WriteFile(shm_file_, "x"));
  Add("shm.file", shm_file_);
  shown_ = folder_.Folder("shown");
  Add("link.source", folder_.File("shown/file", "shown\n"));
  const std::string set_id = shown_ + "/set-id";
  fs::copy_file(testkit::GuestPath("escape_probe"), set_id);
  EXPECT_EQ(::chmod(set_id.c_str(), 04755), 0);
  Add("set-id.file", set_id);
  folder_.Folder("customer-4711");
  input_ = folder_.File("customer-4711/input", "input\n");
  Add("input.folder", "customer-4711");
  Add("input.file", input_);
}

void Canaries::PlantSockets() {
  const std::string hidden = folder_ / "hidden.sock", shown = shown_ + "/shown.sock";
  listeners_.push_back(ListenLocal("@moat-escape-" + id_, SOCK_STREAM));
  listeners_.push_back(ListenLocal("@moat-escape-datagram-" + id_, SOCK_DGRAM));
  listeners_.push_back(ListenLocal(hidden, SOCK_STREAM));
  listeners_.push_back(ListenLocal(shown, SOCK_STREAM));
  Add("abstract", "@moat-escape-" + id_);
  Add("abstract.datagram", "@moat-escape-datagram-" + id_);
  Add("socket.hidden", hidden);
  Add("socket.shown", shown);
  sys::Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_in address {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  EXPECT_EQ(::bind(tcp.get(), reinterpret_cast<struct sockaddr*>(&address), length), 0);
  EXPECT_EQ(::listen(tcp.get(), 64), 0);
  EXPECT_EQ(::getsockname(tcp.get(), reinterpret_cast<struct sockaddr*>(&address), &length), 0);
  Add("port", std::to_string(ntohs(address.sin_port)));
  listeners_.push_back(std::move(tcp));
}

void Canaries::PlantSharedObjects() {
  const key_t key = 0x6d6f0000 + ::getpid() % 65536;
  shm_ = ::shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666);
  semaphores_ = ::semget(key, 1, IPC_CREAT | IPC_EXCL | 0666);
  messages_ = ::msgget(key, IPC_CREAT | IPC_EXCL | 0666);
  Add("shm.key", std::to_string(key));
  Add("shm.id", std::to_string(shm_));
  queue_ = "/moat-escape-" + id_;
  const mqd_t queue = ::mq_open(queue_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0666, nullptr);
  if (queue >= 0) ::mq_close(queue);
  Add("mq", queue_);
}

void Canaries::PlantProcess() {
  testkit::Command command;
  command.argv = {"/bin/sh", "-c", "read line", argument_secret_};
  command.environment = {"PATH=/usr/bin:/bin", "SECRET=" + environment_secret_};
  command.keep_input_open = true;
  command.timeout = std::chrono::minutes(30);
  processes_.emplace_back(command);
  Add("pid", std::to_string(processes_.back().pid()));
  Add("secret.environment", environment_secret_);
  Add("secret.argument", argument_secret_);
}

void Canaries::NoteHost() {
  for (const char* name : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    struct stat facts {};
    if (::stat((std::string("/proc/self/ns/") + name).c_str(), &facts) == 0) {
      Add(std::string("ns.") + name, std::to_string(facts.st_ino));
    }
  }
  struct utsname facts {};
  ::uname(&facts);
  Add("hostname", facts.nodename);
  Add("disk", FirstDisk());
  for (const char* group : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    if (!fs::exists(std::string(group) + "/cgroup.procs")) continue;
    Add("cgroup", group);
    break;
  }
}

}  // namespace moat::escape
