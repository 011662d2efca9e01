#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "api/report_wire.h"
#include "base/safe_text.h"
#include "moat/pool.h"
#include "pool/frames.h"
#include "serve/local_protocol.h"
#include "sys/calls.h"

namespace moat {
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
  serve::LocalHello hello;
  auto frame = pool::ReceiveFrame(socket.get(), {reinterpret_cast<char*>(&hello), sizeof(hello)}, Wait::kYes);
  if (!frame.ok()) return std::move(frame).error();
  if (frame->size == 0) return WithFix(HostError("the daemon hung up"), "it knows this user not, or has too many clients");
  hello.version[sizeof(hello.version) - 1] = '\0';
  if (frame->size == sizeof(hello) && hello.kind == serve::LocalFrame::kHello && hello.protocol == serve::kLocalProtocol &&
      std::strcmp(hello.version, MOAT_VERSION) == 0) {
    return {};
  }
  return HostError("the daemon is of another version than this library (" MOAT_VERSION ")");
}

Error Broken() { return HostError("the daemon hung up", "it ended, or did not like what it was sent"); }

std::uint64_t Ns(const std::optional<std::chrono::nanoseconds>& time) {
  return time && time->count() > 0 ? static_cast<std::uint64_t>(time->count()) : time ? 0 : serve::kNoTime;
}

}  // namespace

struct PoolClient::Impl {
  sys::Fd socket;
  std::uint64_t last_id = 0;
  std::vector<char> buffer = std::vector<char>(sizeof(serve::DoneFrame) + serve::kMaxInlineBody);
};

PoolClient::PoolClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PoolClient::PoolClient(PoolClient&&) noexcept = default;
PoolClient& PoolClient::operator=(PoolClient&&) noexcept = default;
PoolClient::~PoolClient() = default;

Result<PoolClient> PoolClient::Connect(const std::string& socket) {
  auto impl = std::make_unique<Impl>();
  impl->socket = MOAT_TRY(Dial(socket));
  MOAT_TRY(CheckHello(impl->socket));
  return PoolClient(std::move(impl));
}

int PoolClient::descriptor() const { return impl_->socket.get(); }

namespace {

Status CheckJob(const PoolJob& job) {
  if (job.profile.empty() || job.profile.size() > 64) return PolicyError("a job needs the name of a profile");
  if (job.inputs.size() > serve::kMaxSubmitInputs) return PolicyError("more than 16 inputs");
  if (job.outputs.size() > serve::kMaxSubmitOutputs) return PolicyError("more than 8 outputs");
  if (job.arguments.size() > serve::kMaxSubmitArguments) return PolicyError("more than 256 arguments");
  for (const std::string& argument : job.arguments) {
    if (argument.find('\0') != std::string::npos) return PolicyError("a NUL byte in an argument");
  }
  for (const PoolInput& input : job.inputs) {
    if (input.name.find('\0') != std::string::npos) return PolicyError("a NUL byte in the name of an input");
    if (input.name.empty() != job.inputs[0].name.empty()) return PolicyError("either all inputs have names, or none");
  }
  return {};
}

Result<std::string> BodyOf(const PoolJob& job) {
  std::string body = job.profile + job.request;
  for (const std::string& argument : job.arguments) body.append(argument.c_str(), argument.size() + 1);
  for (const PoolInput& input : job.inputs) {
    if (!input.name.empty()) body.append(input.name.c_str(), input.name.size() + 1);
  }
  if (body.size() > serve::kMaxSubmitBody) return WithFix(PolicyError("a request of over 64 KiB"), "give large things as an input");
  return body;
}

}  // namespace

