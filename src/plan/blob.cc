#include "plan/blob.h"

#include <algorithm>
#include <set>

#include "plan/plan.h"

namespace moat::plan {

Blob::Blob() {
  bytes_.resize(sizeof(abi::Header));
  slots_ = Space(sizeof(abi::Slots));
  origins_.push_back({});  // index 0: moat's own
}

void Blob::At(abi::Phase phase, abi::Stage stage) {
  phase_ = phase;
  stage_ = stage;
  subject_ = 0;
  origin_ = 0;
}

void Blob::For(std::string_view subject, const Origin& origin) {
  subject_ = subject.empty() ? 0 : Text(subject);
  origin_ = OriginIndex(origin);
}

abi::Op& Blob::Add(unsigned number, std::initializer_list<Arg> args) {
  abi::Op op{};
  op.number = static_cast<std::uint16_t>(number);
  op.phase = phase_;
  op.stage = stage_;
  op.subject = subject_;
  op.origin = origin_;
  int i = 0;
  for (const Arg& arg : args) {
    op.kinds[i] = arg.kind;
    op.args[i++] = arg.word;
  }
  ops_.push_back(op);
  return ops_.back();
}

abi::Offset Blob::Space(std::size_t size) {
  bytes_.resize((bytes_.size() + 7) & ~std::size_t{7});
  const auto offset = static_cast<abi::Offset>(bytes_.size());
  bytes_.resize(bytes_.size() + size);
  return offset;
}

abi::Offset Blob::Bytes(std::string_view bytes) {
  const abi::Offset offset = Space(bytes.size());
  bytes_.replace(offset, bytes.size(), bytes);  // memcpy takes no null, not even for no bytes
  return offset;
}

abi::Offset Blob::Text(std::string_view text) {
  if (const auto found = texts_.find(text); found != texts_.end()) return found->second;
  const auto offset = static_cast<abi::Offset>(bytes_.size());
  bytes_.append(text);
  bytes_.push_back('\0');
  texts_.emplace(text, offset);
  return offset;
}

abi::Offset Blob::Int() { return Struct(std::int32_t{-1}); }

void Blob::Relocate(abi::Offset where, abi::Offset target) {
  const std::uint64_t word = target;
  std::memcpy(bytes_.data() + where, &word, sizeof(word));
  relocations_.push_back(where);
}

abi::Index Blob::OriginIndex(const Origin& origin) {
  if (origin.empty()) return 0;
  const abi::OriginRow row{Text(origin.file), origin.line, origin.column};
  for (std::size_t i = 1; i < origins_.size(); ++i) {
    if (origins_[i].file == row.file && origins_[i].line == row.line && origins_[i].column == row.column) {
      return static_cast<abi::Index>(i);
    }
  }
  origins_.push_back(row);
  return static_cast<abi::Index>(origins_.size() - 1);
}

std::uint8_t Blob::Layer(std::string_view name, abi::LayerState state, std::string_view detail) {
  layers_.push_back({Text(name), detail.empty() ? 0 : Text(detail), state, {}});
  return static_cast<std::uint8_t>(layers_.size() - 1);
}

template <typename T>
abi::Offset Blob::Array(const std::vector<T>& rows) {
  return Bytes(std::string_view(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(T)));
}

void Blob::WriteNames() {
  std::set<std::uint16_t> numbers;
  numbers.insert(named_calls_.begin(), named_calls_.end());
  for (const abi::Op& op : ops_) numbers.insert(op.number);
  std::vector<abi::CallNameRow> rows;
  for (const std::uint16_t number : numbers) rows.push_back({number, 0, Text(OpName(number))});
  header_.call_names = Array(rows);
  header_.call_name_count = static_cast<abi::Index>(rows.size());
  std::vector<abi::Offset> stages;
  for (unsigned i = 0; i < abi::kStages; ++i) stages.push_back(Text(StageName(static_cast<abi::Stage>(i))));
  header_.stage_names = Array(stages);
}

std::string Blob::Finish() {
  std::stable_sort(ops_.begin(), ops_.end(), [](const abi::Op& a, const abi::Op& b) { return a.phase < b.phase; });
  header_.magic = abi::kMagic;
  header_.version = abi::kVersion;
  header_.op_count = static_cast<abi::Index>(ops_.size());
  for (unsigned phase = 0; phase <= abi::kPhases; ++phase) {
    const auto first = std::find_if(ops_.begin(), ops_.end(), [&](const abi::Op& op) {
      return static_cast<unsigned>(op.phase) >= phase;
    });
    header_.phase_begin[phase] = static_cast<abi::Index>(first - ops_.begin());
  }
  WriteNames();
  header_.origins = Array(origins_);
  header_.origin_count = static_cast<abi::Index>(origins_.size());
  header_.layers = Array(layers_);
  header_.layer_count = static_cast<abi::Index>(layers_.size());
  header_.env = Array(env_);
  header_.env_count = static_cast<abi::Index>(env_.size());
  header_.dependencies = Array(dependencies_);
  header_.dependency_count = static_cast<abi::Index>(dependencies_.size());
  header_.cgroups = Array(cgroups_);
  header_.cgroup_count = static_cast<abi::Index>(cgroups_.size());
  header_.scratches = Array(scratches_);
  header_.scratch_count = static_cast<abi::Index>(scratches_.size());
  header_.relocations = Array(relocations_);
  header_.relocation_count = static_cast<abi::Index>(relocations_.size());
  header_.ops = Array(ops_);  // last: those of the job grow with its inputs
  header_.slots = slots_;
  auto& slots = *reinterpret_cast<abi::Slots*>(bytes_.data() + slots_);
  slots.fail_op = abi::kNoOp;
  slots.accounts = -1;
  slots.notice = -1;
  slots.watcher = -1;
  slots.network = -1;
  header_.size = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &header_, sizeof(header_));
  return bytes_;
}

}  // namespace moat::plan
