#include "web/http/connection.h"

#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/units.h"
#include "sys/calls.h"
#include "web/http/stay.h"

namespace moat::web {
namespace {

constexpr std::size_t kMaxHead = 16U << 10, kMaxTarget = 2000, kChunk = 64U << 10;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kGrace = 10 * kSecond, kLeastRate = 4096;  // bytes a second
constexpr int kMaxStallMs = 10'000;

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Who sends two lengths, or a length and chunks, wants two readers to disagree (request smuggling).
void ReadField(std::string_view name, std::string_view value, RequestHead& head) {
  if (EqualsIgnoringCase(name, "content-length")) {
    auto length = base::ParseCount(value);
    if (head.has_body || !length.ok()) head.status = 400;
    head.has_body = true;
    head.length = length.ok() ? *length : 0;
  } else if (EqualsIgnoringCase(name, "transfer-encoding")) {
    if (!EqualsIgnoringCase(value, "chunked")) head.status = 501;
    if (head.has_body) head.status = 400;
    head.has_body = head.chunked = true;
  } else if (EqualsIgnoringCase(name, "content-encoding") && !EqualsIgnoringCase(value, "identity")) {
    head.status = 415;  // a small body that becomes a large one
  }
}

bool IsToken(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
}

// Whether who has sent so much in this time keeps up with the least that we wait for.
bool KeepsUp(std::uint64_t bytes, std::uint64_t since_ns) {
  const std::uint64_t passed = sys::NowNs() - since_ns;
  return passed < kGrace || bytes / kLeastRate >= (passed - kGrace) / kSecond;
}

}  // namespace

RequestHead ReadHead(std::string_view text) {
  RequestHead head;
  if (text.find('\0') != std::string_view::npos) head.status = 400;
  const std::size_t end = text.find("\r\n");
  const std::string_view line = text.substr(0, end);
  const std::size_t space = line.find(' '), last = line.rfind(' ');
  if (end == std::string_view::npos || space == std::string_view::npos || last == space) {
    head.status = 400;
    return head;
  }
  head.method = line.substr(0, space);
  head.target = line.substr(space + 1, last - space - 1);
  if (head.target.size() > kMaxTarget) head.status = 414;
  if (head.target.empty() || head.target[0] != '/') head.status = 400;
  text.remove_prefix(end + 2);
  while (text.size() > 2) {
    const std::size_t stop = text.find("\r\n");
    const std::string_view field = text.substr(0, stop);
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos || !IsToken(field.substr(0, colon)) || field.find('\n') != std::string_view::npos) {
      head.status = 400;
      break;
    }
    ReadField(field.substr(0, colon), Trim(field.substr(colon + 1)), head);
    text.remove_prefix(stop + 2);
  }
  return head;
}

Connection*& Connection::Current() {
  thread_local Connection* current = nullptr;
  return current;
}

