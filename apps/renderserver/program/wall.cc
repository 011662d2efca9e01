#include "program/wall.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>

#include "moat/seal.h"
#include "raster/raster.h"

namespace program {
namespace {

// Each descriptor of its own costs the filter some instructions, of which the kernel takes 4096.
constexpr std::size_t kMostNamed = 64;

void AllowReading(const std::vector<int>& inputs, moat::Seal* seal) {
  if (inputs.size() > kMostNamed) {
    seal->AnyRead().Strays(moat::SealStrays::kKeep);  // all that is open is this program's: StartClean
    return;
  }
  for (const int fd : inputs) seal->Read(fd);
  seal->Strays(moat::SealStrays::kClose);
}

}  // namespace

moat::Status StartClean() {
  if (close_range(3, ~0U, 0) != 0) return moat::SystemError("close_range", errno);
  struct rlimit limit {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return moat::SystemError("getrlimit", errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return moat::SystemError("setrlimit", errno);
  return {};
}

moat::Status Lock(const std::vector<int>& inputs, const std::vector<int>& outputs, int record) {
  raster::Prewarm();
  moat::Seal seal;
  AllowReading(inputs, &seal);
  for (const int fd : outputs) seal.Write(fd);
  seal.Write(STDERR_FILENO).Memory().Threads(moat::SealThreads::kExisting);
  if (record >= 0) seal.OnViolation(moat::SealViolation::kTrap).Record(record);
  MOAT_TRY(seal.Apply());
  return {};
}

}  // namespace program
