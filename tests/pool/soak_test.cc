// Many jobs through one daemon: nothing of it has grown. MOAT_SOAK_JOBS says how many.
#include "pool/daemon.h"

#include <algorithm>

#include "pool/testing.h"

namespace moat::pool::testing {
namespace {

unsigned Jobs() {
  const char* text = std::getenv("MOAT_SOAK_JOBS");
  return text != nullptr ? static_cast<unsigned>(std::max(1, std::atoi(text))) : 2'000;
}

struct Size {
  long descriptors = 0, pages = 0, threads = 0;
};

Size SizeOf(int pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  Size size;
  size.descriptors = std::distance(std::filesystem::directory_iterator(process + "/fd"), std::filesystem::directory_iterator());
  size.threads = std::distance(std::filesystem::directory_iterator(process + "/task"), std::filesystem::directory_iterator());
  std::ifstream(process + "/statm") >> size.pages >> size.pages;  // the second: in memory
  return size;
}

// All kinds of ends, with descriptors; sixteen on their way at a time.
void RunMany(Daemon& daemon, unsigned count) {
  PoolClient client = daemon.Connect();
  const sys::Fd in = FileWith("content"), out = FileWith("");
  const char* const kRequests[] = {"nothing", "exit 3", "echo hello", "copy", "abort", "try open", "throw", "exit 0"};
  unsigned done = 0, on_their_way = 0, sent = 0;
  while (done < count) {
    for (; on_their_way < 16 && sent < count; ++sent, ++on_their_way) {
      PoolJob job = GuestJob(kRequests[sent % std::size(kRequests)]);
      job.inputs = {{in.get(), ""}};
      job.outputs = {out.get()};
      ASSERT_TRUE(client.Submit(job).ok());
    }
    auto result = client.Next();
    ASSERT_TRUE(result.ok());
    ASSERT_EQ(result->outcome, PoolOutcome::kDone) << result->why;
    ASSERT_NE(result->report.cause, Cause::kWorkerLost) << result->report.detail;
    --on_their_way;
    ++done;
  }
}

TEST(PoolSoak, NothingGrows) {
  // Zygotes are replaced meanwhile, too.
  Daemon daemon("running = 4", "ready = 8\nrunning = 4\njobs_each = 700\n");
  RunMany(daemon, 500);
  const Size before = SizeOf(daemon.process().pid());
  RunMany(daemon, Jobs());
  // A worker or two are on their way out, or in.
  const auto settled = [&] { return SizeOf(daemon.process().pid()).descriptors <= before.descriptors + 8; };
  for (int i = 0; i < 2'000 && !settled(); ++i) usleep(1'000);
  const Size after = SizeOf(daemon.process().pid());
  EXPECT_LE(after.descriptors, before.descriptors + 8);
  EXPECT_EQ(after.threads, before.threads);
  EXPECT_LE(after.pages, before.pages + 512);  // 2 MiB: caches of the heap, not something for each job
  EXPECT_LE(daemon.Children().size(), 8U + 4U + 2U);
}

}  // namespace
}  // namespace moat::pool::testing
