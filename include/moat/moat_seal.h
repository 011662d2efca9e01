// The seal (moat/seal.h) for C: no exceptions, no globals.
//
//   struct moat_seal *seal = moat_seal_new();
//   char why[256];
//   moat_seal_read(seal, 0);
//   moat_seal_write(seal, 1);
//   moat_seal_memory(seal);
//   if (moat_seal_apply(seal, why, sizeof(why)) != 0) { fputs(why, stderr); exit(1); }
//   moat_seal_free(seal);
//
// Words only note down what is wanted; a wrong one is told by moat_seal_apply or _prepare.
// Functions that return int return 0, or -1 with one line of text in `why` (may be NULL).
// Threads: one seal at a time is used by one thread. A NULL seal (no memory) is an error of
// apply and prepare, and no crash.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

struct moat_seal;
struct moat_prepared_seal;

enum { MOAT_SEAL_KILL, MOAT_SEAL_TRAP, MOAT_SEAL_ERRNO, MOAT_SEAL_LOG, MOAT_SEAL_REPORT };
enum { MOAT_SEAL_THREADS_NONE, MOAT_SEAL_THREADS_EXISTING, MOAT_SEAL_THREADS_NEW };
enum { MOAT_SEAL_STRAYS_REFUSE, MOAT_SEAL_STRAYS_CLOSE, MOAT_SEAL_STRAYS_KEEP };

/* self_test: 1, or 0; without _with it is on in debug builds of whoever includes this. */
#ifdef NDEBUG
#define MOAT_SEAL_SELF_TEST_HERE 0
#else
#define MOAT_SEAL_SELF_TEST_HERE 1
#endif
struct moat_seal *moat_seal_new_with(int self_test);
static inline struct moat_seal *moat_seal_new(void) { return moat_seal_new_with(MOAT_SEAL_SELF_TEST_HERE); }
/* "strict", "pure", "stdio" */
struct moat_seal *moat_seal_preset_with(const char *name, int self_test);
static inline struct moat_seal *moat_seal_preset(const char *name) {
  return moat_seal_preset_with(name, MOAT_SEAL_SELF_TEST_HERE);
}
void moat_seal_free(struct moat_seal *seal);

void moat_seal_read(struct moat_seal *seal, int fd);
void moat_seal_write(struct moat_seal *seal, int fd);
void moat_seal_read_write(struct moat_seal *seal, int fd);
void moat_seal_seek(struct moat_seal *seal, int fd);
void moat_seal_map(struct moat_seal *seal, int fd);
void moat_seal_any_read(struct moat_seal *seal);
void moat_seal_any_write(struct moat_seal *seal);
void moat_seal_memory(struct moat_seal *seal);
void moat_seal_time(struct moat_seal *seal);
void moat_seal_random(struct moat_seal *seal);
void moat_seal_waiting(struct moat_seal *seal);
void moat_seal_threads(struct moat_seal *seal, int threads);
void moat_seal_soft_open(struct moat_seal *seal);
void moat_seal_promise(struct moat_seal *seal, const char *words);
void moat_seal_on_violation(struct moat_seal *seal, int mode, int error_number);
void moat_seal_record(struct moat_seal *seal, int fd);
void moat_seal_strays(struct moat_seal *seal, int strays);
void moat_seal_file_size(struct moat_seal *seal, unsigned long long bytes);
void moat_seal_keep_dumps(struct moat_seal *seal);
void moat_seal_self_test(struct moat_seal *seal, int on);

int moat_seal_apply(const struct moat_seal *seal, char *why, unsigned long size);
/* What Apply saw, one line each: descriptors that were left over, notes, the self-test's verdicts. `tell` is
   called behind the seal, and must keep to it; `line` is its own for that long. */
typedef void moat_seal_tell(void *context, const char *line);
int moat_seal_apply_telling(const struct moat_seal *seal, moat_seal_tell *tell, void *context, char *why, unsigned long size);
struct moat_prepared_seal *moat_seal_prepare(const struct moat_seal *seal, char *why, unsigned long size);
int moat_prepared_seal_apply(const struct moat_prepared_seal *seal, char *why, unsigned long size);
void moat_prepared_seal_free(struct moat_prepared_seal *seal);

int moat_seal_warm_iconv(const char *to, const char *from);
void moat_seal_warm_names(void);

#ifdef __cplusplus
}
#endif
