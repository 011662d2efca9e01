// Zygotes of pool_zygote, and jobs on them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "pool/worker.h"
#include "pool/worker_verdict.h"
#include "pool/zygote.h"

namespace moat::pool::testing {

inline constexpr int kPatience = 120'000;  // ms; nothing is asserted about time

inline ZygoteProgram Guest(const std::vector<std::string>& words = {}) {
  ZygoteProgram program;
  program.argv = {std::string(std::getenv("MOAT_BINARY_DIR")) + "/tests/pool_zygote"};
  program.argv.insert(program.argv.end(), words.begin(), words.end());
  return program;
}

// Null, with a failure noted, when it does not come up.
inline std::unique_ptr<Zygote> StartGuest(const std::vector<std::string>& words = {}) {
  auto zygote = Zygote::Start(Guest(words));
  if (!zygote.ok()) {
    ADD_FAILURE() << zygote.error().ToString();
    return nullptr;
  }
  const Status ready = (*zygote)->AwaitReady(kPatience);
  if (ready.ok()) return std::move(*zygote);
  ADD_FAILURE() << ready.error().ToString();
  return nullptr;
}

inline Worker SpawnOne(Zygote& zygote) {
  auto workers = zygote.Spawn(1);
  if (!workers.ok()) ADD_FAILURE() << workers.error().ToString();
  return workers.ok() ? std::move(workers->front()) : Worker();
}

inline bool AwaitEnd(const Worker& worker, int milliseconds = kPatience) {
  struct pollfd entry{worker.channel(), 0, 0};  // POLLHUP alone
  return poll(&entry, 1, milliseconds) == 1;
}

struct Done {
  Report report;
  std::string answer;
};

inline Done Finish(Zygote& zygote, Worker& worker, WorkerFacts facts = {}) {
  EXPECT_TRUE(AwaitEnd(worker));
  (void)zygote.Attend(worker, kPatience).ok();
  const WorkerEnd end = worker.Finish();
  facts.limits = Lower(facts.limits, zygote.hello());
  return {JudgeWorker(end, facts), end.answer};
}

inline Done Job(Zygote& zygote, const WorkerOrder& order) {
  Worker worker = SpawnOne(zygote);
  const Status given = worker.Give(order);
  EXPECT_TRUE(given.ok()) << given.error().ToString();
  WorkerFacts facts;
  facts.limits = order.limits;
  return Finish(zygote, worker, facts);
}

inline Done Job(Zygote& zygote, std::string_view request) {
  WorkerOrder order;
  order.request = request;
  return Job(zygote, order);
}

inline sys::Fd FileWith(std::string_view text) {
  const int fd = memfd_create("test", MFD_CLOEXEC);
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
  return sys::Fd(fd);
}

inline std::string ContentOf(const sys::Fd& file) {
  std::string text(1 << 16, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

}  // namespace moat::pool::testing
