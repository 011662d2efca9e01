#include "serve/submit_frame.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

namespace moat::serve {
namespace {

std::vector<sys::Fd> Files(std::size_t count) {
  std::vector<sys::Fd> files;
  for (std::size_t i = 0; i < count; ++i) files.emplace_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return files;
}

std::string Bytes(const SubmitFrame& head, const std::string& body) {
  return std::string(reinterpret_cast<const char*>(&head), sizeof(head)) + body;
}

SubmitFrame Good() {
  SubmitFrame head;
  head.id = 7;
  head.priority = 2;
  head.inputs = 2;
  head.outputs = 1;
  head.flags = kGivesLog | kGivesFolder;
  head.arguments = 2;
  head.input_names = 2;
  head.profile_size = 4;
  head.label_size = 2;
  head.request_size = 3;
  head.wall_ns = 5;
  return head;
}
const std::string kGoodBody = std::string("profl1req") + std::string("one\0\0a\0b\0", 9);

std::optional<Submission> Read(std::string_view frame, std::vector<sys::Fd> fds, std::uint64_t& id) { return ReadSubmitFrame(frame, fds, id); }

TEST(SubmitFrame, IsTakenApart) {
  std::uint64_t id = 0;
  const std::string frame = Bytes(Good(), kGoodBody);
  auto submission = Read(frame, Files(5), id);
  ASSERT_TRUE(submission);
  EXPECT_EQ(id, 7U);
  EXPECT_EQ(submission->profile, "prof");
  EXPECT_EQ(submission->label, "l1");
  EXPECT_EQ(submission->request, "req");
  EXPECT_EQ(submission->arguments, (std::vector<std::string>{"one", ""}));
  EXPECT_EQ(submission->input_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(submission->inputs.size(), 2U);
  EXPECT_EQ(submission->outputs.size(), 1U);
  EXPECT_TRUE(submission->log.valid() && submission->folder.valid());
  EXPECT_EQ(submission->priority, pool::Priority::kLow);
  EXPECT_EQ(submission->wall, Time(5));
  EXPECT_FALSE(submission->start_within);
}

TEST(SubmitFrame, WhatLiesIsRefused) {
  std::uint64_t id = 0;
  const auto refused = [&](const SubmitFrame& head, const std::string& body = kGoodBody, std::size_t files = 5) {
    return !Read(Bytes(head, body), Files(files), id);
  };
  EXPECT_FALSE(refused(Good()));
  const auto with = [](auto change) {
    SubmitFrame head = Good();
    change(head);
    return head;
  };
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.kind = LocalFrame::kDone; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.flags = 4; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.priority = 3; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.inputs = 3; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.inputs = ~0U; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.outputs = 9; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.arguments = 1; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.arguments = 3; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.arguments = ~0U; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.input_names = 1; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.profile_size = 0; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.profile_size = 65; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.profile_size = ~0U; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.request_size = 13; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.request_size = ~0ULL; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.request_size = ~0ULL - 3; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.wall_ns = kNoTime - 1; })));
  EXPECT_TRUE(refused(with([](SubmitFrame& h) { h.start_within_ns = 1ULL << 62; })));
  EXPECT_TRUE(refused(Good(), kGoodBody + "x"));
  EXPECT_TRUE(refused(Good(), kGoodBody.substr(0, kGoodBody.size() - 1)));
  EXPECT_TRUE(refused(Good(), kGoodBody, 4));
  EXPECT_TRUE(refused(Good(), kGoodBody, 6));
  EXPECT_TRUE(refused(Good(), kGoodBody, 0));
  EXPECT_FALSE(Read("", {}, id));
  EXPECT_FALSE(Read(std::string(sizeof(SubmitFrame) - 1, '\0'), {}, id));
  EXPECT_FALSE(Read(std::string(sizeof(SubmitFrame) + kMaxSubmitBody + 1, '\0'), {}, id));
}

TEST(SubmitFrame, AnyBytesAreSurvived) {
  std::mt19937 random(7);
  std::uint64_t id = 0;
  for (int i = 0; i < 20'000; ++i) {
    SubmitFrame head = Good();
    auto* bytes = reinterpret_cast<unsigned char*>(&head);
    for (auto n = random() % 6; n > 0; --n) bytes[random() % sizeof(head)] = static_cast<unsigned char>(random());
    std::string body = kGoodBody;
    if (random() % 2 == 0) body.resize(random() % 40, static_cast<char>(random()));
    (void)Read(Bytes(head, body), Files(random() % 6), id);
  }
}

}  // namespace
}  // namespace moat::serve
