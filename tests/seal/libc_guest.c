// What libc does late, before the seal and behind it: `libc_guest WHAT [bare]`. Compiled with
// glibc and musl, static and dynamic. Exit 0: it worked.
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <libintl.h>
#include <locale.h>
#include <moat/moat_seal.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

static FILE *input;

static int check_printf(void) {
  printf("%s %d %.3f %'d\n", "text", 42, 1.5, 1234567);
  return fflush(stdout);
}
static int check_fread(void) {
  char line[256];
  return fgets(line, sizeof(line), input) != NULL && fseek(input, 0, SEEK_SET) == 0 && fgets(line, sizeof(line), input) != NULL &&
                 fseek(input, 0, SEEK_END) == 0 && ftell(input) > 0
             ? 0
             : 1;
}
static int check_scanf(void) {
  char word[64];
  return fscanf(input, "%63s", word) == 1 ? 0 : 1;
}
static int check_localtime(void) {
  const time_t now = 1700000000;
  char text[64];
  return strftime(text, sizeof(text), "%c %Z", localtime(&now)) > 0 ? 0 : 1;
}
static int check_ctime(void) {
  const time_t now = 1700000000;
  fputs(ctime(&now), stdout);
  fputs(asctime(localtime(&now)), stdout);
  return 0;
}
static int check_mktime(void) {
  struct tm parts = {.tm_year = 120, .tm_mday = 1, .tm_isdst = -1};
  return mktime(&parts) > 0 ? 0 : 1;
}
static int check_wide(void) {
  wchar_t wide[16];
  char narrow[16];
  return mbstowcs(wide, "abc", 16) == 3 && wcstombs(narrow, wide, 16) == 3 ? 0 : 1;
}
static int check_iconv(void) {
  iconv_t conversion = iconv_open("UTF-8", "UTF-16LE");
  if (conversion == (iconv_t)-1) return 1;
  char in[] = "a", out[8];
  char *from = in, *to = out;
  size_t left = 2, room = 8;
  return iconv(conversion, &from, &left, &to, &room) == 0 && out[0] == 'a' ? 0 : 1;
}
static int check_malloc(void) {
  for (size_t size = 16; size < (64U << 20); size *= 4) {
    char *block = malloc(size);
    if (block == NULL) return 1;
    memset(block, 1, size < 4096 ? size : 4096);
    block = realloc(block, size * 2);
    free(block);
  }
  return 0;
}
// Taken before the seal, given back behind one without memory.
static void *taken[40];
static void take(void) {
  for (size_t i = 0; i < 40; ++i) taken[i] = malloc((size_t)4096 << i % 8);
}
static int check_free(void) {
  for (size_t i = 0; i < 40; ++i) free(taken[i]);
  return puts("given back") < 0;
}
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static int check_qsort(void) {
  enum { kCount = 500000 };
  int *numbers = malloc(kCount * sizeof(int));
  for (int i = 0; i < kCount; ++i) numbers[i] = (int)((i * 7919LL) % 1000003);
  qsort(numbers, kCount, sizeof(int), compare);
  return numbers[0] <= numbers[kCount - 1] ? 0 : 1;
}
static int check_getrandom(void) {
  char bytes[32];
  return getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes) ? 0 : 1;
}
static int check_sleep(void) {
  const struct timespec moment = {0, 1000};
  struct timespec now;
  return nanosleep(&moment, NULL) == 0 && clock_gettime(CLOCK_MONOTONIC, &now) == 0 && usleep(1) == 0 && time(NULL) > 0 ? 0 : 1;
}
static void *worker(void *gate) {
  pthread_mutex_lock(gate);
  pthread_mutex_unlock(gate);
  free(malloc(3 << 20));
  return NULL;
}
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_t old_thread;
static int check_old_thread(void) {
  pthread_mutex_unlock(&gate);
  return pthread_join(old_thread, NULL);
}
static int check_new_thread(void) {
  pthread_t thread;
  return pthread_create(&thread, NULL, worker, &gate) == 0 && pthread_join(thread, NULL) == 0 ? 0 : 1;
}
static int check_abort(void) { abort(); }
static int check_assert(void) {
  const int true_here = 0;
  assert(true_here);
  return 0;
}
// The words of errors come from catalogues, which are files.
static int check_strerror(void) {
  printf("%s, %s\n", strerror(ENOSPC), strsignal(SIGTERM));
  return 0;
}
static int check_perror(void) {
  errno = ENOSPC;
  perror("perror");
  return 0;
}
// So do those of the exceptions that libstdc++ throws.
static int check_messages(void) { return puts(gettext("vector::_M_range_check")) < 0; }
// Asked, and answered with a refusal at worst.
static int check_looks(void) {
  char path[64];
  struct stat facts;
  (void)!getcwd(path, sizeof(path));
  (void)stat("/", &facts);
  (void)lstat("/", &facts);
  (void)sched_get_priority_max(SCHED_OTHER);
  (void)sched_getscheduler(0);
  return 0;
}
static jmp_buf back;
static void on_signal(int number) {
  (void)number;
  siglongjmp(back, 1);
}
static int check_signals(void) {
  if (sigsetjmp(back, 1) != 0) return 0;
  signal(SIGFPE, on_signal);
  volatile int zero = 0;
  return 1 / zero;
}
// The heap of a thread shrinks by what is free at its end.
static void *fills_and_empties(void *nothing) {
  void *pieces[64];
  for (int i = 0; i < 64; ++i) pieces[i] = malloc(100 * 1024);
  for (int i = 63; i >= 0; --i) free(pieces[i]);
  return nothing;
}
static int check_thread_heap(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, fills_and_empties, NULL) != 0) return 1;
  return pthread_join(thread, NULL);
}
// A thread asks for its own stack, as language runtimes do.
static void *knows_its_stack(void *nothing) {
  pthread_attr_t attr;
  if (pthread_getattr_np(pthread_self(), &attr) != 0) return (void *)1;
  pthread_attr_destroy(&attr);
  return nothing;
}
static int check_thread_stack(void) {
  pthread_t thread;
  void *wrong = (void *)1;
  if (pthread_create(&thread, NULL, knows_its_stack, NULL) != 0) return 1;
  return pthread_join(thread, &wrong) != 0 || wrong != NULL;
}
static void *ends_itself(void *nothing) {
  pthread_exit(nothing);
}
// Each call looks at the machine's files anew; with soft_open it gets by without.
static int check_cpus(void) { return sysconf(_SC_NPROCESSORS_ONLN) > 0 && sysconf(_SC_NPROCESSORS_CONF) > 0 ? 0 : 1; }
static int check_setlocale(void) {
  setlocale(LC_ALL, "de_DE.UTF-8");
  return setlocale(LC_ALL, "C") != NULL ? 0 : 1;
}
static int check_names(void) {
  getpwuid(0);  // nobody can tell, and nobody dies of it
  return 0;
}
static int check_hosts(void) {
  struct addrinfo *found = NULL;
  if (getaddrinfo("name.invalid", "80", NULL, &found) == 0) freeaddrinfo(found);
  return 0;
}
static int check_throw_by_cancel(void) {  // unwinds as an exception does
  pthread_t thread;
  if (pthread_create(&thread, NULL, ends_itself, NULL) != 0) return 1;
  return pthread_join(thread, NULL);
}
static int check_getenv(void) {
  setenv("SEAL", "yes", 1);
  return strcmp(getenv("SEAL"), "yes");
}
static int check_exit_flush(void) {
  printf("unflushed");
  char c;
  if (fread(&c, 1, 1, input) != 1) return 1;
  exit(0);
}

