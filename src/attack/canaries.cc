#include "attack/canaries.h"

#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sys/calls.h"

namespace moat::attack {
namespace {

namespace fs = std::filesystem;

Result<sys::Fd> ListenLocal(const std::string& name, int type) {
  sys::Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof(address.sun_path)) return SystemError("bind", ENAMETOOLONG, name);
  std::memcpy(address.sun_path, name.c_str(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(struct sockaddr_un, sun_path) + name.size());
  if (::bind(fd.get(), reinterpret_cast<struct sockaddr*>(&address), length) != 0) return SystemError("bind", errno, name);
  if (type == SOCK_STREAM && ::listen(fd.get(), 64) != 0) return SystemError("listen", errno, name);
  if (name[0] != '@' && ::chmod(name.c_str(), 0777) != 0) return SystemError("chmod", errno, name);
  return fd;
}

Status Write(const std::string& path, const std::string& text, mode_t mode) {
  const sys::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return SystemError("open", errno, path);
  MOAT_TRY(sys::WriteAll(fd.get(), text, path));
  return ::fchmod(fd.get(), mode) == 0 ? Status() : Status(SystemError("fchmod", errno, path));
}

Status Folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 || ::chmod(path.c_str(), 0755) != 0) return SystemError("mkdir", errno, path);
  return {};
}

std::string FirstDisk() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/block", error)) {
    const std::string path = "/dev/" + entry.path().filename().string();
    if (fs::exists(path, error) && path.find("loop") == std::string::npos) return path;
  }
  return "/dev/sda";
}

std::string TemporaryFolder() {
  const char* chosen = std::getenv("TMPDIR");
  return chosen != nullptr && chosen[0] == '/' ? chosen : "/tmp";
}

}  // namespace

Result<Canaries> Canaries::Plant(const std::string& probe) {
  Canaries planted;
  planted.id_ = std::to_string(::getpid());
  planted.environment_secret_ = "environment-secret-" + planted.id_;
  planted.argument_secret_ = "argument-secret-" + planted.id_;
  MOAT_TRY(planted.PlantFiles(probe));
  MOAT_TRY(planted.PlantSockets());
  planted.PlantSharedObjects();
  MOAT_TRY(planted.PlantProcess());
  planted.NoteHost();
  return planted;
}

Canaries::Canaries(Canaries&& other) noexcept
    : folder_(std::move(other.folder_)),
      id_(std::move(other.id_)),
      shown_(std::move(other.shown_)),
      input_(std::move(other.input_)),
      environment_secret_(std::move(other.environment_secret_)),
      argument_secret_(std::move(other.argument_secret_)),
      shm_file_(std::move(other.shm_file_)),
      queue_(std::move(other.queue_)),
      arguments_(std::move(other.arguments_)),
      secret_fd_(std::move(other.secret_fd_)),
      folder_fd_(std::move(other.folder_fd_)),
      process_input_(std::move(other.process_input_)),
      listeners_(std::move(other.listeners_)),
      process_(std::exchange(other.process_, -1)),
      shm_(std::exchange(other.shm_, -1)),
      semaphores_(std::exchange(other.semaphores_, -1)),
      messages_(std::exchange(other.messages_, -1)) {
  other.folder_.clear();
  other.shm_file_.clear();
  other.queue_.clear();
}

Canaries::~Canaries() {
  if (!shm_file_.empty()) ::unlink(shm_file_.c_str());
  if (shm_ >= 0) ::shmctl(shm_, IPC_RMID, nullptr);
  if (semaphores_ >= 0) ::semctl(semaphores_, 0, IPC_RMID);
  if (messages_ >= 0) ::msgctl(messages_, IPC_RMID, nullptr);
  if (!queue_.empty()) ::mq_unlink(queue_.c_str());
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  std::error_code error;
  if (!folder_.empty()) fs::remove_all(folder_, error);
}

