#include "api/request.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/safe_text.h"
#include "sys/calls.h"
#include "sys/message.h"

namespace moat::api {
namespace {

Result<std::string> Absolute(const std::string& path) {
  if (path[0] == '/') return path;
  char folder[PATH_MAX];
  if (getcwd(folder, sizeof(folder)) == nullptr) return SystemError("getcwd", errno);
  return std::string(folder) + "/" + path;
}

std::string NameOf(const Input& input) { return input.name.empty() ? input.path.substr(input.path.rfind('/') + 1) : input.name; }

Status CheckVariables(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    // Its value may be a secret: only the name is told.
    if (equals != std::string::npos && equals != 0) continue;
    return PolicyError("environment: `" + base::Printable(variable.substr(0, equals)) + "` is not NAME=value");
  }
  return {};
}

Error StreamError(int number, const char* what) {
  const char* const names[] = {"in", "out", "err"};
  return PolicyError(std::string("the command's stream `") + names[number] + "`: " + what);
}

}  // namespace

Result<Request> Request::Make(const Command& command) {
  if (command.argv.empty() || command.argv.front().empty()) return PolicyError("no command to run");
  if (command.inputs.size() > abi::kMaxInputs) return PolicyError("more than 64 inputs");
  MOAT_TRY(CheckVariables(command.environment));
  MOAT_TRY(CheckVariables(command.offered_environment));
  Request request;
  MOAT_TRY(request.AddTexts(command));
  MOAT_TRY(request.AddStreams(command));
  MOAT_TRY(request.AddOutput(command));
  MOAT_TRY(request.AddInputs(command));
  if (command.warm != Warm::kNo) request.head_.flags |= kWarm;
  request.head_.body_size = request.body_.size();
  if (request.body_.size() > kMaxBody) return PolicyError("arguments and environment are over 8M together");
  if (request.body_.size() > kMaxInline) {
    request.body_file_ = MOAT_TRY(sys::memfd_create("moat-request", MFD_ALLOW_SEALING));
    MOAT_TRY(sys::WriteAll(request.body_file_.get(), request.body_, "moat-request"));
    fcntl(request.body_file_.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
    request.head_.flags |= kBodyInMemFd;
    request.body_.clear();
  }
  return request;
}

Result<std::string> Request::Expected(const Command& command, PrepareRequest& head) {
  MOAT_TRY(CheckVariables(command.environment));
  MOAT_TRY(CheckVariables(command.offered_environment));
  Request request;
  MOAT_TRY(request.AddTexts(command));
  for (const Input& input : command.inputs) {
    const std::string name = NameOf(input);
    request.body_.append(name.c_str(), name.size() + 1);
  }
  head.arguments = request.head_.arguments;
  head.offered = request.head_.offered;
  head.extra = request.head_.extra;
  head.inputs = static_cast<std::uint32_t>(command.inputs.size());
  head.flags |= kWarm;
  return std::move(request.body_);
}

Status Request::AddTexts(const Command& command) {
  for (const auto* texts : {&command.argv, &command.offered_environment, &command.environment}) {
    if (texts->size() > kMaxTexts) return PolicyError("more than 65536 arguments or variables");
    for (const std::string& text : *texts) {
      if (text.find('\0') != std::string::npos) return PolicyError("a NUL byte in an argument or a variable");
      body_.append(text.c_str(), text.size() + 1);
    }
  }
  head_.arguments = static_cast<std::uint32_t>(command.argv.size());
  head_.offered = static_cast<std::uint32_t>(command.offered_environment.size());
  head_.extra = static_cast<std::uint32_t>(command.environment.size());
  return {};
}

Result<int> Request::StreamFd(const Stream& stream, int number, sys::Fd& own) {
  switch (stream.kind()) {
    case Stream::Kind::kNull: return -1;
    case Stream::Kind::kInherit: return fcntl(number, F_GETFD) < 0 ? -1 : number;  // a daemon may have closed it
    case Stream::Kind::kDescriptor:
      if (fcntl(stream.descriptor(), F_GETFD) < 0) return StreamError(number, "that descriptor is not open");
      return stream.descriptor();
    case Stream::Kind::kText:
      if (number != 0) return StreamError(number, "a text can only be read");
      own = MOAT_TRY(sys::memfd_create("moat-in", 0));
      MOAT_TRY(sys::WriteAll(own.get(), stream.text(), "moat-in"));
      if (lseek(own.get(), 0, SEEK_SET) != 0) return SystemError("lseek", errno, "moat-in");
      return own.get();
    case Stream::Kind::kCapture:
      if (number == 0) return StreamError(number, "input cannot be captured");
      own = MOAT_TRY(sys::memfd_create("moat-capture", 0));
      return own.get();
  }
  return BugError("a stream of unknown kind");
}

Status Request::AddStreams(const Command& command) {
  const Stream* const streams[] = {&command.in, &command.out, &command.err};
  sys::Fd* const own[] = {&text_in_, &capture_out_, &capture_err_};
  constexpr std::uint32_t kFlags[] = {kGivesIn, kGivesOut, kGivesErr};
  for (int i = 0; i < 3; ++i) {
    const int fd = MOAT_TRY(StreamFd(*streams[i], i, *own[i]));
    if (fd < 0) continue;
    head_.flags |= kFlags[i];
    fds_.push_back(fd);
  }
  return {};
}

// The output folder travels as a descriptor: a helper may be in a mount namespace that is older
// than the folder's mount. Held before the job starts, so that a wrong path is told at once.
Status Request::AddOutput(const Command& command) {
  int fd = command.output_descriptor;
  if (fd < 0 && command.output_dir.empty()) return {};
  if (fd < 0) {
    if (mkdir(command.output_dir.c_str(), 0755) != 0 && errno != EEXIST) {
      return SystemError("mkdir", errno, command.output_dir);
    }
    output_ = MOAT_TRY(sys::open(command.output_dir, O_RDONLY | O_DIRECTORY));
    fd = output_.get();
  }
  head_.flags |= kGivesOutput;
  fds_.push_back(fd);
  return {};
}

Status Request::AddInputs(const Command& command) {
  head_.inputs = static_cast<std::uint32_t>(command.inputs.size());
  for (std::size_t i = 0; i < command.inputs.size(); ++i) {
    const Input& input = command.inputs[i];
    const bool opened = input.descriptor >= 0;
    const std::string name = NameOf(input);
    if ((input.path + input.name).find('\0') != std::string::npos) return PolicyError("a NUL byte in the name of an input");
    if (name.empty()) return PolicyError("an input without a name");
    if (input.path.empty() && !opened) return PolicyError("an input without a path");
    const std::string path = opened ? (input.path.empty() ? name : input.path) : MOAT_TRY(Absolute(input.path));
    body_.append(path.c_str(), path.size() + 1);
    body_.append(name.c_str(), name.size() + 1);
    if (!opened) continue;
    head_.opened_inputs |= std::uint64_t{1} << i;
    fds_.push_back(input.descriptor);
  }
  return {};
}

Status Request::Send(int socket, std::uint32_t job, std::uint32_t slot, int file) {
  RunRequest head = head_;
  head.job = job;
  head.plan_slot = slot;
  std::vector<int> fds;
  if (file >= 0) {
    head.flags |= kCarriesPlan;
    fds.push_back(file);
  }
  if (body_file_.valid()) fds.push_back(body_file_.get());
  fds.insert(fds.end(), fds_.begin(), fds_.end());
  auto sent = sys::SendMessage(socket, sys::BytesOf(head), body_, fds);
  return sent.ok() ? Status() : std::move(sent).error();
}

std::string Request::TakeCapture(const sys::Fd& file) {
  std::string text;
  struct stat facts{};
  if (!file.valid() || fstat(file.get(), &facts) != 0) return text;
  text.resize(static_cast<std::size_t>(facts.st_size));
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = pread(file.get(), text.data() + have, text.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  text.resize(have);
  return text;
}

}  // namespace moat::api
