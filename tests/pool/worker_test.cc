// Zygotes and single-use workers on the real kernel.
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "pool/testing.h"

namespace moat::pool::testing {
namespace {

TEST(Worker, RunsAJobAndTellsHowItEnded) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const Done done = Job(*zygote, "exit 7");
  EXPECT_EQ(done.report.cause, Cause::kExit) << done.report.detail;
  EXPECT_EQ(done.report.exit_code, 7);
  EXPECT_GT(done.report.memory_peak, 0U);
  EXPECT_EQ(Job(*zygote, "echo hello").answer, "hello");
  EXPECT_EQ(Job(*zygote, "twice").answer, "one");
  EXPECT_EQ(Job(*zygote, "long").report.exit_code, 4);
}

TEST(Worker, ReadsInputsAndWritesOutputs) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const sys::Fd first = FileWith("one "), second = FileWith("two"), out = FileWith(""), log = FileWith("");
  const int inputs[] = {first.get(), second.get()}, outputs[] = {out.get()};
  WorkerOrder order;
  order.request = "copy";
  order.inputs = inputs;
  order.outputs = outputs;
  order.log = log.get();
  ASSERT_TRUE(CheckWorkerOrder(order).ok());
  EXPECT_EQ(Job(*zygote, order).report.exit_code, 0);
  EXPECT_EQ(ContentOf(out), "one two");
  order.request = "sizes";
  EXPECT_EQ(Job(*zygote, order).answer, "4 3 ");
  order.request = "log";
  EXPECT_EQ(Job(*zygote, order).report.exit_code, 0);
  EXPECT_EQ(ContentOf(log), "said to 2\nsaid to 1\n");
  order.request = "map";
  EXPECT_EQ(Job(*zygote, order).answer, "Xne ");
  EXPECT_EQ(ContentOf(first), "one ");
}

TEST(Worker, HasArgumentsAndNames) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const sys::Fd file = FileWith("x");
  const int inputs[] = {file.get(), file.get()};
  const std::vector<std::string> arguments = {"--page", "", "two words"}, names = {"a.fig", "a.fig"};
  WorkerOrder order{"words", inputs, {}, -1, {}, arguments, {}};
  ASSERT_TRUE(CheckWorkerOrder(order).ok());
  EXPECT_EQ(Job(*zygote, order).answer, "[--page][][two words]()()");
  order.input_names = names;
  ASSERT_TRUE(CheckWorkerOrder(order).ok());
  EXPECT_EQ(Job(*zygote, order).answer, "[--page][][two words](a.fig)(a.fig)");
  const std::vector<std::string> most(kMaxWorkerArguments, std::string(100, 'x'));
  order.arguments = most;
  ASSERT_TRUE(CheckWorkerOrder(order).ok());
  EXPECT_EQ(Job(*zygote, order).answer.size(), 256 * 102 + 14U);
  order.arguments = {};
  order.inputs = {};
  order.input_names = {};
  EXPECT_EQ(Job(*zygote, order).answer, "");
}

TEST(Worker, WordsThatDoNotFitAreRefused) {
  const sys::Fd file = FileWith("x");
  const int inputs[] = {file.get(), file.get()};
  const std::vector<std::string> nul = {std::string(1, '\0')}, many(kMaxWorkerArguments + 1), one = {"one"}, large = {std::string(kMaxWorkerRequest, 'x')};
  WorkerOrder order;
  order.inputs = inputs;
  for (const auto& bad : {nul, many, large}) {
    order.arguments = bad;
    EXPECT_FALSE(CheckWorkerOrder(order).ok());
  }
  order.arguments = {};
  order.input_names = one;
  EXPECT_FALSE(CheckWorkerOrder(order).ok());
}

TEST(Worker, TakesAsManyDescriptorsAsThereMayBe) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  std::vector<sys::Fd> files;
  std::vector<int> inputs, outputs;
  for (unsigned i = 0; i < kMaxWorkerInputs + kMaxWorkerOutputs; ++i) {
    files.push_back(FileWith(std::string(1, static_cast<char>('a' + i))));
    (i < kMaxWorkerInputs ? inputs : outputs).push_back(files.back().get());
  }
  const sys::Fd log = FileWith("");
  WorkerOrder order{"copy", inputs, outputs, log.get(), {}, {}, {}};
  ASSERT_TRUE(CheckWorkerOrder(order).ok());
  EXPECT_EQ(Job(*zygote, order).report.exit_code, 0);
  EXPECT_EQ(ContentOf(files[kMaxWorkerInputs]), "abcdefgh");
}

TEST(Worker, NothingOfAJobIsThereInTheNextOne) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Job(*zygote, "clean").answer, "clean");
}

