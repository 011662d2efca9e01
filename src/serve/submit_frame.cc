#include "serve/submit_frame.h"

#include <cstring>

namespace moat::serve {
namespace {

constexpr std::uint64_t kLongest = 7ULL * 24 * 3600 * 1'000'000'000;

// False when the text does not end where it should.
bool TakeTexts(std::string_view& body, std::uint32_t count, std::vector<std::string>& to) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::size_t end = body.find('\0');
    if (end == std::string_view::npos) return false;
    to.emplace_back(body.substr(0, end));
    body.remove_prefix(end + 1);
  }
  return true;
}

bool TakeTime(std::uint64_t ns, std::optional<Time>& to) {
  if (ns == kNoTime) return true;
  if (ns > kLongest) return false;
  to = Time(static_cast<std::int64_t>(ns));
  return true;
}

bool Fits(const SubmitFrame& head, std::size_t body_size, std::size_t fd_count) {
  if (head.kind != LocalFrame::kSubmit || (head.flags & ~(kGivesLog | kGivesFolder)) != 0) return false;
  if (head.priority >= pool::kPriorities || head.inputs > kMaxSubmitInputs || head.outputs > kMaxSubmitOutputs) return false;
  if (head.arguments > kMaxSubmitArguments || (head.input_names != 0 && head.input_names != head.inputs)) return false;
  if (head.profile_size == 0 || head.profile_size > 64 || head.label_size > kMaxLabel || head.request_size > body_size) return false;
  if (head.profile_size + head.label_size + head.request_size > body_size) return false;
  const std::size_t wanted = head.inputs + head.outputs + ((head.flags & kGivesLog) != 0 ? 1 : 0) + ((head.flags & kGivesFolder) != 0 ? 1 : 0);
  return fd_count == wanted;
}

}  // namespace

std::optional<Submission> ReadSubmitFrame(std::string_view frame, std::vector<sys::Fd>& fds, std::uint64_t& id) {
  SubmitFrame head;
  if (frame.size() < sizeof(head) || frame.size() > sizeof(head) + kMaxSubmitBody) return std::nullopt;
  std::memcpy(&head, frame.data(), sizeof(head));
  std::string_view body = frame.substr(sizeof(head));
  if (!Fits(head, body.size(), fds.size())) return std::nullopt;
  Submission submission;
  submission.priority = static_cast<pool::Priority>(head.priority);
  submission.profile = body.substr(0, head.profile_size);
  body.remove_prefix(head.profile_size);
  submission.label = body.substr(0, head.label_size);
  body.remove_prefix(head.label_size);
  submission.request = body.substr(0, head.request_size);
  body.remove_prefix(head.request_size);
  if (!TakeTexts(body, head.arguments, submission.arguments) || !TakeTexts(body, head.input_names, submission.input_names) ||
      !body.empty() || !TakeTime(head.wall_ns, submission.wall) || !TakeTime(head.start_within_ns, submission.start_within)) {
    return std::nullopt;
  }
  std::size_t next = 0;
  for (std::uint32_t i = 0; i < head.inputs; ++i) submission.inputs.push_back(std::move(fds[next++]));
  for (std::uint32_t i = 0; i < head.outputs; ++i) submission.outputs.push_back(std::move(fds[next++]));
  if ((head.flags & kGivesLog) != 0) submission.log = std::move(fds[next++]);
  if ((head.flags & kGivesFolder) != 0) submission.folder = std::move(fds[next++]);
  id = head.id;
  return submission;
}

}  // namespace moat::serve
