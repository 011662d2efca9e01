#include <iconv.h>
#include <netdb.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

#include "moat/seal.h"

namespace moat {

Status SealWarmIconv(const char* to, const char* from) {
  // Never closed: libc keeps a conversion loaded only as long as somebody uses it.
  const iconv_t conversion = iconv_open(to, from);
  if (conversion == reinterpret_cast<iconv_t>(-1)) return SystemError("iconv_open", errno, std::string(from) + " to " + to);
  char in[] = "a";
  char out[16];
  char *from_here = in, *to_here = out;
  std::size_t in_left = 1, out_left = sizeof(out);
  (void)iconv(conversion, &from_here, &in_left, &to_here, &out_left);
  return {};
}

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
