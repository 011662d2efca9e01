#include "watch/symbols.h"

#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::watch {
namespace {

constexpr std::size_t kMaxObject = 128U << 20, kMaxObjects = 32, kMaxName = 200;
constexpr std::uint64_t kMaxSymbols = 1 << 20;

// A value at an offset, or nothing where the file ends before it does.
template <typename T>
bool ReadAt(std::string_view file, std::uint64_t at, T& value) {
  if (at > file.size() || file.size() - at < sizeof(T)) return false;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return true;
}

// A table of fixed rows: the i-th, where both the table and the file have it.
template <typename T>
bool RowAt(std::string_view file, std::uint64_t table, std::uint64_t i, T& row) {
  return table <= file.size() && ReadAt(file, table + i * sizeof(T), row);
}

std::string NameAt(std::string_view file, std::uint64_t at) {
  if (at >= file.size()) return {};
  const std::string_view rest = file.substr(at, kMaxName);
  return std::string(rest.substr(0, rest.find('\0')));
}

// Where in the file the code of an address lies; ~0: in no loaded part.
std::uint64_t OffsetOf(std::uint64_t address, const std::vector<Elf64_Phdr>& loaded) {
  for (const Elf64_Phdr& part : loaded) {
    if (address >= part.p_vaddr && address - part.p_vaddr < part.p_filesz) return address - part.p_vaddr + part.p_offset;
  }
  return ~0ULL;
}

}  // namespace

SymbolTable SymbolTable::Of(std::string_view file) {
  SymbolTable table;
  Elf64_Ehdr head;
  if (!ReadAt(file, 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64) return table;
  std::vector<Elf64_Phdr> loaded;
  for (unsigned i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr part;
    if (RowAt(file, head.e_phoff, i, part) && part.p_type == PT_LOAD) loaded.push_back(part);
  }
  for (unsigned i = 0; i < head.e_shnum; ++i) {
    Elf64_Shdr section, names;
    if (!RowAt(file, head.e_shoff, i, section) || (section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM)) continue;
    if (!RowAt(file, head.e_shoff, section.sh_link, names)) continue;
    const std::uint64_t count = std::min(section.sh_size / sizeof(Elf64_Sym), kMaxSymbols);
    for (std::uint64_t row = 0; row < count; ++row) {
      Elf64_Sym symbol;
      if (!RowAt(file, section.sh_offset, row, symbol)) break;
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_value == 0 || names.sh_offset > file.size()) continue;
      const std::uint64_t offset = OffsetOf(symbol.st_value, loaded);
      if (offset != ~0ULL) table.functions_.push_back({offset, symbol.st_size, NameAt(file, names.sh_offset + symbol.st_name)});
    }
  }
  std::stable_sort(table.functions_.begin(), table.functions_.end(), [](const Function& a, const Function& b) { return a.offset < b.offset; });
  return table;
}

std::string SymbolTable::At(std::uint64_t offset) const {
  auto after = std::upper_bound(functions_.begin(), functions_.end(), offset, [](std::uint64_t at, const Function& each) { return at < each.offset; });
  if (after == functions_.begin()) return {};
  const Function& function = *std::prev(after);
  // A return address may be the first byte behind a function that never returns.
  constexpr std::uint64_t kUnsized = 4096;  // assembly often does not say how long it is
  if (function.name.empty() || offset - function.offset > (function.size != 0 ? function.size : kUnsized)) return {};
  return function.name + "+" + base::Hex(offset - function.offset);
}

// The host's file behind a path of the job, as far as the policy shows it; else one that is empty.
const SymbolTable& Symbols::TableOf(const std::string& object) {
  static const SymbolTable none;
  if (const auto known = tables_.find(object); known != tables_.end()) return known->second;
  if (tables_.size() >= kMaxObjects) return none;
  const policy::FileRule* nearest = nullptr;
  for (const policy::FileRule& rule : model_.files.rules) {
    const bool within = object.compare(0, rule.target.size(), rule.target) == 0 &&
                        (object.size() == rule.target.size() || object[rule.target.size()] == '/');
    if (within && (nearest == nullptr || rule.target.size() > nearest->target.size())) nearest = &rule;
  }
  SymbolTable& table = tables_[object];
  if (nearest == nullptr || nearest->access != policy::FileAccess::kRead) return table;
  const auto file = sys::ReadFile(nearest->source + object.substr(nearest->target.size()), kMaxObject);
  if (file.ok()) table = SymbolTable::Of(*file);
  return table;
}

std::string Symbols::Named(const std::string& frame) {
  const std::size_t plus = frame.rfind("+0x");
  if (plus == std::string::npos || frame[0] != '/') return frame;
  const std::string name = TableOf(frame.substr(0, plus)).At(std::strtoull(frame.c_str() + plus + 1, nullptr, 16));
  return name.empty() ? frame : name + " in " + frame;
}

}  // namespace moat::watch
