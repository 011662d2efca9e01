#include "serve/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/calls.h"

namespace moat::serve {

Result<std::unique_ptr<Loop>> Loop::Make() {
  std::unique_ptr<Loop> loop(new Loop);
  loop->epoll_ = sys::Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_.valid()) return SystemError("epoll_create1", errno);
  loop->wake_ = sys::Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->wake_.valid()) return SystemError("eventfd", errno);
  Loop& self = *loop;
  MOAT_TRY(loop->Watch(loop->wake_.get(), EPOLLIN, [&self](std::uint32_t) { self.RunPosted(); }));
  loop->Look();
  return loop;
}

void Loop::Look() { now_ = Time(static_cast<std::int64_t>(sys::NowNs())); }

Status Loop::Watch(int fd, std::uint32_t events, Ready ready) {
  struct epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(++generation_) << 32 | static_cast<std::uint32_t>(fd);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return SystemError("epoll_ctl", errno);
  watched_[fd] = {generation_, std::make_shared<Ready>(std::move(ready))};
  return {};
}

Status Loop::Change(int fd, std::uint32_t events) {
  const auto found = watched_.find(fd);
  if (found == watched_.end()) return BugError("a descriptor that is not watched");
  struct epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(found->second.generation) << 32 | static_cast<std::uint32_t>(fd);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) return SystemError("epoll_ctl", errno);
  return {};
}

void Loop::Hand(int fd, Ready ready) {
  const auto found = watched_.find(fd);
  if (found != watched_.end()) found->second.ready = std::make_shared<Ready>(std::move(ready));
}

void Loop::Unwatch(int fd) {
  if (watched_.erase(fd) == 0) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::At(Time when, std::function<void()> call) {
  const TimerId id = ++last_timer_;
  due_.emplace(when, id);
  timers_.emplace(id, std::pair(when, std::move(call)));
  return id;
}

void Loop::Drop(TimerId timer) {
  const auto found = timers_.find(timer);
  if (found == timers_.end()) return;
  due_.erase({found->second.first, timer});
  timers_.erase(found);
}

void Loop::Post(std::function<void()> call) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    posted_.push_back(std::move(call));
  }
  const std::uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof(one));
}

void Loop::RunPosted() {
  std::uint64_t count;
  (void)!read(wake_.get(), &count, sizeof(count));
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    calls.swap(posted_);
  }
  for (auto& call : calls) call();
}

void Loop::RunDeferred() {
  while (!deferred_.empty()) {
    std::vector<std::function<void()>> calls;
    calls.swap(deferred_);
    for (auto& call : calls) call();
  }
}

void Loop::RunTimers() {
  while (!due_.empty() && due_.begin()->first <= now_) {
    const TimerId id = due_.begin()->second;
    const auto call = std::move(timers_.at(id).second);
    Drop(id);
    call();
  }
}

int Loop::Patience() const {
  if (due_.empty()) return -1;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(due_.begin()->first - now_).count() + 1;
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

Status Loop::Run() {
  std::array<struct epoll_event, 64> events;
  while (!stopped_) {
    RunDeferred();
    if (stopped_) break;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), Patience());
    if (count < 0 && errno != EINTR) return SystemError("epoll_wait", errno);
    Look();
    for (int i = 0; i < count; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      const auto found = watched_.find(static_cast<int>(event.data.u64 & 0xffffffffU));
      if (found == watched_.end() || found->second.generation != event.data.u64 >> 32) continue;
      const std::shared_ptr<Ready> ready = found->second.ready;  // it may unwatch itself
      (*ready)(event.events);
    }
    RunTimers();
  }
  return {};
}

}  // namespace moat::serve