Connection::Fill Connection::FillHead() {
  for (;;) {
    // Some send an empty line between requests.
    while (buffer_.size() - at_ >= 2 && buffer_.compare(at_, 2, "\r\n") == 0) at_ += 2;
    if (!Head().empty()) return Fill::kComplete;
    if (buffer_.size() - at_ > kMaxHead) return Fill::kTooLong;
    buffer_.erase(0, at_);
    at_ = 0;
    char bytes[4096];
    const ssize_t got = ReceiveNow(bytes, sizeof(bytes));
    if (got > 0) {
      buffer_.append(bytes, static_cast<std::size_t>(got));
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && errno == EAGAIN ? Fill::kMore : Fill::kGone;
  }
}

Connection::Client Connection::Drain() {
  char bytes[16384];
  for (int i = 0; i < 64; ++i) {
    const ssize_t got = recv(socket_.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return Client::kGone;
    if (got < 0) break;
  }
  return Client::kThere;
}

std::string_view Connection::Head() const {
  const std::size_t end = buffer_.find("\r\n\r\n", at_);
  return end == std::string::npos ? std::string_view() : std::string_view(buffer_).substr(at_, end + 4 - at_);
}

void Connection::BeginBody(const RequestHead& head, std::uint64_t limit) {
  head_left_ = Head().size();
  body_left_ = head.chunked ? limit : head.length;
  body_since_ns_ = sys::NowNs();
  body_bytes_ = 0;
  answer_since_ns_ = 0;
  answer_bytes_ = 0;
}

Connection::Wake Connection::WaitFor(int event, int milliseconds) const {
  pollfd both[2] = {{event, POLLIN, 0}, {socket_.get(), POLLRDHUP, 0}};
  const int ready = poll(both, 2, milliseconds);
  if (ready > 0 && (both[0].revents & POLLIN) != 0) return Wake::kEvent;
  return ready > 0 && both[1].revents != 0 ? Wake::kGone : Wake::kTime;
}

ssize_t Connection::ReceiveNow(char* to, std::size_t size) const {
  return tls_ == nullptr ? recv(socket_.get(), to, size, MSG_DONTWAIT) : tls_->Receive(to, size);
}

ssize_t Connection::SendNow(const char* from, std::size_t size) const {
  return tls_ == nullptr ? send(socket_.get(), from, size, MSG_DONTWAIT | MSG_NOSIGNAL) : tls_->Send(from, size);
}

bool Connection::Pass(const PassTo& to) const {
  if (tls_ == nullptr) return to(socket_, std::string_view(buffer_).substr(at_));
  tls_->SayGoodbye();
  return true;
}

void Connection::EndAnswers() const {
  if (tls_ != nullptr) tls_->SayGoodbye();
  shutdown(socket_.get(), SHUT_WR);
}

void Connection::Shut() const { shutdown(socket_.get(), SHUT_RDWR); }

bool Connection::AwaitClient(short event) const {
  const Stray stray;
  if (!stray.may()) return false;
  pollfd one = {socket_.get(), Wants(event), 0};
  return poll(&one, 1, kMaxStallMs) != 0;
}

ssize_t Connection::Receive(char* to, std::size_t size) {
  for (;;) {
    const ssize_t got = ReceiveNow(to, size);
    if (got >= 0) return got;
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (!KeepsUp(body_bytes_, body_since_ns_)) return -1;
    if (!AwaitClient(POLLIN)) return -1;
  }
}

ssize_t Connection::read(char* to, std::size_t size) {
  const std::uint64_t allowed = head_left_ > 0 ? head_left_ : body_left_;
  size = static_cast<std::size_t>(std::min<std::uint64_t>(size, allowed));
  if (size == 0) return 0;
  if (at_ == buffer_.size()) {
    buffer_.resize(kChunk);
    const ssize_t got = Receive(buffer_.data(), std::min<std::uint64_t>(kChunk, allowed));
    buffer_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    at_ = 0;
    if (got <= 0) return got;
  }
  size = std::min(size, buffer_.size() - at_);
  std::memcpy(to, buffer_.data() + at_, size);
  at_ += size;
  if (head_left_ > 0) {
    head_left_ -= size;
  } else {
    body_left_ -= size;
    body_bytes_ += size;
  }
  return static_cast<ssize_t>(size);
}

ssize_t Connection::write(const char* from, std::size_t size) {
  if (answer_since_ns_ == 0) answer_since_ns_ = sys::NowNs();
  for (;;) {
    const ssize_t sent = SendNow(from, size);
    if (sent >= 0) {
      answer_bytes_ += static_cast<std::uint64_t>(sent);
      return sent;
    }
    if (errno != EAGAIN && errno != EINTR) return -1;
    if (!KeepsUp(answer_bytes_, answer_since_ns_)) return -1;
    if (!AwaitClient(POLLOUT)) return -1;
  }
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  ip = remote_;
  port = 0;
}
void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  ip.clear();
  port = 0;
}

}  // namespace moat::web
