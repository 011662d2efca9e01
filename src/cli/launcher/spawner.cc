#include "cli/launcher/spawner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "api/protocol.h"
#include "api/report_wire.h"
#include "base/text.h"
#include "run/job.h"
#include "run/privilege.h"
#include "sys/calls.h"

namespace moat::launcher {
namespace {

using api::FrameKind;

constexpr int kEnded = 0, kBadRequest = 125;

// A memfd that can neither change nor shrink under us, mapped for reading.
class Sealed {
 public:
  Sealed() = default;
  Sealed(Sealed&& other) noexcept { *this = std::move(other); }
  Sealed& operator=(Sealed&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Sealed() {
    if (memory_ != nullptr) munmap(memory_, size_);
  }
  std::string_view bytes() const { return {static_cast<const char*>(memory_), size_}; }

  // An empty one when the descriptor is anything else.
  static Sealed Map(const sys::Fd& fd, std::size_t limit) {
    Sealed sealed;
    constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    struct stat facts{};
    const int seals = fcntl(fd.get(), F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals || fstat(fd.get(), &facts) != 0) return sealed;
    const auto size = static_cast<std::size_t>(facts.st_size);
    if (size == 0 || size > limit) return sealed;
    void* memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) return sealed;
    sealed.memory_ = memory;
    sealed.size_ = size;
    return sealed;
  }

 private:
  void* memory_ = nullptr;
  std::size_t size_ = 0;
};

struct Frame {
  std::vector<char> bytes = std::vector<char>(sizeof(api::RunRequest) + api::kMaxInline);
  std::size_t size = 0;
  std::vector<sys::Fd> fds;

  template <typename T>
  bool Read(T& head) const {
    if (size < sizeof(head)) return false;
    std::memcpy(&head, bytes.data(), sizeof(head));
    return true;
  }
};

// False when the other side is gone, or what it said does not fit a frame.
bool Receive(Frame& frame, int flags) {
  frame.fds.clear();
  frame.size = 0;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * api::kMaxDescriptors)];
  struct iovec part{frame.bytes.data(), frame.bytes.size()};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t size;
  do size = recvmsg(api::kSocketFd, &message, flags | MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size <= 0) return false;
  // One is all there can be: the kernel makes one of all that carry descriptors.
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  if (head != nullptr && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS) {
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof(int), sizeof(fd));
      frame.fds.emplace_back(fd);
    }
  }
  frame.size = static_cast<std::size_t>(size);
  return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
}

