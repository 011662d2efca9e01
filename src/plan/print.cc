// A plan in words: one prepared system call a line, with the policy line behind it.
#include <asm/unistd.h>

#include <cstring>

#include "base/errno_name.h"
#include "base/json.h"
#include "base/safe_text.h"
#include "base/text.h"
#include "bpf/filter.h"
#include "bpf/syscall_table.h"
#include "plan/plan.h"
#include "plan/print_struct.h"

namespace moat::plan {
namespace {

constexpr std::size_t kLongText = 48;

class Printer {
 public:
  explicit Printer(const Plan& plan) : plan_(plan) {
    for (abi::Index i = 0; i < plan.header().op_count; ++i) {
      const abi::Op& op = plan.ops()[i];
      if (op.result != 0) names_.emplace_back(op.result, NameOf(op));
    }
  }

  std::string Call(const abi::Op& op) const {
    std::string text(OpName(op.number));
    text += '(';
    const unsigned count = ArgCount(op);
    for (unsigned i = 0; i < count; ++i) {
      if (i != 0) text += ", ";
      text += Argument(op, i);
    }
    text += ')';
    // What mkdirat answers is no descriptor: only that the group was made.
    if (op.result != 0 && op.number != __NR_mkdirat) text += " -> " + Descriptor(op.result);
    return text;
  }

  std::string Origin(const abi::Op& op) const {
    const auto* rows = reinterpret_cast<const abi::OriginRow*>(plan_.bytes().data() + plan_.header().origins);
    const abi::OriginRow& row = rows[op.origin];
    if (row.file == 0) return {};
    return moat::Origin{std::string(plan_.Text(row.file)), row.line, 0}.ToString();
  }

 private:
  unsigned ArgCount(const abi::Op& op) const {
    if (op.number >= static_cast<std::uint16_t>(abi::Pseudo::kFirst)) {
      return op.number == static_cast<std::uint16_t>(abi::Pseudo::kSame) ? 3
             : op.number == static_cast<std::uint16_t>(abi::Pseudo::kSpawn) || op.number == static_cast<std::uint16_t>(abi::Pseudo::kForget) ? 0 : 1;
    }
    const bpf::SyscallInfo* info = bpf::FindSyscall(bpf::NativeAbi(), op.number);
    return info != nullptr ? info->arg_count : 6;
  }

  bpf::ArgKind KindOf(const abi::Op& op, unsigned i) const {
    const bpf::SyscallInfo* info = bpf::FindSyscall(bpf::NativeAbi(), op.number);
    return info != nullptr && i < info->arg_count ? info->args[i].kind : bpf::ArgKind::kUlong;
  }

  // A descriptor gets the name of what it was opened for: fd:/usr, fd:cgroup.procs.
  std::string NameOf(const abi::Op& op) const {
    const std::string_view subject = plan_.Text(op.subject);
    return subject.empty() ? std::string(OpName(op.number)) : std::string(subject);
  }

  std::string Descriptor(abi::Offset offset) const {
    const abi::Offset slots = plan_.header().slots;
    if (offset >= slots && offset < slots + sizeof(abi::Slots)) return Slot(offset - slots);
    for (const auto& [result, name] : names_) {
      if (result == offset) return "fd:" + name;
    }
    return "fd";
  }

  static std::string Slot(std::size_t offset) {
    const struct {
      std::size_t at, size;
      const char* name;
    } rows[] = {{offsetof(abi::Slots, argv), 8, "$argv"}, {offsetof(abi::Slots, envp), 8, "$envp"},
                {offsetof(abi::Slots, standard), 4, "$stdin"}, {offsetof(abi::Slots, standard) + 4, 4, "$stdout"},
                {offsetof(abi::Slots, standard) + 8, 4, "$stderr"}, {offsetof(abi::Slots, launcher_pidfd), 4, "$launcher"},
                {offsetof(abi::Slots, root_fd), 4, "$root"}, {offsetof(abi::Slots, output_fd), 4, "$output"},
                {offsetof(abi::Slots, job_uid), 4, "$uid"}, {offsetof(abi::Slots, job_gid), 4, "$gid"},
                {offsetof(abi::Slots, uid_text), abi::kTextId, "$uid"}, {offsetof(abi::Slots, gid_text), abi::kTextId, "$gid"},
                {offsetof(abi::Slots, processors), sizeof(abi::Slots::processors), "$processors"},
                {offsetof(abi::Slots, listener), 4, "$listener"}, {offsetof(abi::Slots, accounts), 4, "$accounts"},
                {offsetof(abi::Slots, group_name), 2 * abi::kTextId, "$group"},
                {offsetof(abi::Slots, inputs), 4, "$input"}, {offsetof(abi::Slots, inputs) + 4, 4, "$place"}};
    for (const auto& row : rows) {
      if (offset >= row.at && offset < row.at + row.size) return row.name;
    }
    return "$input-name";
  }

