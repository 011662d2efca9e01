#include "api/report_wire.h"

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

namespace moat::api {
namespace {

// One list of fields for both directions: an archive is called with each in turn.
class Packer {
 public:
  explicit Packer(std::string& out) : out_(out) {}

  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void Add(T& value) {
    out_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Add(std::string& text) {
    AddCount(text.size());
    out_ += text;
  }
  template <typename T>
  void Add(std::optional<T>& value) {
    AddCount(value ? 1 : 0);
    if (value) Fields(*this, *value);
  }
  template <typename T>
  void Add(std::vector<T>& values) {
    AddCount(values.size());
    for (T& value : values) Fields(*this, value);
  }

 private:
  void AddCount(std::size_t count) {
    auto word = static_cast<std::uint32_t>(count);
    Add(word);
  }
  std::string& out_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : left_(bytes) {}
  bool whole() const { return good_ && left_.empty(); }

  template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void Add(T& value) {
    const std::string_view bytes = Take(sizeof(value));
    if (good_) std::memcpy(&value, bytes.data(), sizeof(value));
  }
  void Add(bool& value) {
    std::uint8_t byte = 0;
    Add(byte);
    value = byte != 0;
  }
  void Add(std::string& text) { text = Take(TakeCount()); }
  template <typename T>
  void Add(std::optional<T>& value) {
    if (TakeCount() != 0 && good_) Fields(*this, value.emplace());
  }
  // Every element has at least one byte: a false count cannot make us reserve more than we got.
  template <typename T>
  void Add(std::vector<T>& values) {
    for (std::uint32_t count = TakeCount(); count > 0 && good_; --count) Fields(*this, values.emplace_back());
  }

 private:
  std::string_view Take(std::size_t size) {
    if (size > left_.size()) good_ = false;
    if (!good_) return {};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  std::uint32_t TakeCount() {
    std::uint32_t count = 0;
    Add(count);
    return good_ ? count : 0;
  }

  std::string_view left_;
  bool good_ = true;
};

template <typename Archive, typename... T>
void AddAll(Archive& archive, T&... fields) {
  (archive.Add(fields), ...);
}

template <typename Archive>
void Fields(Archive& archive, int& value) { archive.Add(value); }
template <typename Archive>
void Fields(Archive& archive, std::uint64_t& value) { archive.Add(value); }
template <typename Archive>
void Fields(Archive& archive, std::string& value) { archive.Add(value); }
template <typename Archive>
void Fields(Archive& archive, StreamUsage& value) { AddAll(archive, value.bytes, value.kept, value.truncated); }
template <typename Archive>
void Fields(Archive& archive, InputFile& value) { AddAll(archive, value.name, value.size, value.path_hidden); }
template <typename Archive>
void Fields(Archive& archive, OutputFile& value) {
  AddAll(archive, value.name, value.size, value.type, value.sha256, value.truncated, value.changes);
}
template <typename Archive>
void Fields(Archive& archive, RefusedOutput& value) { AddAll(archive, value.name, value.why); }
template <typename Archive>
void Fields(Archive& archive, Denial& value) {
  AddAll(archive, value.call, value.arguments, value.rule, value.edit, value.count, value.action, value.path,
         value.executable, value.thread, value.folder, value.stack);
}
template <typename Archive>
void Fields(Archive& archive, Layer& value) { AddAll(archive, value.name, value.detail); }
template <typename Archive>
void Fields(Archive& archive, Origin& value) { AddAll(archive, value.file, value.line, value.column); }
template <typename Archive>
void Fields(Archive& archive, SetupFailure& value) {
  AddAll(archive, value.stage, value.call, value.error_number, value.subject);
  Fields(archive, value.origin);
  archive.Add(value.message);
}
template <typename Archive>
void Fields(Archive& archive, Report& r) {
  AddAll(archive, r.cause, r.detail, r.exit_code, r.signal, r.core, r.wall, r.cpu_user, r.cpu_system, r.memory_peak,
         r.memory_anonymous, r.memory_file, r.memory_shared, r.pids_peak, r.read, r.written, r.unknown, r.voluntary_switches,
         r.involuntary_switches);
  Fields(archive, r.out);
  Fields(archive, r.err);
  AddAll(archive, r.inputs, r.side, r.warm, r.outputs, r.refused, r.results_lost, r.denial_count, r.denials, r.limits_hit, r.hints, r.enforced, r.degraded,
         r.setup, r.policy_name, r.policy_hash, r.host, r.version);
}

}  // namespace

std::string PackReport(const Report& report) {
  std::string bytes;
  bytes.reserve(2048);
  Packer packer(bytes);
  Fields(packer, const_cast<Report&>(report));  // the same list reads and writes; a Packer only reads
  return bytes;
}

std::optional<Report> UnpackReport(std::string_view bytes) {
  Report report;
  Unpacker unpacker(bytes);
  Fields(unpacker, report);
  if (!unpacker.whole() || report.cause > Cause::kWorkerLost) return std::nullopt;
  return report;
}

}  // namespace moat::api
