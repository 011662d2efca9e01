#include <iconv.h>

#include <cerrno>

#include "moat/moat_seal.h"
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

}  // namespace moat

extern "C" int moat_seal_warm_iconv(const char* to, const char* from) { return moat::SealWarmIconv(to, from).ok() ? 0 : -1; }
