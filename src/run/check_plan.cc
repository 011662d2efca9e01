#include "run/check_plan.h"

#include <linux/filter.h>

#include <cstring>

#include "plan/abi.h"

namespace moat::run {
namespace {

class Checker {
 public:
  explicit Checker(std::string_view plan) : plan_(plan) { std::memcpy(&header_, plan.data(), sizeof(header_)); }

  bool Check() const {
    return header_.magic == abi::kMagic && header_.version == abi::kVersion && header_.size == plan_.size() &&
           CheckHeader() && CheckPhases() && CheckOps() && CheckRows() && CheckRelocations();
  }

 private:
  template <typename Row>
  bool Inside(abi::Offset at, std::uint64_t count) const {
    return at % alignof(Row) == 0 && at <= plan_.size() && count <= (plan_.size() - at) / sizeof(Row);
  }
  bool Word(std::uint64_t at, std::size_t size) const { return at % size == 0 && at < plan_.size() && plan_.size() - at >= size; }
  bool Text(abi::Offset at) const { return at < plan_.size(); }  // run/ puts a zero behind the last byte
  bool Int(abi::Offset at) const { return Word(at, sizeof(std::int32_t)); }

  template <typename Row>
  Row At(abi::Offset rows, abi::Index i) const {
    Row row;
    std::memcpy(&row, plan_.data() + rows + std::size_t{i} * sizeof(Row), sizeof(Row));
    return row;
  }
  template <typename Row, typename Good>
  bool All(abi::Offset rows, abi::Index count, Good good) const {
    if (!Inside<Row>(rows, count)) return false;
    for (abi::Index i = 0; i < count; ++i) {
      if (!good(At<Row>(rows, i))) return false;
    }
    return true;
  }

  bool CheckHeader() const {
    const abi::Offset texts[] = {header_.exec_path, header_.program,     header_.input_dir,
                                 header_.output_dir, header_.policy_name, header_.host_facts};
    for (const abi::Offset text : texts) {
      if (!Text(text)) return false;
    }
    const bool nonce = (header_.flags & abi::kExecNonce) == 0 ||
                       (header_.nonce_low < header_.filter_count && header_.nonce_high < header_.filter_count);
    return nonce && header_.policy_hash[sizeof(header_.policy_hash) - 1] == '\0' && header_.uid_count > 0 &&
           header_.slots >= sizeof(abi::Header) && Inside<abi::Slots>(header_.slots, 1) &&
           Inside<sock_filter>(header_.filter, header_.filter_count) && Int(header_.clone_cgroup) &&
           Inside<sock_filter>(header_.spawner_filter, header_.spawner_filter_count) && header_.spawner_filter_count <= BPF_MAXINSNS &&
           ((header_.flags & abi::kInheritable) == 0 || header_.spawner_filter_count > 0);
  }

  bool CheckPhases() const {
    if (header_.phase_begin[0] != 0 || header_.phase_begin[abi::kPhases] != header_.op_count) return false;
    for (unsigned i = 0; i < abi::kPhases; ++i) {
      if (header_.phase_begin[i] > header_.phase_begin[i + 1]) return false;
    }
    // pid 1 names the last op of the setup when the program cannot be cloned.
    return header_.phase_begin[static_cast<unsigned>(abi::Phase::kProgram)] > 0;
  }

  bool CheckOps() const {
    if (header_.ops + std::uint64_t{header_.op_count} * sizeof(abi::Op) != plan_.size()) return false;  // there they grow
    return All<abi::Op>(header_.ops, header_.op_count, [&](const abi::Op& op) {
      if ((op.flags & abi::kPerInput) != 0 && op.phase != abi::Phase::kJob) return false;
      for (unsigned i = 0; i < 6; ++i) {
        switch (op.kinds[i]) {
          case abi::Kind::kValue: continue;
          case abi::Kind::kAddress:
            if (op.args[i] >= plan_.size()) return false;
            continue;
          case abi::Kind::kInt32:
            if (!Word(op.args[i], sizeof(std::int32_t))) return false;
            continue;
          case abi::Kind::kUint64:
            if (!Word(op.args[i], sizeof(std::uint64_t))) return false;
            continue;
        }
        return false;
      }
      return Int(op.result) && Text(op.subject) && op.origin < header_.origin_count &&
             static_cast<unsigned>(op.stage) < abi::kStages;
    });
  }

  bool CheckRows() const {
    return All<abi::OriginRow>(header_.origins, header_.origin_count, [&](const auto& row) { return Text(row.file); }) &&
           All<abi::LayerRow>(header_.layers, header_.layer_count,
                              [&](const auto& row) { return Text(row.name) && Text(row.detail); }) &&
           All<abi::EnvRow>(header_.env, header_.env_count,
                            [&](const auto& row) { return Text(row.name) && Text(row.value); }) &&
           All<abi::DependencyRow>(header_.dependencies, header_.dependency_count,
                                   [&](const auto& row) { return Text(row.path) && (row.text == 0 || Text(row.text)); }) &&
           All<abi::CgroupRow>(header_.cgroups, header_.cgroup_count,
                               [&](const auto& row) {
                                 return Text(row.parent) && Int(row.parent_fd) && Int(row.made) && Int(row.fd);
                               }) &&
           All<abi::ScratchRow>(header_.scratches, header_.scratch_count,
                                [&](const auto& row) { return Text(row.target) && Int(row.fd); }) &&
           All<abi::CallNameRow>(header_.call_names, header_.call_name_count,
                                 [&](const auto& row) { return Text(row.name); }) &&
           All<abi::Offset>(header_.stage_names, abi::kStages, [&](abi::Offset name) { return Text(name); });
  }

  bool CheckRelocations() const {
    return All<abi::Offset>(header_.relocations, header_.relocation_count, [&](abi::Offset where) {
      return where >= sizeof(abi::Header) && Word(where, sizeof(std::uint64_t)) && At<std::uint64_t>(where, 0) < plan_.size();
    });
  }

  std::string_view plan_;
  abi::Header header_;
};

}  // namespace

Result<CheckedPlan> CheckedPlan::Check(std::string_view plan) {
  if (plan.size() >= sizeof(abi::Header) && Checker(plan).Check()) return CheckedPlan(plan);
  return BugError("a plan that does not hold together");
}

abi::Header CheckedPlan::header() const {
  abi::Header header;
  std::memcpy(&header, bytes_.data(), sizeof(header));
  return header;
}

std::string_view CheckedPlan::Text(abi::Offset offset) const {
  const char* text = bytes_.data() + offset;
  return offset == 0 ? std::string_view() : std::string_view(text, strnlen(text, bytes_.size() - offset));
}

}  // namespace moat::run
