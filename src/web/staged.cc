#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "web/store.h"
#include "sys/calls.h"

namespace moat::web {

Staged::~Staged() {
  if (spool_ == nullptr) return;
  spool_->Discard(id_, bytes_);  // else the next start does
}

Status Staged::AddInput(const std::string& name) {
  if (std::find(inputs_.begin(), inputs_.end(), name) != inputs_.end()) {
    return PolicyError("two inputs are called `" + name + "`");
  }
  const sys::DirFd in = MOAT_TRY(MakeFolder(folder_.get(), "in"));
  // The job reads it as a user of its own; others do not get into the folder above.
  last_ = MOAT_TRY(sys::openat2(in.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0, 0644));
  inputs_.push_back(name);
  return {};
}

Status Staged::Write(std::string_view bytes) {
  MOAT_TRY(spool_->Reserve(bytes.size()));
  bytes_ += bytes.size();
  return sys::WriteAll(last_.get(), bytes, inputs_.back());
}

Result<sys::Fd> Staged::OpenInput(const std::string& name) const {
  const sys::DirFd in = MOAT_TRY(OpenFolder(folder_.get(), "in"));
  return OpenBelow(in.get(), name);
}

Result<sys::DirFd> Staged::MakeOutputs() {
  const sys::DirFd work = MOAT_TRY(MakeFolder(folder_.get(), "work"));
  return MakeFolder(work.get(), "out");
}

}  // namespace moat::web
