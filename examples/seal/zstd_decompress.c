// zstd_decompress IN OUT: in C. Both files are opened first; then the program can read the one,
// write the other, allocate memory, and nothing else.
#define _GNU_SOURCE
#include <fcntl.h>
#include <moat/moat_seal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "compromise.h"

static int fail(const char *what) {
  fprintf(stderr, "zstd_decompress: %s\n", what);
  return 1;
}

static int write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    const ssize_t now = write(fd, bytes, size);
    if (now <= 0) return -1;
    bytes += now;
    size -= (size_t)now;
  }
  return 0;
}

static int decompress(int in, int out) {
  ZSTD_DStream *stream = ZSTD_createDStream();
  const size_t in_size = ZSTD_DStreamInSize(), out_size = ZSTD_DStreamOutSize();
  char *from = malloc(in_size), *to = malloc(out_size);
  if (stream == NULL || from == NULL || to == NULL) return fail("no memory");
  size_t state = 1;
  for (ssize_t got; (got = read(in, from, in_size)) != 0;) {
    if (got < 0) return fail("cannot read");
    ZSTD_inBuffer input = {from, (size_t)got, 0};
    while (input.pos < input.size) {
      ZSTD_outBuffer output = {to, out_size, 0};
      state = ZSTD_decompressStream(stream, &output, &input);
      if (ZSTD_isError(state)) return fail(ZSTD_getErrorName(state));
      compromised_by(to, output.pos);
      if (write_all(out, to, output.pos) != 0) return fail("cannot write");
    }
  }
  return state == 0 ? 0 : fail("the input ends too early");
}

int main(int argc, char **argv) {
  const int bare = without_seal(&argc, &argv);
  if (argc != 3) return fail("usage: zstd_decompress IN OUT");
  const int in = open(argv[1], O_RDONLY | O_CLOEXEC);
  const int out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (in < 0 || out < 0) return fail("cannot open the files");

  struct moat_seal *seal = moat_seal_new();
  moat_seal_read(seal, in);
  moat_seal_write(seal, out);
  moat_seal_write(seal, 2);
  moat_seal_memory(seal);
  moat_seal_strays(seal, MOAT_SEAL_STRAYS_CLOSE);
  char why[512];
  if (!bare && moat_seal_apply(seal, why, sizeof(why)) != 0) return fail(why);
  return decompress(in, out);
}
