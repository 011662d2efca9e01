#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "moat/moat_seal.h"
#include "moat/seal.h"

namespace moat {

void SealWarmNames() {
  const int kept = errno;
  struct passwd entry;
  struct passwd* found = nullptr;
  char buffer[4096];
  (void)getpwuid_r(getuid(), &entry, buffer, sizeof(buffer), &found);
  struct addrinfo hints {};
  hints.ai_flags = AI_NUMERICHOST;
  struct addrinfo* answer = nullptr;
  if (getaddrinfo("127.0.0.1", nullptr, &hints, &answer) == 0) freeaddrinfo(answer);
  errno = kept;
}

}  // namespace moat

extern "C" void moat_seal_warm_names(void) { moat::SealWarmNames(); }