TEST(Worker, ParkedOnesWaitForTheirJobs) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  auto workers = zygote->Spawn(20);  // more than one order
  ASSERT_TRUE(workers.ok());
  for (std::size_t i = workers->size(); i-- > 0;) {  // in any order
    ASSERT_TRUE(zygote->Attend((*workers)[i], kPatience).ok());
    EXPECT_GT((*workers)[i].pid(), 0);
    const std::string request = "exit " + std::to_string(i);
    WorkerOrder order;
    order.request = request;
    ASSERT_TRUE((*workers)[i].Give(order).ok());
    EXPECT_EQ(Finish(*zygote, (*workers)[i]).report.exit_code, static_cast<int>(i));
  }
}

TEST(Worker, ASecondJobIsNeverTaken) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Worker worker = SpawnOne(*zygote);
  WorkerOrder first, second;
  first.request = "echo first";
  second.request = "echo second";
  ASSERT_TRUE(worker.Give(first).ok());
  EXPECT_FALSE(worker.Give(second).ok());
  EXPECT_EQ(Finish(*zygote, worker).answer, "first");
}

TEST(Worker, AnOrderThatWasNotReadWasNotBegun) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Worker worker = SpawnOne(*zygote);
  ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
  // Stopped: it is there, and does not read.
  ASSERT_EQ(kill(worker.pid(), SIGSTOP), 0);
  const auto is_stopped = [&] {
    std::ifstream file("/proc/" + std::to_string(worker.pid()) + "/stat");
    const std::string stat((std::istreambuf_iterator<char>(file)), {});
    return stat.find(") T ") != std::string::npos;
  };
  while (!is_stopped()) std::this_thread::yield();
  WorkerOrder order;
  order.request = "exit 0";
  ASSERT_TRUE(worker.Give(order).ok());
  worker.Kill();
  ASSERT_TRUE(AwaitEnd(worker));
  EXPECT_FALSE(worker.Finish().started);
  Worker another = SpawnOne(*zygote);
  ASSERT_TRUE(another.Give(order).ok());
  ASSERT_TRUE(AwaitEnd(another));
  ASSERT_TRUE(zygote->Attend(another, kPatience).ok());
  EXPECT_TRUE(another.Finish().started);
}

TEST(Worker, DeathsAreToldByTheirCauses) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Report report = Job(*zygote, "abort").report;
  EXPECT_EQ(report.cause, Cause::kSignal) << report.detail;
  EXPECT_EQ(report.signal, SIGABRT);
  report = Job(*zygote, "segv").report;
  EXPECT_EQ(report.signal, SIGSEGV);
  report = Job(*zygote, "throw").report;
  EXPECT_EQ(report.signal, SIGABRT);
  EXPECT_NE(report.detail.find("a bad day"), std::string::npos) << report.detail;
  report = Job(*zygote, "bad-alloc").report;
  EXPECT_EQ(report.cause, Cause::kMemory) << report.detail;
}

TEST(Worker, DenialsAreNamed) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const Report report = Job(*zygote, "try open").report;
  EXPECT_EQ(report.cause, Cause::kDenied) << report.detail;
  EXPECT_EQ(report.signal, SIGSYS);
  ASSERT_EQ(report.denials.size(), 1U) << report.detail;
  EXPECT_EQ(report.denials[0].call, "openat");
  EXPECT_NE(report.denials[0].arguments.find("/etc/passwd"), std::string::npos);
  const auto killing = StartGuest({"kill"});
  ASSERT_NE(killing, nullptr);
  const Report silent = Job(*killing, "try open").report;
  EXPECT_EQ(silent.cause, Cause::kDenied);
  EXPECT_TRUE(silent.denials.empty());
  EXPECT_EQ(Job(*killing, "abort").report.signal, SIGABRT);
  const auto failing = StartGuest({"errno"});
  ASSERT_NE(failing, nullptr);
  EXPECT_EQ(Job(*failing, "try open").answer, "refused");
}

TEST(Worker, LimitsAreKeptAndTold) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Report report = Job(*zygote, "fill").report;
  EXPECT_EQ(report.cause, Cause::kMemory) << report.detail;
  EXPECT_LT(report.memory_peak, 64U << 20);
  const sys::Fd out = FileWith("");
  const int outputs[] = {out.get()};
  WorkerOrder order;
  order.request = "grow";
  order.outputs = outputs;
  report = Job(*zygote, order).report;
  EXPECT_EQ(report.cause, Cause::kOutput) << report.detail;
  EXPECT_EQ(std::filesystem::file_size("/proc/self/fd/" + std::to_string(out.get())), 1U << 20);
  order.request = "spin";
  order.limits.cpu_seconds = 1;
  report = Job(*zygote, order).report;
  EXPECT_EQ(report.cause, Cause::kCpu) << report.detail;
  order.limits.file_size = 1000;
  order.request = "grow";
  const sys::Fd small = FileWith("");
  const int small_outputs[] = {small.get()};
  order.outputs = small_outputs;
  EXPECT_EQ(Job(*zygote, order).report.cause, Cause::kOutput);
  EXPECT_EQ(ContentOf(small).size(), 1000U);
}

