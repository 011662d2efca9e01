#include "api/conversation.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "api/report_wire.h"
#include "api/request.h"
#include "sys/calls.h"
#include "sys/message.h"

namespace moat::api {
namespace {

// What came instead of, or as, an answer.
struct Reply {
  std::optional<Report> report;
  bool lost = false;   // the helper is gone
  bool declined = false, inherited = false;  // RunFlags
  bool spent = false;  // it stays for what is left of the job, and takes no other
  bool deaf = false;   // it was asked to cancel, and does not
};

// After the program's own time to end by itself: to kill it, and to be told.
constexpr std::uint64_t kCancelPatienceNs = 20'000'000'000;

Result<std::string> BodyFromFile(const sys::Fd& file, std::uint64_t size) {
  struct stat facts{};
  if (!file.valid() || size > kMaxAnswer || fstat(file.get(), &facts) != 0 ||
      static_cast<std::uint64_t>(facts.st_size) != size) {
    return BugError("a helper's answer without its body");
  }
  // The file's position is shared with the helper, which has just written it.
  if (lseek(file.get(), 0, SEEK_SET) != 0) return SystemError("lseek", errno, "a helper's answer");
  return sys::ReadAll(file, kMaxAnswer, "a helper's answer");
}

Result<Reply> Receive(int socket, std::uint32_t job) {
  std::vector<char> buffer(sizeof(Answer) + kMaxInline);
  auto message = sys::ReceiveMessage(socket, buffer, 1, sys::Wait::kNo);
  if (!message.ok() && message.error().error_number == EAGAIN) return Reply{};
  if (!message.ok() || message->size == 0) {
    Reply gone;
    gone.lost = true;
    return gone;
  }
  if (!message->whole) return BugError("a helper's answer with more than belongs to it");
  const std::size_t size = message->size;
  const sys::Fd file = message->fds.empty() ? sys::Fd() : std::move(message->fds.front());
  Answer answer;
  if (size < sizeof(answer)) return BugError("a helper's answer that is too short");
  std::memcpy(&answer, buffer.data(), sizeof(answer));
  if (answer.kind != FrameKind::kReport || answer.job != job) return BugError("a helper's answer to something else");
  if ((answer.flags & kDeclined) != 0) return Reply{std::nullopt, false, true};
  std::string body(buffer.data() + sizeof(answer), size - sizeof(answer));
  if ((answer.flags & kBodyInMemFd) != 0) body = MOAT_TRY(BodyFromFile(file, answer.body_size));
  Reply reply;
  reply.report = UnpackReport(body);
  if (!reply.report) return BugError("a helper's answer that is no report");
  reply.inherited = (answer.flags & kInherited) != 0;
  reply.spent = (answer.flags & kSpent) != 0;
  return reply;
}

void AskToCancel(int socket, std::uint32_t job) {
  CancelRequest request;
  request.job = job;
  (void)sys::SendMessage(socket, sys::BytesOf(request), {}, {});  // nobody there: then nobody runs the job
}

int MillisecondsTo(std::uint64_t deadline) {
  const std::uint64_t now = sys::NowNs();
  return now >= deadline ? 0 : static_cast<int>(std::min<std::uint64_t>((deadline - now) / 1'000'000 + 1, INT_MAX));
}

// Until there is an answer, or nobody who could give one. `grace` is the program's own time to end.
Result<Reply> Await(const Helper& helper, std::uint32_t job, const CancelToken& cancel, std::uint64_t grace) {
  struct pollfd entries[3] = {{helper.socket().get(), POLLIN, 0}, {helper.process().get(), POLLIN, 0},
                              {cancel.descriptor(), POLLIN, 0}};  // poll skips a negative one
  std::optional<std::uint64_t> deadline;
  for (;;) {
    const int ready = poll(entries, 3, deadline ? MillisecondsTo(*deadline) : -1);
    if (ready < 0) {
      if (errno == EINTR) continue;
      return SystemError("poll", errno);
    }
    if (ready == 0) {
      Reply deaf;
      deaf.lost = deaf.deaf = true;
      return deaf;
    }
    // The answer first: a helper may have been killed right behind it.
    if (entries[0].revents != 0 || entries[1].revents != 0) {
      Reply reply = MOAT_TRY(Receive(helper.socket().get(), job));
      if (reply.declined) return reply;
      reply.lost = reply.lost || entries[1].revents != 0;
      if (reply.report || reply.lost) return reply;
    }
    if (entries[2].revents != 0) {
      AskToCancel(helper.socket().get(), job);
      entries[2].fd = -1;
      if (grace != abi::kNone) deadline = sys::NowNs() + grace + kCancelPatienceNs;
    }
  }
}

// A helper that was killed could not remove the groups of its job; the job itself dies with it. They
// begin with the helper's number, and whoever lives holds a lock on its own.
void RemoveGroups(const plan::Plan& plan, int pid) {
  constexpr int kAttempts = 200;
  const std::string prefix = "moat-" + std::to_string(pid) + "-";
  const auto* rows = reinterpret_cast<const abi::CgroupRow*>(plan.bytes().data() + plan.header().cgroups);
  for (abi::Index i = 0; i < plan.header().cgroup_count; ++i) {
    DIR* parent = opendir(std::string(plan.Text(rows[i].parent)).c_str());
    if (parent == nullptr) continue;
    while (const dirent* entry = readdir(parent)) {
      const std::string name = entry->d_name;
      if (name.compare(0, prefix.size(), prefix) != 0) continue;
      const sys::Fd group(openat(dirfd(parent), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      for (int attempt = 0; attempt < kAttempts && group.valid(); ++attempt) {
        // The last descriptor of a dying process may take a moment to go, and so may the process.
        if (flock(group.get(), LOCK_EX | LOCK_NB) == 0 &&
            (unlinkat(dirfd(parent), name.c_str(), AT_REMOVEDIR) == 0 || errno != EBUSY)) {
          break;
        }
        const struct timespec pause{0, 1'000'000};
        nanosleep(&pause, nullptr);
      }
    }
    closedir(parent);
  }
}

Report LostReport(const plan::Plan& plan, int pid, std::uint64_t wall, const Reply& reply) {
  Report report;
  report.cause = Cause::kWorkerLost;
  const std::string helper = "the helper that ran the job (process " + std::to_string(pid) + ")";
  report.detail = reply.deaf ? helper + " was asked to cancel it, did not answer, and was killed, and the job with it"
                       : helper + " vanished, and the job with it";
  report.wall = wall;
  report.policy_name = plan.Text(plan.header().policy_name);
  report.policy_hash = plan.header().policy_hash;
  report.host = plan.Text(plan.header().host_facts);
  report.version = MOAT_VERSION;
  return report;
}

// The socket alone does not tell: the child that waits for the next job holds it a moment longer.
bool HasEnded(const Helper& helper) {
  struct pollfd entry{helper.process().get(), POLLIN, 0};
  return poll(&entry, 1, 0) != 0;
}

}  // namespace

bool PrepareOn(Helper& helper, const StoredPlan& plan, const Command& command) {
  if (HasEnded(helper)) {
    RemoveGroups(plan.plan, helper.pid());
    return false;
  }
  const Helper::Slot slot = helper.SlotOf(plan.id);
  PrepareRequest head;
  head.plan_slot = slot.number;
  std::string body;
  if (command.warm != Warm::kNo) {
    auto expected = Request::Expected(command, head);
    // What is wrong with it is told to the job.
    if (expected.ok() && expected->size() <= kMaxInline) body = *std::move(expected);
  }
  if (body.empty()) head = PrepareRequest{FrameKind::kPrepare, slot.number};
  const bool makes_spawner = body.empty() && helper.is_new() && (plan.plan.header().flags & abi::kInheritable) != 0;
  if (!slot.filled) head.flags |= kCarriesPlan;
  const int file = plan.file.get();
  const auto fds = slot.filled ? std::span<const int>() : std::span<const int>(&file, 1);
  if (!sys::SendMessage(helper.socket().get(), sys::BytesOf(head), body, fds).ok()) return false;
  if (!slot.filled) helper.Filled(slot.number, plan.id);
  if (makes_spawner) helper.SetInherits(plan.id);
  return true;
}

Result<Talk> RunOn(Helper& helper, const StoredPlan& plan, const Command& command) {
  if (HasEnded(helper)) {
    RemoveGroups(plan.plan, helper.pid());  // that of the child that waited, on cgroup v2
    return Talk{};
  }
  Request request = MOAT_TRY(Request::Make(command));
  const Helper::Slot slot = helper.SlotOf(plan.id);
  const std::uint32_t job = helper.NextJob();
  const std::uint64_t begin = sys::NowNs();
  if (auto sent = request.Send(helper.socket().get(), job, slot.number, slot.filled ? -1 : plan.file.get()); !sent.ok()) {
    if (sent.error().error_number == EPIPE) return Talk{};
    return std::move(sent).error();
  }
  if (!slot.filled) helper.Filled(slot.number, plan.id);
  auto reply = Await(helper, job, command.cancel, plan.plan.header().limits.grace_ns);
  Talk talk;
  const bool answered = reply.ok() && reply->report.has_value();
  talk.helper_is_good = answered && !reply->lost && !reply->spent;
  if (reply.ok() && reply->declined) return talk;
  if (answered && reply->spent) {
    helper.Disown();
  } else if (!talk.helper_is_good) {
    helper.Kill();
  }
  if (!reply.ok()) return std::move(reply).error();
  // As it expected, mostly. Where a spawner could not be had it says so here.
  if (reply->report && !reply->inherited && helper.inherits() == plan.id) {
    talk.installed = true;
    helper.SetInherits(0);
  }
  Outcome& outcome = talk.outcome.emplace();
  if (reply->report) {
    outcome.report = *std::move(reply->report);
  } else {
    outcome.report = LostReport(plan.plan, helper.pid(), sys::NowNs() - begin, *reply);
    RemoveGroups(plan.plan, helper.pid());
  }
  outcome.out = request.TakeOut();
  outcome.err = request.TakeErr();
  return talk;
}

}  // namespace moat::api
