#include "moat/pool.h"
#include "serve/local_client.h"

namespace moat {
namespace {

static_assert(static_cast<int>(PoolOutcome::kInvalid) == static_cast<int>(serve::LocalOutcome::kInvalid));
static_assert(static_cast<int>(PoolPriority::kLow) == static_cast<int>(serve::LocalPriority::kLow));

std::uint64_t Ns(const std::optional<std::chrono::nanoseconds>& time) {
  return time && time->count() > 0 ? static_cast<std::uint64_t>(time->count()) : time ? 0 : serve::kNoTime;
}

serve::LocalJob OnTheWire(const PoolJob& job) {
  serve::LocalJob wire;
  wire.profile = job.profile;
  wire.label = job.label;
  wire.request = job.request;
  wire.arguments = job.arguments;
  for (const PoolInput& input : job.inputs) wire.inputs.push_back({input.descriptor, input.name});
  wire.outputs = job.outputs;
  wire.log = job.log;
  wire.folder = job.folder;
  wire.priority = static_cast<serve::LocalPriority>(job.priority);
  wire.wall_ns = Ns(job.wall);
  wire.start_within_ns = Ns(job.start_within);
  return wire;
}

}  // namespace

struct PoolClient::Impl {
  sys::Fd socket;
  std::uint64_t last_id = 0;
  std::vector<char> buffer = std::vector<char>(serve::kAnswerBytes);
};

PoolClient::PoolClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PoolClient::PoolClient(PoolClient&&) noexcept = default;
PoolClient& PoolClient::operator=(PoolClient&&) noexcept = default;
PoolClient::~PoolClient() = default;

Result<PoolClient> PoolClient::Connect(const std::string& socket) {
  auto impl = std::make_unique<Impl>();
  impl->socket = MOAT_TRY(serve::EnterLocalDoor(socket));
  return PoolClient(std::move(impl));
}

int PoolClient::descriptor() const { return impl_->socket.get(); }

Result<std::uint64_t> PoolClient::Submit(const PoolJob& job) {
  const std::uint64_t id = ++impl_->last_id;
  MOAT_TRY(serve::SendJob(impl_->socket, id, OnTheWire(job)));
  return id;
}

Status PoolClient::Cancel(std::uint64_t id) { return serve::CancelJob(impl_->socket, id); }

Result<PoolResult> PoolClient::Next() {
  serve::LocalAnswer wire = MOAT_TRY(serve::NextAnswer(impl_->socket, impl_->buffer));
  PoolResult result;
  result.id = wire.id;
  result.outcome = static_cast<PoolOutcome>(wire.outcome);
  result.why = std::move(wire.why);
  result.retry_after = std::chrono::nanoseconds(wire.retry_after_ns);
  result.waited = std::chrono::nanoseconds(wire.waited_ns);
  result.report = std::move(wire.report);
  result.answer = std::move(wire.answer);
  return result;
}

Result<PoolResult> PoolClient::Run(const PoolJob& job) {
  const std::uint64_t id = MOAT_TRY(Submit(job));
  PoolResult result = MOAT_TRY(Next());
  if (result.id != id) return PolicyError("Run while other jobs are on their way: use Submit and Next");
  return result;
}

}  // namespace moat
