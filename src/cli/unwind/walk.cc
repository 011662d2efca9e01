#include "cli/unwind/walk.h"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <set>

namespace moat::unwind {
namespace {

using watch::unwind::kMaxFrames;
using watch::unwind::kMaxName;
using watch::unwind::MappingRow;

constexpr int kThread = 1;                // libdw wants a number
constexpr std::size_t kCandidates = 1024;  // for a frame pointer

struct Freed {
  void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
  void operator()(char* text) const { std::free(text); }
  void operator()(Dwarf_Frame* row) const { std::free(row); }
};

int FindElf(Dwfl_Module*, void** userdata, const char*, Dwarf_Addr, char**, Elf** elf) {
  const auto* file = static_cast<const File*>(*userdata);
  *elf = file != nullptr ? elf_memory(file->bytes, file->size) : nullptr;
  return -1;  // no descriptor
}

int FindNoMore(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word, char**) { return -1; }

struct Extent {
  std::uint64_t start = 0, end = 0;
};

// Where the whole object lies, of which `row` is a part; start == end: it does not fit.
Extent ExtentOf(const File& file, const MappingRow& row) {
  Elf* elf = elf_memory(file.bytes, file.size);
  std::size_t count = 0;
  Extent extent;
  bool first = true, found = false;
  std::uint64_t low = 0, high = 0, bias = 0;
  if (elf == nullptr || elf_getphdrnum(elf, &count) != 0) count = 0;
  for (std::size_t i = 0; i < count && i < 64; ++i) {
    GElf_Phdr part;
    if (gelf_getphdr(elf, static_cast<int>(i), &part) == nullptr || part.p_type != PT_LOAD) continue;
    if (first) low = part.p_vaddr & ~(part.p_align > 1 ? part.p_align - 1 : 0);
    first = false;
    high = part.p_vaddr + part.p_memsz;
    const bool has = row.offset >= (part.p_offset & ~4095ULL) && row.offset < part.p_offset + part.p_filesz;
    if (!has || (part.p_flags & PF_X) == 0 || found) continue;
    bias = row.start - (row.offset + part.p_vaddr - part.p_offset);
    found = true;
  }
  if (elf != nullptr) elf_end(elf);
  if (found && high > low) extent = {bias + low, bias + high};
  return extent;
}

// One walk, with a guess of the frame pointer or without.
struct Attempt {
  const Stack& stack;
  const std::uint64_t* frame_pointer = nullptr;
  std::vector<std::uint64_t> found = {};
  std::vector<bool> exact = {};  // not a return address
  bool complete = false;         // it ended where a thread begins
};

pid_t NextThread(Dwfl*, void* of, void** argument) {
  if (*argument != nullptr) return 0;
  *argument = of;
  return kThread;
}

bool GetThread(Dwfl*, pid_t, void* of, void** argument) {
  *argument = of;
  return true;
}

bool ReadMemory(Dwfl*, Dwarf_Addr address, Dwarf_Word* word, void* of) {
  const Stack& stack = static_cast<const Attempt*>(of)->stack;
  if (address < stack.sp || address - stack.sp > stack.size || stack.size - (address - stack.sp) < sizeof(*word)) return false;
  std::memcpy(word, stack.memory + (address - stack.sp), sizeof(*word));
  return true;
}

bool SetRegisters(Dwfl_Thread* thread, void* of) {
  const auto* attempt = static_cast<const Attempt*>(of);
  const Dwarf_Word sp = attempt->stack.sp, pc = attempt->stack.pc;
  const Dwarf_Word frame = attempt->frame_pointer != nullptr ? *attempt->frame_pointer : 0;
#if defined(__x86_64__)
  constexpr int kFramePointer = 6, kStackPointer = 7, kReturn = 16;
  if (!dwfl_thread_state_registers(thread, kReturn, 1, &pc)) return false;
#else
  constexpr int kFramePointer = 29, kStackPointer = 31;
  dwfl_thread_state_register_pc(thread, pc);
#endif
  if (attempt->frame_pointer != nullptr && !dwfl_thread_state_registers(thread, kFramePointer, 1, &frame)) return false;
  return dwfl_thread_state_registers(thread, kStackPointer, 1, &sp);
}

constexpr Dwfl_Thread_Callbacks kCallbacks = {NextThread, GetThread, ReadMemory, SetRegisters, nullptr, nullptr};

int TakeFrame(Dwfl_Frame* frame, void* of) {
  auto* attempt = static_cast<Attempt*>(of);
  Dwarf_Addr pc = 0;
  bool exact = false;
  if (!dwfl_frame_pc(frame, &pc, &exact)) return DWARF_CB_ABORT;
  attempt->found.push_back(pc);
  attempt->exact.push_back(exact);
  return attempt->found.size() < kMaxFrames ? DWARF_CB_OK : DWARF_CB_ABORT;
}

class Walker {
 public:
  Walker(const Stack& stack, const std::vector<File>& files) : stack_(stack), files_(files) {}

