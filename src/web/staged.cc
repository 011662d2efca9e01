#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "web/store.h"
#include "base/text.h"
#include "sys/calls.h"

namespace moat::web {
namespace {

// For reading alone, from its beginning, whatever the descriptor that is there may do.
Result<sys::Fd> OpenAgain(const sys::Fd& file) {
  const std::string path = "/proc/self/fd/" + base::Number(static_cast<std::uint64_t>(file.get()));
  return sys::openat2(AT_FDCWD, path.c_str(), O_RDONLY, 0);
}

}  // namespace

Staged::~Staged() {
  if (spool_ == nullptr) return;
  order_.front().bytes = bytes_;
  order_.front().unnamed = std::move(files_);
  spool_->Discard(std::move(order_));  // else the next start does
}

Status Staged::AddInput(const std::string& name) {
  if (std::find(inputs_.begin(), inputs_.end(), name) != inputs_.end()) {
    return PolicyError("two inputs are called `" + name + "`");
  }
  if (kind_ == Kind::kPassing) {
    files_.push_back(MOAT_TRY(spool_->TakeUnnamed()));
  } else {
    const sys::DirFd in = MOAT_TRY(MakeFolder(folder_.get(), "in"));
    // The job reads it as a user of its own; others do not get into the folder above.
    last_ = MOAT_TRY(sys::openat2(in.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, 0644));
  }
  inputs_.push_back(name);
  return {};
}

Status Staged::Write(std::string_view bytes) {
  MOAT_TRY(spool_->Reserve(bytes.size()));
  bytes_ += bytes.size();
  return sys::WriteAll(kind_ == Kind::kPassing ? files_.back().get() : last_.get(), bytes, inputs_.back());
}

Result<sys::Fd> Staged::OpenInput(const std::string& name) const {
  if (kind_ == Kind::kPassing) {
    const auto place = std::find(inputs_.begin(), inputs_.end(), name);
    if (place == inputs_.end()) return SystemError("open", ENOENT, name);
    return OpenAgain(files_[static_cast<std::size_t>(place - inputs_.begin())]);
  }
  const sys::DirFd in = MOAT_TRY(OpenFolder(folder_.get(), "in"));
  return OpenBelow(in.get(), name);
}

Result<sys::DirFd> Staged::MakeOutputs() {
  const sys::DirFd work = MOAT_TRY(MakeFolder(folder_.get(), "work"));
  return MakeFolder(work.get(), "out");
}

Result<sys::Fd> Staged::MakeOutput() {
  sys::Fd made = MOAT_TRY(spool_->TakeUnnamed());
  const int copy = fcntl(made.get(), F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return SystemError("fcntl", errno, "the output");
  files_.push_back(std::move(made));
  return sys::Fd(copy);
}

Result<sys::Fd> Staged::OpenOutput() const {
  if (files_.size() == inputs_.size()) return SystemError("open", ENOENT, "the output");
  return OpenAgain(files_.back());
}

}  // namespace moat::web