  std::string Argument(const abi::Op& op, unsigned i) const {
    const std::uint64_t word = op.args[i];
    switch (op.kinds[i]) {
      case abi::Kind::kInt32:
      case abi::Kind::kUint64: return Descriptor(static_cast<abi::Offset>(word));
      case abi::Kind::kAddress: return AtAddress(op, i, static_cast<abi::Offset>(word));
      case abi::Kind::kValue: break;
    }
    if (static_cast<std::int64_t>(word) == -100) return "AT_FDCWD";
    if (KindOf(op, i) == bpf::ArgKind::kPointer && word == 0) return "NULL";
    if (static_cast<std::int64_t>(word) < 0 && static_cast<std::int64_t>(word) > -4096) {
      return base::SignedNumber(static_cast<std::int64_t>(word));
    }
    return WordText(word);
  }

  std::string AtAddress(const abi::Op& op, unsigned argument, abi::Offset offset) const {
    const abi::Offset slots = plan_.header().slots;
    if (offset >= slots && offset < slots + sizeof(abi::Slots)) return Slot(offset - slots);
    const char* at = plan_.bytes().data() + offset;
    const std::size_t room = plan_.bytes().size() - offset;
    if (std::string shown = StructText(op, argument, {at, room}); !shown.empty()) return shown;
    const std::size_t length = strnlen(at, room);
    bool text = length < room && (length > 0 || at[-1] == '\0' || offset == 0);
    for (std::size_t i = 0; i < length && text; ++i) text = static_cast<unsigned char>(at[i]) >= 32 || at[i] == '\n';
    if (!text || (length > 0 && length < 2 && (offset & 7) == 0 && at[0] != '.' && at[0] != '/')) return "{...}";
    std::string shown = base::Printable(std::string_view(at, std::min(length, kLongText)));
    return "\"" + shown + (length > kLongText ? "\"..." : "\"");
  }