  // Each try takes a session of its own: libdw attaches a state once.
  Attempt Try(const std::uint64_t* frame_pointer) {
    Attempt attempt{stack_, frame_pointer};
    Begin();
    if (dwfl_ == nullptr || !dwfl_attach_state(dwfl_.get(), nullptr, kThread, &kCallbacks, &attempt)) return attempt;
    (void)dwfl_getthread_frames(dwfl_.get(), kThread, TakeFrame, &attempt);
    if (attempt.found.empty()) return attempt;
    attempt.complete = IsOutermost(attempt.found.back() - (attempt.exact.back() ? 0 : 1));
    return attempt;
  }

  // Whether there is code behind a word, and a file that says what: most words of a stack fall through here.
  bool IsCode(std::uint64_t address) const {
    for (const MappingRow& row : stack_.code) {
      if (address >= row.start && address < row.end) return true;
    }
    return false;
  }

  // Whether the call in front of `return_address` leads to another function than the one around `callee`. Only where that
  // one is known, and the call names its target: then it is a frame that was left long ago.
  bool CallsAnother([[maybe_unused]] std::uint64_t return_address, [[maybe_unused]] std::uint64_t callee) {
#if defined(__x86_64__)
    constexpr std::uint64_t kCall = 5;  // e8 and four bytes
    unsigned char code[kCall];
    if (!ReadCode(return_address - kCall, code, sizeof(code)) || code[0] != 0xe8) return false;
    std::int32_t distance = 0;
    std::memcpy(&distance, code + 1, sizeof(distance));
    const std::uint64_t called = return_address + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
    const std::uint64_t target = StartOf(called), start = StartOf(callee - 1);
    if (start == 0) return false;
    return target != 0 ? target != start : called != start && !IsJump(called);
#else
    return false;
#endif
  }

  std::string NameOf(std::uint64_t address, bool exact) {
    const std::uint64_t within = exact ? address : address - 1;  // a call may be the last thing of a function
    Dwfl_Module* module = dwfl_addrmodule(dwfl_.get(), within);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* name = module != nullptr ? dwfl_module_addrinfo(module, within, &offset, &symbol, nullptr, nullptr, nullptr) : nullptr;
    if (name == nullptr || *name == '\0') return {};
    int status = 0;
    const std::unique_ptr<char, Freed> plain(abi::__cxa_demangle(name, nullptr, nullptr, &status));
    char behind[24];
    std::snprintf(behind, sizeof(behind), "+0x%llx", static_cast<unsigned long long>(offset + (exact ? 0 : 1)));
    return std::string(plain != nullptr ? plain.get() : name).substr(0, kMaxName - sizeof(behind)) + behind;
  }

 private:
  bool ReadCode(std::uint64_t address, unsigned char* to, std::size_t size) const {
    for (const MappingRow& row : stack_.code) {
      if (address < row.start || address >= row.end || row.end - address < size || row.file >= files_.size()) continue;
      const std::uint64_t at = address - row.start + row.offset;
      const File& file = files_[row.file];
      if (at > file.size || file.size - at < size) return false;
      std::memcpy(to, file.bytes + at, size);
      return true;
    }
    return false;
  }

  // What a call of another object goes through: jmp *there(%rip), perhaps behind an endbr64 or with a bnd.
  bool IsJump([[maybe_unused]] std::uint64_t address) const {
    constexpr unsigned char kEndbr[] = {0xf3, 0x0f, 0x1e, 0xfa};
    unsigned char code[7];
    if (!ReadCode(address, code, sizeof(code))) return true;  // nobody can tell
    const unsigned char* at = std::equal(std::begin(kEndbr), std::end(kEndbr), code) ? code + sizeof(kEndbr) : code;
    if (*at == 0xf2) ++at;
    return at[0] == 0xff && at[1] == 0x25;
  }