Status Canaries::PlantFiles(const std::string& probe) {
  std::string name = TemporaryFolder() + "/moat-attack-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return SystemError("mkdtemp", errno, name);
  if (::chmod(name.c_str(), 0755) != 0) return SystemError("chmod", errno, name);
  std::error_code error;
  folder_ = fs::canonical(name, error);
  const std::string secret = folder_ + "/secret";
  MOAT_TRY(Write(secret, "the host's secret\n", 0600));
  Add("secret.file", secret);
  Add("tmp.file", secret);
  secret_fd_ = sys::Fd(::open(secret.c_str(), O_RDONLY | O_CLOEXEC));
  folder_fd_ = sys::Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (Write("/dev/shm/moat-test-" + id_, "x", 0644).ok()) shm_file_ = "/dev/shm/moat-test-" + id_;
  Add("shm.file", shm_file_);
  shown_ = folder_ + "/shown";
  MOAT_TRY(Folder(shown_));
  MOAT_TRY(Write(shown_ + "/file", "shown\n", 0644));
  Add("link.source", shown_ + "/file");
  const std::string set_id = shown_ + "/set-id";
  if (!fs::copy_file(probe, set_id, error) || ::chmod(set_id.c_str(), 04755) != 0) return SystemError("copy", error.value(), probe);
  Add("set-id.file", set_id);
  MOAT_TRY(Folder(folder_ + "/customer-4711"));
  input_ = folder_ + "/customer-4711/input";
  MOAT_TRY(Write(input_, "input\n", 0644));
  Add("input.folder", "customer-4711");
  Add("input.file", input_);
  return {};
}

Status Canaries::PlantSockets() {
  const std::string hidden = folder_ + "/hidden.sock", shown = shown_ + "/shown.sock";
  const std::pair<std::string, int> local[] = {{"@moat-escape-" + id_, SOCK_STREAM},
                                               {"@moat-escape-datagram-" + id_, SOCK_DGRAM},
                                               {hidden, SOCK_STREAM},
                                               {shown, SOCK_STREAM}};
  for (const auto& [name, type] : local) listeners_.push_back(MOAT_TRY(ListenLocal(name, type)));
  Add("abstract", local[0].first);
  Add("abstract.datagram", local[1].first);
  Add("socket.hidden", hidden);
  Add("socket.shown", shown);
  sys::Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  struct sockaddr_in address {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* place = reinterpret_cast<struct sockaddr*>(&address);
  if (::bind(tcp.get(), place, length) == 0 && ::listen(tcp.get(), 64) == 0 && ::getsockname(tcp.get(), place, &length) == 0) {
    Add("port", std::to_string(ntohs(address.sin_port)));
    listeners_.push_back(std::move(tcp));
  }
  return {};
}

// Where the host has none of a kind, the control of its probe says so.
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

// Waits for an input that never comes, with a secret in its arguments and one in its environment.
Status Canaries::PlantProcess() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return SystemError("pipe2", errno);
  const sys::Fd input(ends[0]);
  process_input_ = sys::Fd(ends[1]);
  const std::string secret = "SECRET=" + environment_secret_;
  const char* argv[] = {"/bin/sh", "-c", "read line", argument_secret_.c_str(), nullptr};
  const char* environment[] = {"PATH=/usr/bin:/bin", secret.c_str(), nullptr};
  process_ = ::fork();
  if (process_ < 0) return SystemError("fork", errno);
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(input.get(), 0);
    ::execve(argv[0], const_cast<char**>(argv), const_cast<char**>(environment));
    ::_exit(127);
  }
  Add("pid", std::to_string(process_));
  Add("secret.environment", environment_secret_);
  Add("secret.argument", argument_secret_);
  return {};
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
  std::error_code error;
  for (const char* group : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    if (!fs::exists(std::string(group) + "/cgroup.procs", error)) continue;
    Add("cgroup", group);
    break;
  }
}

}  // namespace moat::attack