enum { kPlain, kOldThread, kNewThread, kSoftOpen, kNoMemory };
static const struct check {
  const char *name;
  int (*run)(void);
  int needs;
} kChecks[] = {
    {"printf", check_printf, kPlain},       {"fread", check_fread, kPlain},         {"scanf", check_scanf, kPlain},
    {"localtime", check_localtime, kPlain}, {"mktime", check_mktime, kPlain},       {"ctime", check_ctime, kPlain},         {"strerror", check_strerror, kPlain},
    {"perror", check_perror, kPlain},       {"messages", check_messages, kPlain},   {"looks", check_looks, kPlain},
    {"wide", check_wide, kPlain},
    {"iconv", check_iconv, kPlain},         {"malloc", check_malloc, kPlain},       {"qsort", check_qsort, kPlain},
    {"getrandom", check_getrandom, kPlain}, {"sleep", check_sleep, kPlain},         {"old_thread", check_old_thread, kOldThread},
    {"new_thread", check_new_thread, kNewThread}, {"abort", check_abort, kPlain},   {"assert", check_assert, kPlain},
    {"signals", check_signals, kPlain},     {"cpus", check_cpus, kSoftOpen},        {"setlocale", check_setlocale, kSoftOpen},
    {"names", check_names, kSoftOpen},      {"hosts", check_hosts, kSoftOpen},      {"unwind_thread", check_throw_by_cancel, kNewThread},
    {"thread_heap", check_thread_heap, kNewThread}, {"thread_stack", check_thread_stack, kNewThread}, {"free", check_free, kNoMemory},
    {"abort_without_memory", check_abort, kNoMemory}, {"getenv", check_getenv, kPlain}, {"exit_flush", check_exit_flush, kPlain},
};

static void seal_for(int needs) {
  struct moat_seal *seal = moat_seal_new_with(0);
  moat_seal_read(seal, 0);
  moat_seal_write(seal, 1);
  moat_seal_write(seal, 2);
  moat_seal_read(seal, fileno(input));
  moat_seal_seek(seal, fileno(input));
  if (needs != kNoMemory) moat_seal_memory(seal);
  moat_seal_time(seal);
  moat_seal_random(seal);
  moat_seal_strays(seal, MOAT_SEAL_STRAYS_CLOSE);
  if (needs == kOldThread) moat_seal_threads(seal, MOAT_SEAL_THREADS_EXISTING);
  if (needs == kNewThread) moat_seal_threads(seal, MOAT_SEAL_THREADS_NEW);
  if (needs == kSoftOpen) moat_seal_soft_open(seal);
  moat_seal_on_violation(seal, MOAT_SEAL_TRAP, 0);
  moat_seal_record(seal, 2);
  char why[512];
  moat_seal_warm_iconv("UTF-8", "UTF-16LE");
  if (moat_seal_apply(seal, why, sizeof(why)) != 0) {
    fprintf(stderr, "apply: %s\n", why);
    exit(70);
  }
  moat_seal_free(seal);
}

int main(int argc, char **argv) {
  setlocale(LC_ALL, "");
  input = fopen("/etc/passwd", "r");
  for (size_t i = 0; input != NULL && argc > 1 && i < sizeof(kChecks) / sizeof(kChecks[0]); ++i) {
    if (strcmp(argv[1], kChecks[i].name) != 0) continue;
    if (kChecks[i].needs == kOldThread) {
      pthread_mutex_lock(&gate);
      pthread_create(&old_thread, NULL, worker, &gate);
    }
    take();
    printf(" ");  // stdio has its buffer
    if (argc == 2) seal_for(kChecks[i].needs);
    return kChecks[i].run();
  }
  for (size_t i = 0; i < sizeof(kChecks) / sizeof(kChecks[0]); ++i) puts(kChecks[i].name);
  return 64;
}