  // Of the function that has the address; 0: no name is known for it.
  std::uint64_t StartOf(std::uint64_t address) {
    Dwfl_Module* module = dwfl_addrmodule(dwfl_.get(), address);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    const char* name = module != nullptr ? dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr) : nullptr;
    return name != nullptr ? address - offset : 0;
  }

  // Whether the code there says that it has no caller, as what starts programs and threads does. A walk that lacks a
  // register ends as silently.
  bool IsOutermost(std::uint64_t address) {
    Dwfl_Module* module = dwfl_addrmodule(dwfl_.get(), address);
    Dwarf_Addr bias = 0;
    Dwarf_CFI* cfi = module != nullptr ? dwfl_module_eh_cfi(module, &bias) : nullptr;
    Dwarf_Frame* row = nullptr;
    if (cfi == nullptr || dwarf_cfi_addrframe(cfi, address - bias, &row) != 0) return false;
    const std::unique_ptr<Dwarf_Frame, Freed> freed(row);
    bool signal = false;
    const int return_address = dwarf_frame_info(row, nullptr, nullptr, &signal);
    Dwarf_Op memory[3];
    Dwarf_Op* rule = nullptr;
    std::size_t count = 0;
    if (return_address < 0 || dwarf_frame_register(row, return_address, memory, &rule, &count) != 0) return false;
    return rule == memory && count == 0;
  }

  void Begin() {
    static const Dwfl_Callbacks callbacks = {FindElf, FindNoMore, dwfl_offline_section_address, nullptr};
    dwfl_.reset(dwfl_begin(&callbacks));
    if (dwfl_ == nullptr) return;
    std::set<std::uint32_t> reported;
    for (const MappingRow& row : stack_.code) {
      if (row.file >= files_.size() || !reported.insert(row.file).second) continue;
      const Extent extent = ExtentOf(files_[row.file], row);
      if (extent.end <= extent.start) continue;
      const std::string name = "file" + std::to_string(row.file);
      Dwfl_Module* module = dwfl_report_module(dwfl_.get(), name.c_str(), extent.start, extent.end);
      void** userdata = nullptr;
      if (module == nullptr || dwfl_module_info(module, &userdata, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == nullptr) continue;
      *userdata = const_cast<File*>(&files_[row.file]);
    }
    dwfl_report_end(dwfl_.get(), nullptr, nullptr);
  }

  const Stack& stack_;
  const std::vector<File>& files_;
  std::unique_ptr<Dwfl, Freed> dwfl_;
};

std::uint64_t WordAt(const Stack& stack, std::size_t at) {
  std::uint64_t word = 0;
  if (at <= stack.size && stack.size - at >= sizeof(word)) std::memcpy(&word, stack.memory + at, sizeof(word));
  return word;
}

// Whether a frame pointer to there could be one: the return address lies right behind the saved one, or, as in libffi,
// a word or two further.
bool MayBeFrame(const Walker& walker, const Stack& stack, std::size_t at) {
  return walker.IsCode(WordAt(stack, at + 8)) || walker.IsCode(WordAt(stack, at + 16)) || walker.IsCode(WordAt(stack, at + 24));
}

// A function with a frame pointer needs one, and the kernel does not tell it: the first guess with which the walk comes
// to the thread's beginning.
Attempt Best(Walker& walker, const Stack& stack) {
  Attempt best = walker.Try(nullptr);
  std::size_t tried = 0;
  const std::uint64_t lacking = best.found.empty() ? 0 : best.found.back();
  for (std::size_t at = 0; !best.complete && tried < kCandidates && at < stack.size; at += 8) {
    if (!MayBeFrame(walker, stack, at) || walker.CallsAnother(WordAt(stack, at + 8), lacking)) continue;
    ++tried;
    const std::uint64_t guess = stack.sp + at;
    Attempt other = walker.Try(&guess);
    other.frame_pointer = nullptr;
    if (other.complete || other.found.size() > best.found.size()) {
      best.found = std::move(other.found);
      best.exact = std::move(other.exact);
      best.complete = other.complete;
    }
  }
  return best;
}

}  // namespace

std::vector<Frame> Walk(const Stack& stack, const std::vector<File>& files) {
  elf_version(EV_CURRENT);
  Walker walker(stack, files);
  const Attempt best = Best(walker, stack);
  std::vector<Frame> frames;
  for (std::size_t i = 0; i < best.found.size(); ++i) frames.push_back({best.found[i], walker.NameOf(best.found[i], best.exact[i])});
  return frames;
}

}  // namespace moat::unwind