TEST(Worker, WallAndCancelAreOurs) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  for (const WorkerStop stop : {WorkerStop::kWall, WorkerStop::kCancelled, WorkerStop::kNo}) {
    Worker worker = SpawnOne(*zygote);
    WorkerOrder order;
    order.request = "spin";
    ASSERT_TRUE(worker.Give(order).ok());
    ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
    worker.Kill();
    WorkerFacts facts;
    facts.stop = stop;
    const Report report = Finish(*zygote, worker, facts).report;
    EXPECT_EQ(report.cause, stop == WorkerStop::kWall        ? Cause::kWall
                            : stop == WorkerStop::kCancelled ? Cause::kCancelled
                                                             : Cause::kWorkerLost);
  }
}

TEST(Worker, WhatIsSaidWithoutEndHarmsNobody) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Worker worker = SpawnOne(*zygote);
  WorkerOrder order;
  order.request = "flood";
  ASSERT_TRUE(worker.Give(order).ok());
  // It may be blocked on a full socket, or through: both are its own affair.
  ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
  if (!AwaitEnd(worker, 200)) worker.Kill();
  EXPECT_EQ(Finish(*zygote, worker).answer, "");
  EXPECT_EQ(Job(*zygote, "exit 0").report.exit_code, 0);
}

TEST(Worker, AnUnwantedOneGoes) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  int pid = 0;
  {
    Worker worker = SpawnOne(*zygote);
    ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
    pid = worker.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(Worker, OneThatWasKilledWhileParkedTakesNoJob) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Worker worker = SpawnOne(*zygote);
  ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
  worker.Kill();
  ASSERT_TRUE(AwaitEnd(worker));
  WorkerOrder order;
  order.request = "exit 0";
  const Status given = worker.Give(order);
  ASSERT_FALSE(given.ok());
  EXPECT_EQ(given.error().error_number, EPIPE);
  EXPECT_FALSE(worker.Finish().started);
}

TEST(Worker, OrdersThatReachFurtherAreRefused) {
  const sys::Fd folder(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), memory(open("/proc/self/mem", O_RDWR | O_CLOEXEC));
  const sys::Fd path(open("/etc/passwd", O_PATH | O_CLOEXEC)), file = FileWith("x");
  WorkerOrder order;
  for (const int bad : {folder.get(), path.get(), -1, 9999}) {
    order.inputs = {&bad, 1};
    EXPECT_FALSE(CheckWorkerOrder(order).ok()) << bad;
  }
  order.inputs = {};
  const int writes = memory.get();
  order.outputs = {&writes, 1};
  EXPECT_FALSE(CheckWorkerOrder(order).ok());
  order.outputs = {};
  const std::vector<int> many(9, file.get());
  order.inputs = many;
  EXPECT_FALSE(CheckWorkerOrder(order).ok());
  order.inputs = {};
  const std::string long_request(kMaxWorkerRequest + 1, 'x');
  order.request = long_request;
  EXPECT_FALSE(CheckWorkerOrder(order).ok());
}

TEST(Worker, ThreadsWhereTheSealHasThem) {
  const auto without = StartGuest();
  ASSERT_NE(without, nullptr);
  EXPECT_EQ(Job(*without, "threads").report.cause, Cause::kDenied);
  const auto with = StartGuest({"threads"});
  ASSERT_NE(with, nullptr);
  const Done done = Job(*with, "threads");
  EXPECT_EQ(done.answer, "threads 1") << done.report.detail;
}

TEST(Worker, WhatTheProgramKeepsOpenIsMapped) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  EXPECT_EQ(Job(*zygote, "font").answer, "font");
}

TEST(Worker, IsNobody) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const Done done = Job(*zygote, "uid");
  if (geteuid() == 0) {
    EXPECT_GE(std::stoul(done.answer), 0x70000000UL);
  } else {
    EXPECT_EQ(done.answer, std::to_string(geteuid()));
  }
}

// ---- zygotes ----