bool Send(const void* head, std::size_t head_size, std::string_view body, int fd) {
  struct iovec parts[2] = {{const_cast<void*>(head), head_size}, {const_cast<char*>(body.data()), body.size()}};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  struct msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  ssize_t sent;
  do sent = sendmsg(api::kSocketFd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(head_size + body.size());
}

bool SayHello() {
  api::Hello hello;
  static_assert(sizeof(MOAT_VERSION) <= sizeof(hello.version));
  std::memcpy(hello.version, MOAT_VERSION, sizeof(MOAT_VERSION));
  return Send(&hello, sizeof(hello), {}, -1);
}

bool Answer(std::uint32_t job, const Report& report) {
  const std::string body = api::PackReport(report);
  api::Answer answer;
  answer.job = job;
  answer.body_size = body.size();
  if (body.size() <= api::kMaxInline) return Send(&answer, sizeof(answer), body, -1);
  answer.flags = api::kBodyInMemFd;
  auto file = sys::memfd_create("moat-report", MFD_ALLOW_SEALING);
  if (!file.ok() || !sys::WriteAll(file->get(), body, "report").ok()) return false;
  fcntl(file->get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
  return Send(&answer, sizeof(answer), {}, file->get());
}

// Takes texts from a body; `good` is false once there was too little.
struct Texts {
  std::string_view left;
  bool good = true;

  std::string Take() {
    const std::size_t end = left.find('\0');
    if (end == std::string_view::npos) {
      good = false;
      return {};
    }
    std::string text(left.substr(0, end));
    left.remove_prefix(end + 1);
    return text;
  }
  void Take(std::vector<std::string>& texts, std::uint32_t count) {
    for (; count > 0 && good; --count) texts.push_back(Take());
  }
};

struct Plans {
  std::array<Sealed, api::kPlanSlots> slots;
};

// One kRun frame, taken apart. `files` keeps the descriptors that `job` refers to.
struct Request {
  api::RunRequest head;
  run::Job job;
  std::vector<sys::Fd> files;
};

bool TakeTexts(Request& request, std::string_view body) {
  const api::RunRequest& head = request.head;
  for (const std::uint32_t count : {head.arguments, head.offered, head.extra}) {
    if (count > api::kMaxTexts) return false;
  }
  if (head.arguments == 0 || head.inputs > abi::kMaxInputs) return false;
  Texts texts{body};
  texts.Take(request.job.command, head.arguments);
  texts.Take(request.job.environment, head.offered);
  texts.Take(request.job.extra_environment, head.extra);
  for (std::uint32_t i = 0; i < head.inputs && texts.good; ++i) {
    request.job.inputs.push_back(texts.Take());
    request.job.input_names.push_back(texts.Take());
  }
  return texts.good && texts.left.empty();
}

// Hands out a frame's descriptors in their order.
struct Descriptors {
  std::vector<sys::Fd>& fds;
  std::size_t next = 0;
  bool good = true;

  sys::Fd Take() {
    if (next >= fds.size()) good = false;
    return good ? std::move(fds[next++]) : sys::Fd();
  }
};

int Keep(Request& request, sys::Fd fd) {
  request.files.push_back(std::move(fd));
  return request.files.back().get();
}

// Precondition: what concerns the plan and the body was taken before.
bool TakeFiles(Request& request, Descriptors& descriptors) {
  const api::RunRequest& head = request.head;
  constexpr std::uint32_t kStreams[3] = {api::kGivesIn, api::kGivesOut, api::kGivesErr};
  for (int i = 0; i < 3; ++i) {
    if ((head.flags & kStreams[i]) != 0) request.job.standard[i] = Keep(request, descriptors.Take());
  }
  if ((head.flags & api::kGivesOutput) != 0) request.job.output_fd = Keep(request, descriptors.Take());
  for (std::uint32_t i = 0; i < head.inputs; ++i) {
    const bool opened = (head.opened_inputs >> i & 1) != 0;
    request.job.input_fds.push_back(opened ? Keep(request, descriptors.Take()) : -1);
  }
  return descriptors.good && descriptors.next == descriptors.fds.size();
}

bool TakeApart(Frame& frame, Plans& plans, Request& request) {
  if (!frame.Read(request.head)) return false;
  const api::RunRequest& head = request.head;
  if (head.plan_slot >= api::kPlanSlots || head.body_size > api::kMaxBody) return false;
  Descriptors descriptors{frame.fds};
  Sealed& plan = plans.slots[head.plan_slot];
  if ((head.flags & api::kCarriesPlan) != 0) plan = Sealed::Map(descriptors.Take(), api::kMaxPlan);
  if (plan.bytes().size() < sizeof(abi::Header)) return false;
  Sealed body;
  std::string_view text(frame.bytes.data() + sizeof(head), frame.size - sizeof(head));
  if ((head.flags & api::kBodyInMemFd) != 0) {
    if (!text.empty()) return false;
    body = Sealed::Map(descriptors.Take(), api::kMaxBody);
    text = body.bytes();
  }
  return text.size() == head.body_size && TakeTexts(request, text) && TakeFiles(request, descriptors);
}

Error InputError(const std::string& path, std::string message, std::string fix) {
  Error error = PolicyError("input `" + path + "`: " + std::move(message));
  error.subject = path;
  error.fix = std::move(fix);
  return error;
}

// A descriptor of another mount namespace cannot be shown to a job: the file is opened anew
// by its name, and it has to be the same one.
Result<sys::Fd> OpenHere(int given, const std::string& path) {
  const std::string link = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(given));
  char name[PATH_MAX];
  const ssize_t length = readlink(link.c_str(), name, sizeof(name) - 1);
  struct stat was{}, is{};
  if (length > 0 && fstat(given, &was) == 0) {
    name[length] = '\0';
    auto opened = sys::openat2(AT_FDCWD, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, uapi::kResolveNoMagiclinks);
    if (opened.ok() && fstat(opened->get(), &is) == 0 && is.st_dev == was.st_dev && is.st_ino == was.st_ino) return opened;
  }
  return InputError(path, "the descriptor's file is not to be found by its name", "give a file that has one");
}

// Descriptors prove what their opener may do, and only that.
Status CheckInputs(Request& request, bool own_namespace) {
  for (std::size_t i = 0; i < request.job.input_fds.size(); ++i) {
    int& fd = request.job.input_fds[i];
    if (fd < 0) continue;
    const std::string& path = request.job.inputs[i];
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (flags & O_PATH) != 0 || (flags & O_ACCMODE) == O_WRONLY) {
      return InputError(path, "the descriptor is not open for reading", "open it with O_RDONLY");
    }
    struct stat facts{};
    // The kernel mounts no file that was deleted, and a memfd is one from its birth.
    if (fstat(fd, &facts) != 0 || facts.st_nlink == 0) {
      return InputError(path, "the descriptor's file has no name", "write it to a file that has one");
    }
    if (own_namespace) fd = Keep(request, MOAT_TRY(OpenHere(fd, path)));
  }
  return {};
}

