#include "serve/local_client.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "api/report_wire.h"
#include "pool/frames.h"
#include "sys/calls.h"

namespace moat::serve {
namespace {

using pool::BytesOf;
using pool::Wait;

Result<sys::Fd> Dial(const std::string& path) {
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return PolicyError("the path of the socket is too long: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  sys::Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return SystemError("socket", errno);
  int result;
  do result = connect(socket.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof(address));
  while (result != 0 && errno == EINTR);
  if (result == 0) return socket;
  Error error = SystemError("connect", errno, path);
  if (errno == ECONNREFUSED || errno == ENOENT) error.fix = "is `moat serve` running?";
  if (errno == EACCES) error.fix = "the socket's mode does not let this user in";
  return error;
}

Status CheckHello(const sys::Fd& socket) {
  LocalHello hello;
  auto frame = pool::ReceiveFrame(socket.get(), {reinterpret_cast<char*>(&hello), sizeof(hello)}, Wait::kYes);
  if (!frame.ok()) return std::move(frame).error();
  if (frame->size == 0) return WithFix(HostError("the daemon hung up"), "it knows this user not, or has too many clients");
  hello.version[sizeof(hello.version) - 1] = '\0';
  if (frame->size == sizeof(hello) && hello.kind == LocalFrame::kHello && hello.protocol == kLocalProtocol &&
      std::strcmp(hello.version, MOAT_VERSION) == 0) {
    return {};
  }
  return HostError("the daemon is of another version than this library (" MOAT_VERSION ")");
}

Error Broken() { return HostError("the daemon hung up", "it ended, or did not like what it was sent"); }

Status CheckJob(const LocalJob& job) {
  if (job.profile.empty() || job.profile.size() > 64) return PolicyError("a job needs the name of a profile");
  if (job.inputs.size() > kMaxSubmitInputs) return PolicyError("more than 16 inputs");
  if (job.outputs.size() > kMaxSubmitOutputs) return PolicyError("more than 8 outputs");
  if (job.arguments.size() > kMaxSubmitArguments) return PolicyError("more than 256 arguments");
  if (job.label.size() > kMaxLabel) return PolicyError("a label of more than 64 bytes");
  for (const std::string& argument : job.arguments) {
    if (argument.find('\0') != std::string::npos) return PolicyError("a NUL byte in an argument");
  }
  for (const LocalInput& input : job.inputs) {
    if (input.name.find('\0') != std::string::npos) return PolicyError("a NUL byte in the name of an input");
    if (input.name.empty() != job.inputs[0].name.empty()) return PolicyError("either all inputs have names, or none");
  }
  return {};
}

Result<std::string> BodyOf(const LocalJob& job) {
  std::string body = job.profile + job.label + job.request;
  for (const std::string& argument : job.arguments) body.append(argument.c_str(), argument.size() + 1);
  for (const LocalInput& input : job.inputs) {
    if (!input.name.empty()) body.append(input.name.c_str(), input.name.size() + 1);
  }
  if (body.size() > kMaxSubmitBody) return WithFix(PolicyError("a request of over 64 KiB"), "give large things as an input");
  return body;
}

}  // namespace

Result<sys::Fd> EnterLocalDoor(const std::string& path) {
  sys::Fd door = MOAT_TRY(Dial(path));
  MOAT_TRY(CheckHello(door));
  return door;
}

Status SendJob(const sys::Fd& door, std::uint64_t id, const LocalJob& job) {
  MOAT_TRY(CheckJob(job));
  const std::string body = MOAT_TRY(BodyOf(job));
  SubmitFrame head;
  head.id = id;
  head.priority = static_cast<std::uint32_t>(job.priority);
  head.inputs = static_cast<std::uint32_t>(job.inputs.size());
  head.outputs = static_cast<std::uint32_t>(job.outputs.size());
  head.arguments = static_cast<std::uint32_t>(job.arguments.size());
  head.input_names = job.inputs.empty() || job.inputs[0].name.empty() ? 0 : head.inputs;
  head.profile_size = static_cast<std::uint32_t>(job.profile.size());
  head.label_size = static_cast<std::uint32_t>(job.label.size());
  head.request_size = job.request.size();
  head.wall_ns = job.wall_ns;
  head.start_within_ns = job.start_within_ns;
  std::vector<int> fds;
  for (const LocalInput& input : job.inputs) fds.push_back(input.descriptor);
  fds.insert(fds.end(), job.outputs.begin(), job.outputs.end());
  if (job.log >= 0) {
    head.flags |= kGivesLog;
    fds.push_back(job.log);
  }
  if (job.folder >= 0) {
    head.flags |= kGivesFolder;
    fds.push_back(job.folder);
  }
  auto sent = pool::SendFrame(door.get(), BytesOf(head), body, fds);
  if (!sent.ok() && sent.error().error_number == EPIPE) return Broken();
  return sent;
}

Status CancelJob(const sys::Fd& door, std::uint64_t id) {
  CancelFrame frame;
  frame.id = id;
  auto sent = pool::SendFrame(door.get(), BytesOf(frame), {}, {});
  if (!sent.ok() && sent.error().error_number == EPIPE) return Broken();
  return sent;
}

Result<std::string> AskForFigures(const sys::Fd& door, std::span<char> buffer) {
  const auto sent = pool::SendFrame(door.get(), BytesOf(FiguresFrame{}), {}, {});
  if (!sent.ok() && sent.error().error_number != EPIPE) return sent.error();
  auto answer = NextAnswer(door, buffer);
  if (!answer.ok()) return WithFix(std::move(answer).error(), "figures are for root and the daemon's own user");
  return std::move(answer->answer);
}

Result<LocalAnswer> NextAnswer(const sys::Fd& door, std::span<char> buffer) {
  auto frame = MOAT_TRY(pool::ReceiveFrame(door.get(), buffer, Wait::kYes));
  if (frame.size == 0) return Broken();
  DoneFrame head;
  if (!frame.whole || frame.size < sizeof(head)) return BugError("an answer of the daemon that is none");
  std::memcpy(&head, buffer.data(), sizeof(head));
  std::string body(buffer.data() + sizeof(head), frame.size - sizeof(head));
  if (head.body_in_memfd != 0) {
    if (frame.fds.size() != 1) return BugError("an answer of the daemon without its body");
    // The position is shared with the daemon, which has just written it.
    if (lseek(frame.fds[0].get(), 0, SEEK_SET) != 0) return SystemError("lseek", errno, "an answer of the daemon");
    body = MOAT_TRY(sys::ReadAll(frame.fds[0], kMaxDoneBody, "an answer of the daemon"));
  }
  const std::uint64_t most = body.size();
  if (head.kind != LocalFrame::kDone || head.outcome > static_cast<std::uint32_t>(LocalOutcome::kInvalid) || head.why_size > most ||
      head.report_size > most - head.why_size || head.answer_size != most - head.why_size - head.report_size) {
    return BugError("an answer of the daemon that is none");
  }
  LocalAnswer result;
  result.id = head.id;
  result.outcome = static_cast<LocalOutcome>(head.outcome);
  result.why = body.substr(0, head.why_size);
  result.retry_after_ns = head.retry_after_ns;
  result.waited_ns = head.waited_ns;
  auto report = api::UnpackReport(std::string_view(body).substr(head.why_size, head.report_size));
  if (!report) return BugError("an answer of the daemon without a report");
  result.report = *std::move(report);
  result.answer = body.substr(head.why_size + head.report_size);
  return result;
}

}  // namespace moat::serve
