#include "seal/testing.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace moat::seal::testing {

int Ended::code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
int Ended::signal() const { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

Ended InChild(const std::function<int()>& body) {
  int ends[2];
  Ended ended;
  if (pipe(ends) != 0) return ended;
  const pid_t child = _Fork();  // after fork a sanitizer starts a thread of its own, and a seal is for one
  if (child == 0) {
    alarm(60);
    const int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    syscall(SYS_close_range, 3U, ~0U, 0U);
    _exit(body());
  }
  close(ends[1]);
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) ended.out.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  EXPECT_EQ(waitpid(child, &ended.status, 0), child);
  return ended;
}

SealReport MustApply(const Seal& seal) {
  auto applied = seal.Apply();
  if (!applied.ok()) {
    Say(applied.error().ToString());
    _exit(200);
  }
  return *std::move(applied);
}

void Say(const std::string& text) { (void)!write(1, text.data(), text.size()); }

Seal Plain() {
  Seal seal(SealSelfTest::kOff);
  seal.Read(0).Write(1).Write(2).Memory().Time();
  return seal;
}

}  // namespace moat::seal::testing
