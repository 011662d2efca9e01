// What a helper does with frames that the library would never send: it ends.
#include "api/protocol.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "api/helper.h"
#include "api/locate.h"
#include "sys/calls.h"

namespace moat::api {
namespace {

class ProtocolTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::vector<std::string> launchers = Launchers("");
    ASSERT_FALSE(launchers.empty());
    auto helper = Helper::Start(launchers.back());
    ASSERT_TRUE(helper.ok()) << helper.error().ToString();
    helper_ = *std::move(helper);
  }

  void Send(const void* head, std::size_t size, const std::string& body, const std::vector<int>& fds) {
    struct iovec parts[2] = {{const_cast<void*>(head), size}, {const_cast<char*>(body.data()), body.size()}};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 253)] = {};
    struct msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    if (!fds.empty()) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
      cmsghdr* rights = CMSG_FIRSTHDR(&message);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
      std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
    }
    EXPECT_GT(sendmsg(helper_->socket().get(), &message, MSG_NOSIGNAL), 0);
  }

  // True when it ended without an answer.
  bool Ends() {
    char byte;
    if (recv(helper_->socket().get(), &byte, 1, 0) != 0) return false;
    struct pollfd entry{helper_->process().get(), POLLIN, 0};
    return poll(&entry, 1, 120'000) == 1;
  }

  static sys::MemFd File(const std::string& text, int seals) {
    auto file = sys::memfd_create("test", MFD_ALLOW_SEALING);
    EXPECT_TRUE(file.ok() && sys::WriteAll(file->get(), text, "test").ok());
    EXPECT_EQ(fcntl(file->get(), F_ADD_SEALS, seals), 0);
    return *std::move(file);
  }

  static constexpr int kAllSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  std::unique_ptr<Helper> helper_;
};

TEST_F(ProtocolTest, AWordThatIsNoFrame) {
  Send("xy", 2, "", {});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, AFrameOfUnknownKind) {
  RunRequest request;
  request.kind = static_cast<FrameKind>(7);
  Send(&request, sizeof(request), "", {});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, AJobWithoutAPlan) {
  RunRequest request;
  request.arguments = 1;
  request.body_size = 2;
  Send(&request, sizeof(request), std::string("x\0", 2), {});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, ASlotThatDoesNotExist) {
  RunRequest request;
  request.plan_slot = kPlanSlots;
  Send(&request, sizeof(request), "", {});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, APlanThatCouldChange) {
  const sys::MemFd plan = File(std::string(1 << 16, 'x'), F_SEAL_SHRINK);
  RunRequest request;
  request.flags = kCarriesPlan;
  request.arguments = 1;
  request.body_size = 2;
  Send(&request, sizeof(request), std::string("x\0", 2), {plan.get()});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, MoreDescriptorsThanAnnounced) {
  const sys::MemFd plan = File(std::string(1 << 16, 'x'), kAllSeals);
  RunRequest request;
  request.flags = kCarriesPlan;
  request.arguments = 1;
  request.body_size = 2;
  Send(&request, sizeof(request), std::string("x\0", 2), {plan.get(), 0});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, MoreDescriptorsThanThereCanBe) {
  RunRequest request;
  Send(&request, sizeof(request), "", std::vector<int>(253, 0));
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, FewerDescriptorsThanAnnounced) {
  const sys::MemFd plan = File(std::string(1 << 16, 'x'), kAllSeals);
  RunRequest request;
  request.flags = kCarriesPlan | kGivesOut;
  request.arguments = 1;
  request.body_size = 2;
  Send(&request, sizeof(request), std::string("x\0", 2), {plan.get()});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, TextsThatDoNotAddUp) {
  const sys::MemFd plan = File(std::string(1 << 16, 'x'), kAllSeals);
  RunRequest request;
  request.flags = kCarriesPlan;
  request.arguments = 3;
  request.body_size = 4;
  Send(&request, sizeof(request), std::string("a\0b\0", 4), {plan.get()});
  EXPECT_TRUE(Ends());
}

TEST_F(ProtocolTest, CountsBeyondAllBounds) {
  const sys::MemFd plan = File(std::string(1 << 16, 'x'), kAllSeals);
  RunRequest request;
  request.flags = kCarriesPlan;
  request.arguments = 0xffffffff;
  request.inputs = 0xffffffff;
  Send(&request, sizeof(request), "", {plan.get()});
  EXPECT_TRUE(Ends());
}

// A whole frame with a plan that is none is a job that cannot be set up: it gets a report.
TEST_F(ProtocolTest, APlanThatIsNone) {
  const sys::MemFd plan = File(std::string(1 << 16, 'x'), kAllSeals);
  RunRequest request;
  request.flags = kCarriesPlan;
  request.arguments = 1;
  request.body_size = 2;
  Send(&request, sizeof(request), std::string("x\0", 2), {plan.get()});
  char answer[4096];
  EXPECT_GT(recv(helper_->socket().get(), answer, sizeof(answer), 0), static_cast<ssize_t>(sizeof(Answer)));
}

TEST_F(ProtocolTest, ACancelForNobodyIsNothing) {
  CancelRequest cancel;
  Send(&cancel, sizeof(cancel), "", {});
  Send(&cancel, sizeof(cancel), "", {});
  struct pollfd entry{helper_->process().get(), POLLIN, 0};
  EXPECT_EQ(poll(&entry, 1, 100), 0);
}

}  // namespace
}  // namespace moat::api