  const Plan& plan_;
  std::vector<std::pair<abi::Offset, std::string>> names_;
};

std::string_view LayerStateName(abi::LayerState state) {
  switch (state) {
    case abi::LayerState::kEnforced: return "enforced";
    case abi::LayerState::kDegraded: return "degraded";
    case abi::LayerState::kOff: return "off";
  }
  return "?";
}

}  // namespace

std::string Print(const Plan& plan) {
  const abi::Header& header = plan.header();
  const Printer printer(plan);
  std::string out = "program      " + std::string(plan.Text(header.exec_path)) + "\nhost         " +
                    std::string(plan.Text(header.host_facts)) + "\n\nlayers\n";
  const auto* layers = reinterpret_cast<const abi::LayerRow*>(plan.bytes().data() + header.layers);
  for (abi::Index i = 0; i < header.layer_count; ++i) {
    out += "  " + std::string(LayerStateName(layers[i].state)) + "  " + std::string(plan.Text(layers[i].name));
    if (layers[i].detail != 0) out += ": " + std::string(plan.Text(layers[i].detail));
    out += '\n';
  }
  std::string heading;
  for (abi::Index i = 0; i < header.op_count; ++i) {
    const abi::Op& op = plan.ops()[i];
    const std::string here = std::string(PhaseName(op.phase)) + "/" + std::string(StageName(op.stage));
    if (here != heading) out += "\n" + here + "  # " + std::string(StageReason(op.stage)) + "\n";
    heading = here;
    std::string line = "  " + base::Number(i);
    line.resize(std::max<std::size_t>(line.size() + 1, 7), ' ');
    line += printer.Call(op);
    if ((op.flags & abi::kPerInput) != 0) line += "  [each input]";
    if ((op.flags & abi::kTolerate) != 0) line += "  [or " + std::string(base::ErrnoName(op.tolerated)) + "]";
    if ((op.flags & abi::kMustBeZero) != 0) line += "  [must be 0]";
    if ((op.flags & abi::kBestEffort) != 0) line += "  [best effort]";
    if ((op.flags & abi::kOptional) != 0) line += "  [or not]";
    if ((op.flags & abi::kOwnFilter) != 0 && (header.flags & abi::kInheritable) != 0) line += "  [inherited in a pool]";
    const std::string origin = printer.Origin(op);
    if (!origin.empty()) line += "  # " + origin;
    out += line + "\n";
  }
  out += "\nfilter       " + base::Number(header.filter_count) + " instructions\n";
  const auto* code = reinterpret_cast<const sock_filter*>(plan.bytes().data() + header.filter);
  if (header.filter != 0) out += bpf::Disassemble({code, header.filter_count}, bpf::NativeAbi());
  const bool hands_on = (header.flags & abi::kHandsOnNetwork) != 0;
  const bool inherited = (header.flags & abi::kInheritable) != 0;
  out += "\nin a pool    " + (inherited ? "jails inherit a filter of " + base::Number(header.spawner_filter_count) +
                                            " instructions from their spawner" + (hands_on ? ", and hand on an empty network namespace\n" : "\n")
                                      : std::string("each jail installs its own filter\n"));
  return out;
}

std::string PrintJson(const Plan& plan, std::string_view policy) {
  const abi::Header& header = plan.header();
  const Printer printer(plan);
  base::JsonWriter json;
  json.BeginObject();
  json.Key("program").Text(plan.Text(header.exec_path));
  json.Key("host").Text(plan.Text(header.host_facts));
  json.Key("policy_hash").Text(header.policy_hash);
  json.Key("policy").Text(policy);
  json.Key("layers").BeginArray();
  const auto* layers = reinterpret_cast<const abi::LayerRow*>(plan.bytes().data() + header.layers);
  for (abi::Index i = 0; i < header.layer_count; ++i) {
    json.BeginObject();
    json.Key("name").Text(plan.Text(layers[i].name));
    json.Key("state").Text(LayerStateName(layers[i].state));
    json.Key("detail").Text(plan.Text(layers[i].detail));
    json.EndObject();
  }
  json.EndArray();
  json.Key("ops").BeginArray();
  for (abi::Index i = 0; i < header.op_count; ++i) {
    const abi::Op& op = plan.ops()[i];
    json.BeginObject();
    json.Key("phase").Text(PhaseName(op.phase));
    json.Key("stage").Text(StageName(op.stage));
    json.Key("call").Text(OpName(op.number));
    json.Key("text").Text(printer.Call(op));
    json.Key("subject").Text(plan.Text(op.subject));
    json.Key("policy_line").Text(printer.Origin(op));
    json.Key("tolerates").Text((op.flags & abi::kTolerate) != 0 ? base::ErrnoName(op.tolerated) : "");
    json.Key("best_effort").Bool((op.flags & abi::kBestEffort) != 0);
    json.Key("optional").Bool((op.flags & abi::kOptional) != 0);
    json.Key("each_input").Bool((op.flags & abi::kPerInput) != 0);
    json.EndObject();
  }
  json.EndArray();
  json.Key("filter").BeginArray();
  const auto* code = reinterpret_cast<const sock_filter*>(plan.bytes().data() + header.filter);
  for (abi::Index i = 0; i < header.filter_count; ++i) {
    json.BeginArray();
    json.Number(code[i].code).Number(code[i].jt).Number(code[i].jf).Number(code[i].k);
    json.EndArray();
  }
  json.EndArray();
  json.Key("inherited_filter").Number(std::uint64_t{header.spawner_filter_count});
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace moat::plan
