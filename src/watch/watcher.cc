#include "watch/watcher.h"

#include <cerrno>

#include "base/text.h"
#include "plan/filter_spec.h"
#include "watch/decode.h"
#include "watch/guest.h"
#include "watch/words.h"

namespace moat::watch {
namespace {

constexpr std::size_t kDescribed = 8;   // of a kind, as long as they differ
constexpr std::size_t kLooks = 32;      // of a kind, into the guest's memory
constexpr std::size_t kKinds = 512;     // of all
constexpr std::size_t kPaths = 8192;    // that are looked at
constexpr std::size_t kFrames = 12;
constexpr std::string_view kLikeAnOldKernel = "errno ENOSYS";
constexpr std::uint8_t kDangerous = 3;  // the lowest tier that is never let go

std::string KindOf(const seccomp_data& data, const bpf::SyscallInfo* call) {
  std::string kind = base::Number(data.arch) + " " + base::Number(static_cast<std::uint32_t>(data.nr));
  const unsigned telling = call != nullptr ? TellingArguments(*call) : 0;
  for (unsigned i = 0; i < 6; ++i) {
    if ((telling >> i & 1) != 0) kind += " " + base::Hex(data.args[i]);
  }
  return kind;
}

void Describe(Observation& seen, const bpf::SyscallInfo* call, const Guest& guest) {
  if (call != nullptr) {
    const std::uint64_t(&args)[6] = reinterpret_cast<const std::uint64_t(&)[6]>(seen.data.args);
    Decoded decoded = Decode(*call, args, guest);
    seen.arguments = std::move(decoded.arguments);
    seen.path = std::move(decoded.path);
  }
  seen.executable = guest.Executable();
  seen.thread = guest.Name();
  seen.folder = guest.Folder();
  seen.stack = guest.Stack(seen.data.instruction_pointer, kFrames);
}

// The registers alone, for a question whose asker is gone: what memory said may be another's.
void Undescribe(Observation& seen) {
  seen.arguments.clear();
  for (const std::uint64_t argument : seen.data.args) seen.arguments += (seen.arguments.empty() ? "" : ", ") + base::Hex(argument);
  seen.path = seen.executable = seen.thread = seen.folder = "";
  seen.stack.clear();
  seen.snapshot = kNoSnapshot;
}

}  // namespace

void Watcher::Note(Listener& listener, const seccomp_notif& question, const bpf::SyscallInfo* call, const Judgement& judgement,
                   std::string action) {
  ++refusals_;
  std::vector<std::size_t>& same = kinds_[kinds_.size() < kKinds ? KindOf(question.data, call) : std::string("rest")];
  const bool known = !same.empty() && (same.size() >= kDescribed || refused_[same.front()].count >= kLooks);
  if (known || refused_.size() >= kKinds) {
    if (!same.empty()) ++refused_[same.front()].count;
    return;
  }
  Observation seen;
  seen.data = question.data;
  seen.call = call != nullptr ? std::string(call->name) : "call " + base::Number(static_cast<std::uint32_t>(question.data.nr));
  seen.action = std::move(action);
  seen.rule = judgement.rule;
  seen.edit = NarrowestEdit(question.data, judgement.looked_at);
  const Guest guest(static_cast<pid_t>(question.pid));
  Describe(seen, call, guest);
  if (mode_ != Mode::kLearn && seen.action != kLikeAnOldKernel) {  // where nobody asks who called it
    seen.snapshot = snapshots_.Take(guest, root_, question.data.instruction_pointer);
  }
  if (!listener.StillAsked(question.id)) Undescribe(seen);
  for (const std::size_t i : same) {
    if (refused_[i].path != seen.path || refused_[i].executable != seen.executable) continue;
    ++refused_[i].count;
    return;
  }
  same.push_back(refused_.size());
  refused_.push_back(std::move(seen));
}

void Watcher::LookAtFile(Listener& listener, const seccomp_notif& question, const bpf::SyscallInfo& call) {
  const Guest guest(static_cast<pid_t>(question.pid));
  Observation seen;
  seen.data = question.data;
  const std::uint64_t(&args)[6] = reinterpret_cast<const std::uint64_t(&)[6]>(seen.data.args);
  std::string path = PathOf(call, args, guest);
  if (path.empty() || path[0] != '/' || looked_.size() >= kPaths) return;
  const auto [known, is_new] = looked_.emplace(std::string(call.name) + " " + path, kKinds);
  if (!is_new) {
    if (known->second >= refused_.size()) return;
    ++refused_[known->second].count;
    ++refusals_;
    return;
  }
  PathTrouble trouble = TroubleWith(path, call, args, guest, root_, rules_.model(), known_);
  if (trouble.action.empty() || refused_.size() >= kKinds) return;
  Decoded decoded = Decode(call, args, guest);
  if (!listener.StillAsked(question.id)) return;
  known->second = refused_.size();
  ++refusals_;
  seen.call = std::string(call.name);
  seen.arguments = std::move(decoded.arguments);
  seen.path = std::move(path);
  seen.executable = guest.Executable();
  seen.thread = guest.Name();
  seen.folder = guest.Folder();
  seen.action = std::move(trouble.action);
  seen.rule = std::move(trouble.rule);
  seen.edit = std::move(trouble.edit);
  refused_.push_back(std::move(seen));
}

bool Watcher::LetsGo(const seccomp_data& data, const bpf::SyscallInfo* call) const {
  if (mode_ != Mode::kReport || floor_ == nullptr || call == nullptr || call->tier >= kDangerous) return false;
  return floor_->Judge(data).action == bpf::Allow();
}

// The rules allow it whatever it names: letting it go decides nothing.
void Watcher::Allowed(Listener& listener, const seccomp_notif& question, const bpf::SyscallInfo& call) {
  if (mode_ != Mode::kLearn) LookAtFile(listener, question, call);
  if (mode_ == Mode::kLearn && tell_) tell_(question, call);
  listener.LetGo(question.id);
}

void Watcher::Step(Listener& listener) {
  const auto question = listener.Take();
  if (!question) return;
  const bpf::Action action = rules_.Answer(question->data);
  const bool ours = question->data.arch == bpf::AuditArch(bpf::NativeAbi());
  const bpf::SyscallInfo* call = ours ? bpf::FindSyscall(bpf::NativeAbi(), static_cast<std::uint32_t>(question->data.nr)) : nullptr;
  const bool dangerous = call == nullptr || call->tier >= kDangerous;
  if (action == bpf::Allow() && call != nullptr && plan::LooksAtFiles(call->name)) return Allowed(listener, *question, *call);
  if (mode_ == Mode::kLearn && action.kind == bpf::ActionKind::kNotify && !dangerous) {
    if (tell_) tell_(*question, *call);
    return listener.LetGo(question->id);
  }
  const Judgement judgement = rules_.Judge(question->data);
  switch (action.kind) {
    case bpf::ActionKind::kNotify:
      if (mode_ == Mode::kLearn) {
        Note(listener, *question, call, judgement, "errno EPERM");
        return listener.Refuse(question->id, EPERM);
      }
      Note(listener, *question, call, judgement, "errno ENOSYS");
      return listener.Refuse(question->id, ENOSYS);
    case bpf::ActionKind::kErrno:
      if (LetsGo(question->data, call)) break;
      Note(listener, *question, call, judgement, ActionInWords(action));
      return listener.Refuse(question->id, action.data);
    case bpf::ActionKind::kKillProcess:
      if (LetsGo(question->data, call)) break;
      Note(listener, *question, call, judgement, "kill");
      killed_ = true;
      return listener.Kill(*question);
    default:
      // The filter asked about what these rules allow: it was made of others. Nothing is let go on a guess.
      Note(listener, *question, call, judgement, "errno EPERM");
      return listener.Refuse(question->id, EPERM);
  }
  Note(listener, *question, call, judgement, "reported");
  listener.LetGo(question->id);
}

}  // namespace moat::watch
