#include "cli/launcher/spawner_request.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <string>

#include "sys/message.h"

namespace moat::launcher {
namespace {

// Takes texts from a body; `good` is false once there was too little.
struct Texts {
  std::string_view left;
  bool good = true;

  std::string Take() {
    const std::size_t end = left.find('\0');
    if (end == std::string_view::npos) {
      good = false;
      return {};
    }
    std::string text(left.substr(0, end));
    left.remove_prefix(end + 1);
    return text;
  }
  void Take(std::vector<std::string>& texts, std::uint32_t count) {
    for (; count > 0 && good; --count) texts.push_back(Take());
  }
};

bool TakeTexts(Request& request, std::string_view body) {
  const api::RunRequest& head = request.head;
  for (const std::uint32_t count : {head.arguments, head.offered, head.extra}) {
    if (count > api::kMaxTexts) return false;
  }
  if (head.arguments == 0 || head.inputs > abi::kMaxInputs) return false;
  Texts texts{body};
  texts.Take(request.job.command, head.arguments);
  texts.Take(request.job.environment, head.offered);
  texts.Take(request.job.extra_environment, head.extra);
  request.job.warm = (head.flags & api::kWarm) != 0;
  for (std::uint32_t i = 0; i < head.inputs && texts.good; ++i) {
    request.job.inputs.push_back(texts.Take());
    request.job.input_names.push_back(texts.Take());
  }
  return texts.good && texts.left.empty();
}

bool TakeBeginning(const api::PrepareRequest& head, std::string_view body, std::optional<run::Beginning>& beginning) {
  if ((head.flags & api::kWarm) == 0) return body.empty();
  for (const std::uint32_t count : {head.arguments, head.offered, head.extra}) {
    if (count > api::kMaxTexts) return false;
  }
  if (head.arguments == 0 || head.inputs > abi::kMaxInputs) return false;
  Texts texts{body};
  run::Beginning& taken = beginning.emplace();
  texts.Take(taken.command, head.arguments);
  texts.Take(taken.environment, head.offered);
  texts.Take(taken.extra_environment, head.extra);
  texts.Take(taken.input_names, head.inputs);
  return texts.good && texts.left.empty();
}

// Hands out a frame's descriptors in their order.
struct Descriptors {
  std::vector<sys::Fd>& fds;
  std::size_t next = 0;
  bool good = true;

  sys::Fd Take() {
    if (next >= fds.size()) good = false;
    return good ? std::move(fds[next++]) : sys::Fd();
  }
};

// Precondition: what concerns the plan and the body was taken before.
bool TakeFiles(Request& request, Descriptors& descriptors) {
  const api::RunRequest& head = request.head;
  constexpr std::uint32_t kStreams[3] = {api::kGivesIn, api::kGivesOut, api::kGivesErr};
  for (int i = 0; i < 3; ++i) {
    if ((head.flags & kStreams[i]) != 0) request.job.standard[i] = request.Keep(descriptors.Take());
  }
  if ((head.flags & api::kGivesOutput) != 0) request.job.output_fd = request.Keep(descriptors.Take());
  for (std::uint32_t i = 0; i < head.inputs; ++i) {
    const bool opened = (head.opened_inputs >> i & 1) != 0;
    request.job.input_fds.push_back(opened ? request.Keep(descriptors.Take()) : -1);
  }
  return descriptors.good && descriptors.next == descriptors.fds.size();
}

}  // namespace

Sealed::~Sealed() {
  if (memory_ != nullptr) munmap(memory_, size_);
}

Sealed Sealed::Map(const sys::Fd& fd, std::size_t limit) {
  Sealed sealed;
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
  struct stat facts{};
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0 || (seals & kSeals) != kSeals || fstat(fd.get(), &facts) != 0) return sealed;
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0 || size > limit) return sealed;
  void* memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return sealed;
  sealed.memory_ = memory;
  sealed.size_ = size;
  return sealed;
}

bool Plans::Keep(std::uint32_t slot, const sys::Fd& fd) {
  slots_[slot].reset();
  const Sealed memory = Sealed::Map(fd, api::kMaxPlan);
  if (memory.bytes().size() < sizeof(abi::Header)) return false;
  slots_[slot] = run::KeptPlan::Keep(memory.bytes());
  return true;
}

bool Receive(Frame& frame) {
  frame.fds.clear();
  frame.size = 0;
  auto message = sys::ReceiveMessage(api::kSocketFd, frame.bytes, api::kMaxDescriptors);
  if (!message.ok() || message->size == 0) return false;
  frame.fds = std::move(message->fds);
  frame.size = message->size;
  return message->whole;
}

Expectation TakePrepare(Frame& frame, Plans& plans) {
  api::PrepareRequest head;
  if (!frame.Read(head) || head.plan_slot >= api::kPlanSlots) return {};
  Expectation expected;
  if (!TakeBeginning(head, {frame.bytes.data() + sizeof(head), frame.size - sizeof(head)}, expected.beginning)) return {};
  Descriptors descriptors{frame.fds};
  if ((head.flags & api::kCarriesPlan) != 0 && !plans.Keep(head.plan_slot, descriptors.Take())) return {};
  if (!descriptors.good || descriptors.next != frame.fds.size()) return {};
  if (const auto* plan = plans.At(head.plan_slot); plan != nullptr && plan->ok()) expected.plan = plan->value();
  return expected;
}

bool TakeApart(Frame& frame, Plans& plans, Request& request) {
  if (!frame.Read(request.head)) return false;
  const api::RunRequest& head = request.head;
  if (head.plan_slot >= api::kPlanSlots || head.body_size > api::kMaxBody) return false;
  Descriptors descriptors{frame.fds};
  if ((head.flags & api::kCarriesPlan) != 0 && !plans.Keep(head.plan_slot, descriptors.Take())) return false;
  if (plans.At(head.plan_slot) == nullptr) return false;
  Sealed body;
  std::string_view text(frame.bytes.data() + sizeof(head), frame.size - sizeof(head));
  if ((head.flags & api::kBodyInMemFd) != 0) {
    if (!text.empty()) return false;
    body = Sealed::Map(descriptors.Take(), api::kMaxBody);
    text = body.bytes();
  }
  return text.size() == head.body_size && TakeTexts(request, text) && TakeFiles(request, descriptors);
}

}  // namespace moat::launcher
