// For tests only: bytes that a real program would be taken over by. Here they ask for it.
// "MOAT-COMPROMISE:open", ":connect" or ":exec" in the input makes the program try that.
#pragma once

#include <stddef.h>

#ifdef MOAT_EXAMPLE_COMPROMISE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static inline void compromised_by(const void *bytes, size_t size) {
  static const char magic[] = "MOAT-COMPROMISE:";
  const char *found = (const char *)memmem(bytes, size, magic, sizeof(magic) - 1);
  if (found == NULL) return;
  const char *what = found + sizeof(magic) - 1;
  const size_t left = size - (size_t)(what - (const char *)bytes);
  int got = -1;
  if (left >= 4 && memcmp(what, "open", 4) == 0) {
    got = open("/etc/passwd", O_RDONLY);
  } else if (left >= 7 && memcmp(what, "connect", 7) == 0) {
    got = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in there;
    memset(&there, 0, sizeof(there));
    there.sin_family = AF_INET;
    there.sin_port = htons(9);
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (got >= 0 && connect(got, (struct sockaddr *)&there, sizeof(there)) != 0) got = -1;
  } else if (left >= 4 && memcmp(what, "exec", 4) == 0) {
    execl("/bin/echo", "echo", "compromised", (char *)NULL);
  }
  if (got >= 0) (void)!write(1, "compromised\n", 12);
  _exit(66);
}

// `PROGRAM --bare ...` leaves the seal away: the control of the tests.
static inline int without_seal(int *argc, char ***argv) {
  if (*argc < 2 || strcmp((*argv)[1], "--bare") != 0) return 0;
  (*argv)[1] = (*argv)[0];
  ++*argv;
  --*argc;
  return 1;
}
#else
static inline void compromised_by(const void *bytes, size_t size) {
  (void)bytes;
  (void)size;
}
static inline int without_seal(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  return 0;
}
#endif
