#include "pool/worker.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/errno_name.h"
#include "base/text.h"
#include "moat/seal.h"
#include "pool/frames.h"
#include "seal/inspect.h"
#include "uapi/syscall.h"

namespace moat::pool {
namespace {

constexpr unsigned kMaxLastWords = 8;  // frames; a worker that says more is not listened to

Status CheckOne(int fd, SealRole role) {
  role.fd = fd;
  SealRequest request;
  request.roles = {role};
  SealReport report;
  return seal::CheckRoles(request, report);
}

// The first of each kind counts; nothing that a worker says is taken twice.
void TakeWords(WorkerEnd& end, std::string_view frame) {
  WorkerFrame kind;
  if (frame.size() < sizeof(kind)) return;
  std::memcpy(&kind, frame.data(), sizeof(kind));
  const std::string body(frame.substr(sizeof(kind)));
  switch (kind) {
    case WorkerFrame::kAnswer:
      if (end.answer.empty()) end.answer = body;
      break;
    case WorkerFrame::kOutOfMemory: end.out_of_memory = true; break;
    case WorkerFrame::kUncaught:
      if (!end.uncaught) end.uncaught = body.substr(0, kMaxWhy);
      break;
    case WorkerFrame::kRefused:
      if (!end.refused) end.refused = body.substr(0, kMaxWhy);
      break;
    case WorkerFrame::kRecord:
      if (end.record.empty()) end.record = frame;
      break;
    default: break;
  }
}

// unix(7): who closes a socket with something unread in it leaves this error at the other end. What a
// worker is sent is its order and nothing else.
bool LeftOrderUnread(int channel) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(channel, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == ECONNRESET;
}

void TakeLastWords(int channel, WorkerEnd& end) {
  thread_local std::array<char, sizeof(WorkerFrame) + kMaxWorkerAnswer> buffer;
  for (unsigned i = 0; i < kMaxLastWords; ++i) {
    auto frame = ReceiveFrame(channel, buffer, Wait::kNo);
    if (!frame.ok() || frame->size == 0) return;
    if (frame->whole) TakeWords(end, {buffer.data(), frame->size});
  }
}

Status CheckWords(const WorkerOrder& order) {
  if (order.arguments.size() > kMaxWorkerArguments) return PolicyError("more than 256 arguments");
  if (!order.input_names.empty() && order.input_names.size() != order.inputs.size()) return PolicyError("names for other inputs than there are");
  std::size_t size = order.request.size();
  for (const auto& words : {order.arguments, order.input_names}) {
    for (const std::string& word : words) {
      if (word.find('\0') != std::string::npos) return PolicyError("a NUL byte in an argument or in the name of an input");
      size += word.size() + 1;
    }
  }
  if (size <= kMaxWorkerRequest) return {};
  return WithFix(PolicyError("a request of over 32 KiB"), "give large things as an input");
}

// The kernel's own waitid tells the usage, too; libc's does not.
bool Reap(const sys::Pidfd& pidfd, WorkerEnd& end) {
  siginfo_t info{};
  long result;
  do result = uapi::Syscall(__NR_waitid, P_PIDFD, pidfd.get(), &info, WEXITED | __WALL, &end.usage);
  while (result == -EINTR);
  if (uapi::IsError(result) || info.si_pid == 0) return false;
  end.status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
  return true;
}

}  // namespace

Status CheckWorkerOrder(const WorkerOrder& order) {
  MOAT_TRY(CheckWords(order));
  if (order.inputs.size() > kMaxWorkerInputs) return PolicyError("more than 8 inputs");
  if (order.outputs.size() > kMaxWorkerOutputs) return PolicyError("more than 8 outputs");
  SealRole reads, writes;
  reads.read = true;
  writes.write = true;
  for (const int fd : order.inputs) MOAT_TRY(CheckOne(fd, reads));
  for (const int fd : order.outputs) MOAT_TRY(CheckOne(fd, writes));
  return order.log < 0 ? Status{} : CheckOne(order.log, writes);
}

Worker& Worker::operator=(Worker&& other) noexcept {
  if (this != &other) {
    Discard();
    serial_ = other.serial_;
    pid_ = std::exchange(other.pid_, 0);
    given_ = other.given_;
    channel_ = std::move(other.channel_);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Status Worker::Give(const WorkerOrder& order) {
  if (given_) return BugError("a worker has one job");
  JobOrder head;
  head.inputs = static_cast<std::uint32_t>(order.inputs.size());
  head.outputs = static_cast<std::uint32_t>(order.outputs.size());
  head.has_log = order.log >= 0 ? 1 : 0;
  head.memory = order.limits.memory;
  head.cpu_seconds = order.limits.cpu_seconds;
  head.file_size = order.limits.file_size;
  head.arguments = static_cast<std::uint32_t>(order.arguments.size());
  head.input_names = static_cast<std::uint32_t>(order.input_names.size());
  head.request_size = order.request.size();
  std::array<int, kMaxWorkerFds> fds;
  std::size_t count = 0;
  for (const int fd : order.inputs) fds[count++] = fd;
  for (const int fd : order.outputs) fds[count++] = fd;
  if (order.log >= 0) fds[count++] = order.log;
  std::string words;  // most jobs have none
  for (const auto& some : {order.arguments, order.input_names}) {
    for (const std::string& word : some) words.append(word.c_str(), word.size() + 1);
  }
  const std::string body = words.empty() ? std::string() : std::string(order.request) + words;
  MOAT_TRY(SendFrame(channel_.get(), BytesOf(head), words.empty() ? order.request : body, {fds.data(), count}, Wait::kNo));
  given_ = true;
  return {};
}

void Worker::Born(int pid_or_error, sys::Pidfd pidfd) {
  pid_ = pid_or_error == 0 ? -ESRCH : pid_or_error;
  pidfd_ = std::move(pidfd);
}

void Worker::Kill() const {
  if (pidfd_.valid()) uapi::Syscall(__NR_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
}

WorkerEnd Worker::Finish() {
  WorkerEnd end;
  // First the whole end: the channel tells that it was hung up (poll), a moment before it tells why.
  if (pidfd_.valid()) end.reaped = Reap(pidfd_, end);
  end.started = given_ && !LeftOrderUnread(channel_.get());
  if (pid_ < 0) {
    end.started = false;
    end.why_not = "a worker could not be forked: " + std::string(base::ErrnoName(-pid_));
  }
  TakeLastWords(channel_.get(), end);
  channel_.Close();
  pidfd_.Close();
  return end;
}

void Worker::Discard() {
  if (!channel_.valid()) return;
  Kill();
  channel_.Close();
  WorkerEnd end;
  if (pidfd_.valid()) Reap(pidfd_, end);
  pidfd_.Close();
}

}  // namespace moat::pool