Result<std::uint64_t> PoolClient::Submit(const PoolJob& job) {
  MOAT_TRY(CheckJob(job));
  const std::string body = MOAT_TRY(BodyOf(job));
  serve::SubmitFrame head;
  head.id = ++impl_->last_id;
  head.priority = static_cast<std::uint32_t>(job.priority);
  head.inputs = static_cast<std::uint32_t>(job.inputs.size());
  head.outputs = static_cast<std::uint32_t>(job.outputs.size());
  head.arguments = static_cast<std::uint32_t>(job.arguments.size());
  head.input_names = job.inputs.empty() || job.inputs[0].name.empty() ? 0 : head.inputs;
  head.profile_size = static_cast<std::uint32_t>(job.profile.size());
  head.request_size = job.request.size();
  head.wall_ns = Ns(job.wall);
  head.start_within_ns = Ns(job.start_within);
  std::vector<int> fds;
  for (const PoolInput& input : job.inputs) fds.push_back(input.descriptor);
  fds.insert(fds.end(), job.outputs.begin(), job.outputs.end());
  if (job.log >= 0) {
    head.flags |= serve::kGivesLog;
    fds.push_back(job.log);
  }
  if (job.folder >= 0) {
    head.flags |= serve::kGivesFolder;
    fds.push_back(job.folder);
  }
  auto sent = pool::SendFrame(impl_->socket.get(), BytesOf(head), body, fds);
  if (sent.ok()) return head.id;
  if (sent.error().error_number == EPIPE) return Broken();
  return std::move(sent).error();
}

Status PoolClient::Cancel(std::uint64_t id) {
  serve::CancelFrame frame;
  frame.id = id;
  auto sent = pool::SendFrame(impl_->socket.get(), BytesOf(frame), {}, {});
  if (!sent.ok() && sent.error().error_number == EPIPE) return Broken();
  return sent;
}

Result<PoolResult> PoolClient::Next() {
  auto frame = MOAT_TRY(pool::ReceiveFrame(impl_->socket.get(), impl_->buffer, Wait::kYes));
  if (frame.size == 0) return Broken();
  serve::DoneFrame head;
  if (!frame.whole || frame.size < sizeof(head)) return BugError("an answer of the daemon that is none");
  std::memcpy(&head, impl_->buffer.data(), sizeof(head));
  std::string body(impl_->buffer.data() + sizeof(head), frame.size - sizeof(head));
  if (head.body_in_memfd != 0) {
    if (frame.fds.size() != 1) return BugError("an answer of the daemon without its body");
    // The position is shared with the daemon, which has just written it.
    if (lseek(frame.fds[0].get(), 0, SEEK_SET) != 0) return SystemError("lseek", errno, "an answer of the daemon");
    body = MOAT_TRY(sys::ReadAll(frame.fds[0], serve::kMaxDoneBody, "an answer of the daemon"));
  }
  const std::uint64_t most = body.size();
  if (head.kind != serve::LocalFrame::kDone || head.outcome > static_cast<std::uint32_t>(PoolOutcome::kInvalid) || head.why_size > most ||
      head.report_size > most - head.why_size || head.answer_size != most - head.why_size - head.report_size) {
    return BugError("an answer of the daemon that is none");
  }
  PoolResult result;
  result.id = head.id;
  result.outcome = static_cast<PoolOutcome>(head.outcome);
  result.why = body.substr(0, head.why_size);
  result.retry_after = std::chrono::nanoseconds(head.retry_after_ns);
  result.waited = std::chrono::nanoseconds(head.waited_ns);
  auto report = api::UnpackReport(std::string_view(body).substr(head.why_size, head.report_size));
  if (!report) return BugError("an answer of the daemon without a report");
  result.report = *std::move(report);
  result.answer = body.substr(head.why_size + head.report_size);
  return result;
}

Result<PoolResult> PoolClient::Run(const PoolJob& job) {
  const std::uint64_t id = MOAT_TRY(Submit(job));
  PoolResult result = MOAT_TRY(Next());
  if (result.id != id) return PolicyError("Run while other jobs are on their way: use Submit and Next");
  return result;
}

}  // namespace moat
