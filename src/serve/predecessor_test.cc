#include "serve/predecessor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

namespace moat::serve {
namespace {

constexpr uid_t kNobody = 65534;

// A process of `uid` that listens at `path` until it is ended.
pid_t Listener(const std::string& path, uid_t uid) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    struct sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    const bool good = setresuid(uid, uid, uid) == 0 && bind(listener, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)) == 0 &&
                      listen(listener, 1) == 0;
    if (!good || write(ready[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  char byte = 0;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  return child;
}

TEST(Predecessor, AnotherUsersProgramIsNone) {
  if (geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
  char folder[] = "/tmp/moat-predecessor-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  ASSERT_EQ(chmod(folder, 0777), 0);
  const std::string path = std::string(folder) + "/s";
  const pid_t stranger = Listener(path, kNobody);
  const auto asked = Predecessor::Ask(path);
  ASSERT_FALSE(asked.ok());
  EXPECT_NE(asked.error().ToString().find("another user's program"), std::string::npos) << asked.error().ToString();
  kill(stranger, SIGKILL);
  waitpid(stranger, nullptr, 0);
  unlink(path.c_str());
  rmdir(folder);
}

TEST(Predecessor, ANameThatIsTooLongIsNotCutOff) {
  const auto asked = Predecessor::Ask("/tmp/" + std::string(200, 'a'));
  ASSERT_FALSE(asked.ok());
  EXPECT_EQ(asked.error().error_number, ENAMETOOLONG);
}

TEST(Predecessor, NobodyThereIsNoError) {
  const auto asked = Predecessor::Ask("/tmp/moat-nobody-listens-here");
  ASSERT_TRUE(asked.ok()) << asked.error().ToString();
  EXPECT_FALSE(asked->has_value());
}

}  // namespace
}  // namespace moat::serve
