// Started ahead of its job, or not: says what it finds when the job is there.
//
//   guest_ahead FILE...       their content; "-": standard input
//
// Built with a constructor that starts a thread, too.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "guests/guest_ahead_early.h"

namespace {

int Copy(const char* path) {
  const bool standard = std::strcmp(path, "-") == 0;
  const int fd = standard ? 0 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 1;
  char bytes[4096];
  for (ssize_t n; (n = read(fd, bytes, sizeof(bytes))) > 0;) std::fwrite(bytes, 1, static_cast<std::size_t>(n), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (Copy(argv[i]) != 0) return 1;
  }
#ifdef MOAT_GUEST_THREAD
  std::fputs(EarlyThreadMoves() ? "alive" : "", stdout);
#endif
  return 0;
}
