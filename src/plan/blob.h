// Builds the bytes of a plan: an arena of texts, words and structures, and the ops.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "plan/abi.h"

namespace moat::plan {

struct Arg {
  abi::Kind kind = abi::Kind::kValue;
  std::uint64_t word = 0;
};
inline Arg Value(std::uint64_t word) { return {abi::Kind::kValue, word}; }
inline Arg Signed(std::int64_t word) { return {abi::Kind::kValue, static_cast<std::uint64_t>(word)}; }
inline Arg Address(abi::Offset offset) { return {abi::Kind::kAddress, offset}; }
inline Arg Int32(abi::Offset offset) { return {abi::Kind::kInt32, offset}; }
inline Arg Pointer(abi::Offset offset) { return {abi::Kind::kUint64, offset}; }
inline constexpr std::int64_t kAtFdcwd = -100;

class Blob {
 public:
  Blob();

  // Where the next ops belong. Stage and origin are kept until changed.
  void At(abi::Phase phase, abi::Stage stage);
  void For(std::string_view subject, const Origin& origin);

  // Adds one op. `number` is a system call of the running ABI or a Pseudo.
  abi::Op& Add(unsigned number, std::initializer_list<Arg> args);
  abi::Op& Add(abi::Pseudo pseudo, std::initializer_list<Arg> args) {
    return Add(static_cast<unsigned>(pseudo), args);
  }

  abi::Offset Text(std::string_view text);  // NUL-terminated, shared when equal
  abi::Offset Int();                        // a fresh int32, -1
  template <typename T>
  abi::Offset Struct(const T& value) {
    return Bytes(std::string_view(reinterpret_cast<const char*>(&value), sizeof(T)));
  }
  abi::Offset Bytes(std::string_view bytes);  // 8-aligned
  abi::Offset Space(std::size_t size);        // zeroed, 8-aligned
  // The uint64 at `where` holds the offset `target` and becomes an address when the plan is run.
  void Relocate(abi::Offset where, abi::Offset target);

  abi::Index OriginIndex(const Origin& origin);
  // The report may have to name this call, though no op makes it.
  void NameCall(std::uint16_t number) { named_calls_.push_back(number); }
  std::uint8_t Layer(std::string_view name, abi::LayerState state, std::string_view detail);

  abi::Offset slots() const { return slots_; }
  abi::Header& header() { return header_; }
  std::vector<abi::EnvRow>& env() { return env_; }
  std::vector<abi::DependencyRow>& dependencies() { return dependencies_; }
  std::vector<abi::CgroupRow>& cgroups() { return cgroups_; }
  std::vector<abi::ScratchRow>& scratches() { return scratches_; }
  std::vector<abi::LayerRow>& layers() { return layers_; }
  const std::vector<abi::Op>& ops() const { return ops_; }

  // Sorts the ops by phase (stable) and writes everything down.
  std::string Finish();

 private:
  void WriteNames();
  template <typename T>
  abi::Offset Array(const std::vector<T>& rows);

  std::string bytes_;
  std::map<std::string, abi::Offset, std::less<>> texts_;
  abi::Header header_{};
  abi::Offset slots_ = 0;
  abi::Phase phase_ = abi::Phase::kPrepare;
  abi::Stage stage_ = abi::Stage::kMountSource;
  abi::Offset subject_ = 0;
  abi::Index origin_ = 0;
  std::vector<abi::Op> ops_;
  std::vector<abi::OriginRow> origins_;
  std::vector<abi::LayerRow> layers_;
  std::vector<abi::EnvRow> env_;
  std::vector<abi::DependencyRow> dependencies_;
  std::vector<abi::CgroupRow> cgroups_;
  std::vector<abi::ScratchRow> scratches_;
  std::vector<abi::Offset> relocations_;
  std::vector<std::uint16_t> named_calls_;
};

#define MOAT_SLOT(blob, field) ((blob).slots() + static_cast<::moat::abi::Offset>(offsetof(::moat::abi::Slots, field)))

}  // namespace moat::plan
