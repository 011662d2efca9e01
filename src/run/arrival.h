// A file on its way into a folder of the caller's, where it appears whole or not at all.
//
//   auto arrival = MOAT_TRY(run::Arrival::Open(folder, 0600));
//   MOAT_TRY(sys::WriteAll(arrival.fd().get(), bytes, name));
//   MOAT_TRY(arrival.Publish(folder, "result.png"));
//
// It has no name until then, so that a process that is killed leaves nothing. There are two exceptions,
// in which it has a name of moat's own, ".moat-N.part", and is locked: for the moment in which it takes
// the place of another file, and on file systems that know no files without a name. What a killed
// process leaves there is not locked any more, and the next one in that folder removes it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::run {

class Arrival {
 public:
  // kNamed: as where the file system knows no other way.
  enum class Way : unsigned char { kNameless, kNamed };
  // Exclusive: a name that somebody has planted is passed over, not opened. `folder` is borrowed.
  static Result<Arrival> Open(int folder, mode_t mode, Way way = Way::kNameless);
  Arrival() = default;
  Arrival(Arrival&& other) noexcept;
  Arrival& operator=(Arrival&& other) noexcept;
  ~Arrival();  // what was not published is gone

  const sys::Fd& fd() const { return fd_; }
  // rename(2) replaces what has the name, also a symbolic link, and follows nothing.
  Status Publish(const std::string& name);

 private:
  Status TakeName();
  Status TryName(const std::string& name);
  void Drop();

  int folder_ = -1;
  mode_t mode_ = 0;
  sys::Fd fd_;
  std::string name_;  // "": it has none
};

// Removes from `folder` what killed ones left. Looks at a few names, not at the whole folder.
void RemoveLeftArrivals(int folder);

// A name that may be removed like this: never a result's. Pure.
bool IsArrivalName(std::string_view name);

}  // namespace moat::run