// While a job runs, anything that happens on the socket (a cancel frame, the end) has to reach
// the engine, which waits for signals: it arrives as SIGTERM (F_SETSIG, fcntl(2)).
class Attention {
 public:
  Attention() {
    Drain();
    fcntl(api::kSocketFd, F_SETFL, flags_ | O_ASYNC);
    // What was there before O_ASYNC raised nothing.
    struct pollfd entry{api::kSocketFd, POLLIN, 0};
    if (poll(&entry, 1, 0) > 0) kill(getpid(), SIGTERM);
  }
  ~Attention() {
    fcntl(api::kSocketFd, F_SETFL, flags_);
    Drain();
  }
  Attention(const Attention&) = delete;
  Attention& operator=(const Attention&) = delete;

  static void Prepare() {
    flags_ = fcntl(api::kSocketFd, F_GETFL);
    fcntl(api::kSocketFd, F_SETOWN, getpid());
    fcntl(api::kSocketFd, F_SETSIG, SIGTERM);
  }

 private:
  // A signal that was meant for the job before must not end the next one.
  static void Drain() {
    sigset_t all;
    sigfillset(&all);
    const struct timespec now{0, 0};
    while (sigtimedwait(&all, nullptr, &now) > 0) {
    }
  }
  static int flags_;
};
int Attention::flags_ = 0;

struct Own {
  char* arguments = nullptr;
  std::size_t size = 0;
};

Report RunJob(Request& request, std::string_view plan, const Own& own) {
  abi::Header header;
  std::memcpy(&header, plan.data(), sizeof(header));
  const bool own_namespace = (header.flags & abi::kOwnNamespace) != 0;
  if (own_namespace) {
    if (auto entered = run::EnterOwnNamespace(); !entered.ok()) return run::SetupReport(entered.error(), "namespace");
  }
  if (auto checked = CheckInputs(request, own_namespace); !checked.ok()) {
    return run::SetupReport(checked.error(), "input");
  }
  request.job.own_arguments = own.arguments;
  request.job.own_arguments_size = own.size;
  const Attention attention;
  return run::Run(plan, request.job);
}

// Until there is a frame. False when there will be none: nobody holds the other end any more,
// or the host is gone and only a forked child of it holds it.
bool WaitForFrame() {
  struct pollfd entries[2] = {{api::kSocketFd, POLLIN, 0}, {api::kHostFd, POLLIN, 0}};
  while (ppoll(entries, 2, nullptr, nullptr) < 0) {
    if (errno != EINTR) return false;
  }
  return (entries[0].revents & POLLIN) != 0 && entries[1].revents == 0;
}

int Serve(const Own& own) {
  Plans plans;
  Frame frame;
  while (WaitForFrame() && Receive(frame, 0)) {
    FrameKind kind{};
    if (!frame.Read(kind)) return kBadRequest;
    if (kind == FrameKind::kCancel) continue;  // came too late: that job has ended
    Request request;
    if (kind != FrameKind::kRun || !TakeApart(frame, plans, request)) return kBadRequest;
    const Report report = RunJob(request, plans.slots[request.head.plan_slot].bytes(), own);
    request.files.clear();
    if (!Answer(request.head.job, report)) return kEnded;
  }
  return kEnded;
}

}  // namespace

int Spawner(char** argv) {
  // For good: signals are for the job that runs, and the engine takes them from a descriptor.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  char* end = argv[0];
  for (char** word = argv; *word != nullptr; ++word) end = *word + strlen(*word) + 1;
  Attention::Prepare();
  if (!SayHello()) return kEnded;
  return Serve(Own{argv[0], static_cast<std::size_t>(end - argv[0])});
}

}  // namespace moat::launcher
