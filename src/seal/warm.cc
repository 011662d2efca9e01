// What libc loads at its first use, made to load before the seal.
#include <libintl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#if defined(__GLIBC__)
#include <execinfo.h>
#include <stdio_ext.h>
#endif

#include <algorithm>
#include <cerrno>

#include "moat/seal.h"

namespace moat {
namespace {

// A terminal is written line by line, which stdio finds out by a call that will be refused.
void WarmStream(FILE* stream) {
#if defined(__GLIBC__)
  if (__fbufsize(stream) == 0 && isatty(fileno(stream)) != 0) setvbuf(stream, nullptr, _IOLBF, 0);
#else
  if (isatty(fileno(stream)) != 0) setvbuf(stream, nullptr, _IOLBF, BUFSIZ);
#endif
}

// Where TZ does not name it, glibc opens /etc/localtime again for each localtime() and mktime(), lest it
// has changed; what is named is read once. Not by setenv, which may free the array that another thread is
// reading: this one is never freed.
void NameTheZone() {
#if defined(__GLIBC__)
  if (environ == nullptr || getenv("TZ") != nullptr) return;
  char** end = environ;
  while (*end != nullptr) ++end;
  auto** const longer = static_cast<char**>(malloc((static_cast<std::size_t>(end - environ) + 2) * sizeof(char*)));
  if (longer == nullptr) return;
  longer[0] = const_cast<char*>("TZ=:/etc/localtime");
  std::copy(environ, end + 1, longer + 1);
  environ = longer;
#endif
}

void WarmTime() {
  NameTheZone();
  tzset();
  const time_t now = time(nullptr);
  struct tm parts;
  char text[64];
  if (localtime_r(&now, &parts) != nullptr) strftime(text, sizeof(text), "%c %Z", &parts);
}

// The converter of the locale's character set is loaded by the first wide character.
void WarmLocale() {
  wchar_t wide = 0;
  mbstate_t state{};
  (void)mbrtowc(&wide, "a", 1, &state);
  char narrow[32];
  (void)snprintf(narrow, sizeof(narrow), "%'d %.3f %ls", 12345, 1.5, L"a");
  (void)localeconv();
}

// Where the program chose a locale, its catalogues are looked for by the first message: libc's own, and
// the program's, which libstdc++ asks too for the words of each exception of its own.
void WarmMessages() {
  (void)strerror(EINVAL);
  (void)gettext("moat");
}

}  // namespace

void SealWarmUp() {
  const int kept = errno;
  WarmStream(stdin);
  WarmStream(stdout);
  WarmTime();
  WarmLocale();
  WarmMessages();
#if defined(__GLIBC__)
  void* frames[4];
  (void)backtrace(frames, 4);  // loads libgcc_s, which cancelling and throwing want
#endif
  unsigned char bytes[8];
  (void)!getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);
  free(malloc(64 * 1024));  // the heap, and with it the number of arenas
  errno = kept;
}

}  // namespace moat
