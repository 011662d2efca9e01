#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include "guests/guest.h"

namespace moat::guest {
namespace {

int Told(const char* what, bool worked) {
  printf("%s: %s\n", what, worked ? "ok" : strerror(errno));
  return worked ? 0 : 1;
}

void Put(const char* path, const char* text, mode_t mode = 0644) {
  const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("%s: %s\n", path, strerror(errno));
  if (fd >= 0) close(fd);
  if (mode != 0644 && chmod(path, mode) != 0) printf("chmod %s: %s\n", path, strerror(errno));
}

void MakeSocket(const char* path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
  if (fd < 0 || bind(fd, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) != 0) {
    printf("%s: %s\n", path, strerror(errno));
  }
  if (fd >= 0) close(fd);
}

// make-outputs: one of every kind of file, in the current folder.
int MakeOutputs() {
  Put("plain", "plain\n");
  Put("program", "#!/bin/true\n", 0755);
  Put("set-id", "text\n", 04755);  // a policy may refuse the mode; then it is a plain one
  if (link("plain", "hard") != 0) printf("link: %s\n", strerror(errno));
  if (symlink("/etc/shadow", "link") != 0) printf("symlink: %s\n", strerror(errno));
  if (symlink("plain", "near-link") != 0) printf("symlink: %s\n", strerror(errno));
  if (mkfifo("fifo", 0666) != 0) printf("mkfifo: %s\n", strerror(errno));
  MakeSocket("socket");
  if (mkdir("folder", 0755) == 0) Put("folder/inside", "inside\n");
  Put("-rf", "dash\n");
  Put("new\nline", "line\n");
  Put("esc\033[31m", "escape\n");
  Put("\xff\xfe", "bytes\n");
  return 0;
}

int Sparse(const char* path, const char* size) {
  const int fd = open(path, O_CREAT | O_WRONLY, 0644);
  return Told("ftruncate", fd >= 0 && ftruncate(fd, static_cast<off_t>(strtoull(size, nullptr, 0))) == 0);
}

int ReadDescriptor(int fd) {
  char block[256];
  const ssize_t count = read(fd, block, sizeof(block));
  if (count >= 0) fwrite(block, 1, static_cast<size_t>(count), stdout);
  return Told("read", count >= 0);
}

// descriptors: the numbers of all that are open.
int Descriptors() {
  for (int fd = 0; fd < 4096; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) printf("%d ", fd);
  }
  printf("\n");
  return 0;
}

// type: a character into whatever terminal the standard streams are.
int Type() {
  int code = 1;
  for (int fd = 0; fd < 3; ++fd) {
    if (Told("TIOCSTI", ioctl(fd, TIOCSTI, "x") == 0) == 0) code = 0;
  }
  const int terminal = open("/dev/tty", O_RDWR);
  if (Told("/dev/tty", terminal >= 0 && ioctl(terminal, TIOCSTI, "x") == 0) == 0) code = 0;
  return code;
}

}  // namespace

int Files(int argc, char** argv) {
  const char* deed = argv[0];
  if (strcmp(deed, "make-outputs") == 0) return MakeOutputs();
  if (strcmp(deed, "sparse") == 0 && argc > 2) return Sparse(argv[1], argv[2]);
  if (strcmp(deed, "read-fd") == 0 && argc > 1) return ReadDescriptor(atoi(argv[1]));
  if (strcmp(deed, "descriptors") == 0) return Descriptors();
  if (strcmp(deed, "type") == 0) return Type();
  if (strcmp(deed, "open") == 0 && argc > 1) return Told("open", open(argv[1], O_RDWR) >= 0);
  return -1;
}

}  // namespace moat::guest