TEST(Zygote, ProgramsThatCannotServeSayWhy) {
  struct Case {
    const char* word;
    const char* why;
  };
  for (const Case& each : {Case{"stray", "not declared"}, Case{"shared", "mapped shared"},
                           Case{"shared-reading", "mapped shared"}, Case{"thread", "thread"},
                           Case{"role", "shared by all jobs"}}) {
    auto zygote = Zygote::Start(Guest({each.word}));
    ASSERT_TRUE(zygote.ok());
    const Status ready = (*zygote)->AwaitReady(kPatience);
    ASSERT_FALSE(ready.ok()) << each.word;
    EXPECT_NE(ready.error().ToString().find(each.why), std::string::npos) << ready.error().ToString();
  }
  auto gone = Zygote::Start(Guest({"no-serve"}));
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE((*gone)->AwaitReady(kPatience).ok());
}

TEST(Zygote, AShellInBetweenIsRefused) {
  ZygoteProgram program;
  program.argv = {"/bin/sh", "-c", Guest().argv[0] + "; true"};
  auto zygote = Zygote::Start(program);
  ASSERT_TRUE(zygote.ok());
  const Status ready = (*zygote)->AwaitReady(kPatience);
  ASSERT_FALSE(ready.ok());
  EXPECT_NE(ready.error().ToString().find("not the parent"), std::string::npos) << ready.error().ToString();
}

TEST(Zygote, ItsEndIsNoticedAndWorkersGoOn) {
  auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  Worker worker = SpawnOne(*zygote);
  ASSERT_TRUE(zygote->Attend(worker, kPatience).ok());
  kill(zygote->pid(), SIGKILL);
  struct pollfd entry{zygote->socket(), POLLIN, 0};
  ASSERT_EQ(poll(&entry, 1, kPatience), 1);
  EXPECT_FALSE(zygote->Listen().ok());
  WorkerOrder order;
  order.request = "exit 5";
  ASSERT_TRUE(worker.Give(order).ok());
  EXPECT_EQ(Finish(*zygote, worker).report.exit_code, 5);
}

TEST(Zygote, WorkersThatWereNeverBornAreTold) {
  auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  kill(zygote->pid(), SIGSTOP);
  Worker worker = SpawnOne(*zygote);
  kill(zygote->pid(), SIGKILL);
  ASSERT_TRUE(AwaitEnd(worker));
  EXPECT_FALSE(zygote->Attend(worker, kPatience).ok());
  const Report report = JudgeWorker(worker.Finish(), {});
  EXPECT_EQ(report.cause, Cause::kWorkerLost);
}

TEST(Zygote, EndsWithThePool) {
  int pids[2];
  ASSERT_EQ(pipe(pids), 0);
  const pid_t pool = fork();
  if (pool == 0) {
    auto zygote = Zygote::Start(Guest());
    if (!zygote.ok() || !(*zygote)->AwaitReady(kPatience).ok()) _exit(1);
    auto workers = (*zygote)->Spawn(2);
    WorkerOrder order;
    order.request = "spin";
    if (!workers.ok() || !workers->front().Give(order).ok()) _exit(1);
    for (Worker& worker : *workers) {
      if (!(*zygote)->Attend(worker, kPatience).ok()) _exit(1);
    }
    const int told[] = {(*zygote)->pid(), (*workers)[0].pid(), (*workers)[1].pid()};
    (void)!write(pids[1], told, sizeof(told));
    pause();
  }
  close(pids[1]);
  int told[3] = {};
  ASSERT_EQ(read(pids[0], told, sizeof(told)), static_cast<ssize_t>(sizeof(told)));
  std::vector<sys::Fd> processes;
  for (const int pid : told) processes.emplace_back(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  kill(pool, SIGKILL);
  ASSERT_EQ(waitpid(pool, nullptr, 0), pool);
  for (const sys::Fd& process : processes) {
    struct pollfd entry{process.get(), POLLIN, 0};
    EXPECT_EQ(poll(&entry, 1, kPatience), 1);
  }
  close(pids[0]);
}

TEST(Zygote, NothingGrows) {
  const auto zygote = StartGuest();
  ASSERT_NE(zygote, nullptr);
  const auto open_here = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
  };
  EXPECT_EQ(Job(*zygote, "exit 0").report.exit_code, 0);
  const auto before = open_here();
  for (int i = 0; i < 200; ++i) ASSERT_EQ(Job(*zygote, "exit 0").report.exit_code, 0);
  EXPECT_EQ(open_here(), before);
  const std::string folder = "/proc/" + std::to_string(zygote->pid()) + "/fd";
  std::error_code error;
  const auto theirs = std::distance(std::filesystem::directory_iterator(folder, error), std::filesystem::directory_iterator());
  if (!error) {
    EXPECT_EQ(theirs, 5);  // 0, 1, 2, its socket, its font
  }
}

}  // namespace
}  // namespace moat::pool::testing
