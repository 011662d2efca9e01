#include "seal/record.h"

#include <linux/mman.h>
#include <linux/fcntl.h>

#include "bpf/syscall_table.h"
#include "seal/line.h"
#include "seal/spec.h"

namespace moat::seal {
namespace {

constexpr std::size_t kPathShown = 96;   // each byte may take five when it is hostile, and there may be two paths
constexpr std::size_t kFrames = 12;
constexpr std::size_t kScanned = 4096;  // bytes of stack, when there is no chain of frames
constexpr std::size_t kNameShown = 48;
constexpr std::size_t kReserve = 5 * kNameShown + 40;  // of the line, per frame

struct Bit {
  std::uint64_t value;
  std::string_view name;
};
constexpr Bit kOpenBits[] = {{O_CREAT, "O_CREAT"}, {O_EXCL, "O_EXCL"}, {O_TRUNC, "O_TRUNC"}, {O_APPEND, "O_APPEND"},
                             {O_NONBLOCK, "O_NONBLOCK"}, {O_LARGEFILE, "O_LARGEFILE"},
                             {O_TMPFILE, "O_TMPFILE"}, {O_NOFOLLOW, "O_NOFOLLOW"}, {O_DIRECTORY, "O_DIRECTORY"}, {O_CLOEXEC, "O_CLOEXEC"}};
constexpr Bit kProtBits[] = {{PROT_READ, "PROT_READ"}, {PROT_WRITE, "PROT_WRITE"}, {PROT_EXEC, "PROT_EXEC"}};
constexpr Bit kFamilies[] = {{1, "AF_UNIX"}, {2, "AF_INET"}, {10, "AF_INET6"}, {16, "AF_NETLINK"}, {17, "AF_PACKET"},
                             {38, "AF_ALG"}, {40, "AF_VSOCK"}};

template <std::size_t n>
void Bits(Line& line, const Bit (&bits)[n], std::uint64_t value, std::string_view zero) {
  std::string_view between = zero;
  line.Text(zero);
  for (const Bit& bit : bits) {
    if ((value & bit.value) != bit.value) continue;
    if (!between.empty()) line.Text("|");
    line.Text(bit.name);
    between = "|";
    value &= ~bit.value;
  }
  if (value == 0) return;
  if (!between.empty()) line.Text("|");
  line.Hex(value);
}

bool IsPath(std::string_view name) {
  for (const std::string_view path : {"pathname", "filename", "path", "oldname", "newname", "oldpath", "newpath", "target",
                                      "linkpath"}) {
    if (name == path) return true;
  }
  return false;
}

void Path(Line& line, std::uint64_t address, Memory& memory) {
  char text[kPathShown];
  const std::size_t got = memory.Read(address, text, sizeof(text));
  if (got == 0) {
    line.Hex(address);
    return;
  }
  const std::size_t end = std::string_view(text, got).find('\0');
  line.Text("\\\"");
  line.Inert(std::string_view(text, end < got ? end : got));
  line.Text(end < got ? "\\\"" : "\\\"...");
}

// True when the argument has names of its own.
bool Named(Line& line, std::string_view call, std::string_view name, std::uint64_t value) {
  if (name == "flags" && (call == "open" || call == "openat")) {
    constexpr std::string_view kModes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "3"};
    Bits(line, kOpenBits, value & 0xffffffffU & ~3ULL, kModes[value & 3]);
  } else if (name == "prot") {
    if (value == 0) line.Text("PROT_NONE");
    if (value != 0) Bits(line, kProtBits, value, "");
  } else if (name == "domain") {
    for (const Bit& family : kFamilies) {
      if ((value & 0xffffffffU) != family.value) continue;
      line.Text(family.name);
      return true;
    }
    return false;
  } else {
    return false;
  }
  return true;
}

void Arguments(Line& line, const bpf::SyscallInfo& call, const Violation& violation, Memory& memory) {
  for (int i = 0; i < call.arg_count; ++i) {
    const bpf::Arg& arg = call.args[i];
    const std::uint64_t value = violation.args[i];
    if (i > 0) line.Text(", ");
    line.Text(arg.name);
    line.Text("=");
    if (arg.kind == bpf::ArgKind::kPointer) {
      if (IsPath(arg.name) && value != 0) {
        Path(line, value, memory);
      } else if (value == 0) {
        line.Text("NULL");
      } else {
        line.Hex(value);
      }
    } else if (Named(line, call.name, arg.name, value)) {
      continue;
    } else if (arg.kind == bpf::ArgKind::kFd && static_cast<std::int32_t>(value) == AT_FDCWD) {
      line.Text("AT_FDCWD");
    } else if (bpf::Is32Bit(arg.kind) && bpf::IsSigned(arg.kind)) {
      line.Signed(static_cast<std::int32_t>(value));
    } else if (arg.kind == bpf::ArgKind::kLong) {
      line.Signed(static_cast<std::int64_t>(value));
    } else if (value < 4096) {
      line.Number(bpf::Is32Bit(arg.kind) ? value & 0xffffffffU : value);
    } else {
      line.Hex(bpf::Is32Bit(arg.kind) ? value & 0xffffffffU : value);
    }
  }
}

class Trace {
 public:
  Trace(Line& line, Memory& memory, Objects& objects) : line_(line), memory_(memory), objects_(objects) {}

  void Print(const Violation& violation) {
    Frame(violation.pc, "");
    if (Chain(violation) < 2) Scan(violation.sp);
  }

 private:
  bool Full() const { return printed_ >= kFrames || line_.room() < kReserve; }

  void Frame(std::uint64_t pc, std::string_view doubt) {
    if (Full()) return;
    Place place;
    if (printed_++ > 0) line_.Text(",");
    line_.Text("\"");
    if (objects_.Find(pc, place) && place.object != nullptr) {
      std::string_view name(place.object);
      if (name.size() > kNameShown) name.remove_prefix(name.size() - kNameShown);
      line_.Inert(name.empty() ? "program" : name);
      line_.Text("+");
      line_.Hex(place.offset);
    } else {
      line_.Hex(pc);
    }
    line_.Text(doubt);
    line_.Text("\"");
  }

  // By frame pointers. They are the violator's own, and believed only as far as they point
  // upwards and at code.
  int Chain(const Violation& violation) {
    int found = 0;
    std::uint64_t frame = violation.fp;
    while (!Full() && frame >= violation.sp && frame - violation.sp < (8U << 20) && frame % 8 == 0) {
      std::uint64_t pair[2];
      Place place;
      if (memory_.Read(frame, pair, sizeof(pair)) != sizeof(pair) || !objects_.Find(pair[1], place)) break;
      Frame(pair[1], "");
      ++found;
      if (pair[0] <= frame) break;
      frame = pair[0];
    }
    return found;
  }

  // Whatever on the stack could be a return address, as the kernel does with its "?".
  void Scan(std::uint64_t sp) {
    sp &= ~7ULL;
    for (std::size_t at = 0; at < kScanned && !Full(); at += 8) {
      std::uint64_t word = 0;
      Place place;
      if (memory_.Read(sp + at, &word, sizeof(word)) != sizeof(word)) return;
      if (word < 4096 || !objects_.Find(word, place) || !BehindCall(word)) continue;
      Frame(word, " ?");
    }
  }

  bool BehindCall(std::uint64_t address) {
#if defined(__x86_64__)
    unsigned char code[7];
    if (memory_.Read(address - sizeof(code), code, sizeof(code)) != sizeof(code)) return false;
    if (code[2] == 0xe8) return true;                                      // call rel32
    for (int length = 2; length <= 7; ++length) {                          // call through memory or register
      if (code[7 - length] == 0xff && (code[8 - length] >> 3 & 7) == 2) return true;
    }
    return false;
#else
    std::uint32_t code = 0;
    if (memory_.Read(address - 4, &code, sizeof(code)) != sizeof(code)) return false;
    return code >> 26 == 0x25 || (code & 0xfffffc1fU) == 0xd63f0000U;      // bl, blr
#endif
  }

  Line& line_;
  Memory& memory_;
  Objects& objects_;
  std::size_t printed_ = 0;
};

}  // namespace

std::size_t FormatRecord(const Violation& violation, Memory& memory, Objects& objects, char (&line_bytes)[kRecordSize]) {
  constexpr std::string_view kEnd = "]}\n";
  Line line(line_bytes, sizeof(line_bytes) - kEnd.size());
  const bool ours = violation.arch == bpf::AuditArch(bpf::NativeAbi());
  const bpf::SyscallInfo* call = ours ? bpf::FindSyscall(bpf::NativeAbi(), violation.number) : nullptr;
  line.Text("{\"moat\":\"violation\",\"mode\":\"");
  line.Text(violation.mode);
  line.Text("\",\"pid\":");
  line.Signed(violation.pid);
  line.Text(",\"tid\":");
  line.Signed(violation.tid);
  line.Text(",\"number\":");
  line.Number(violation.number);
  line.Text(",\"arch\":\"");
  if (ours) line.Text(bpf::AbiName(bpf::NativeAbi()));
  if (!ours) line.Hex(violation.arch);
  line.Text("\",\"call\":\"");
  if (call != nullptr) line.Text(call->name);
  if (call == nullptr) line.Number(violation.number);
  line.Text("\",\"arguments\":\"");
  if (call != nullptr) Arguments(line, *call, violation, memory);
  line.Text("\",\"rule\":\"seal: not declared\",\"edit\":\"");
  if (call != nullptr) line.Inert(EditFor(call->name));
  line.Text("\",\"backtrace\":[");
  Trace(line, memory, objects).Print(violation);
  for (std::size_t i = 0; i < kEnd.size(); ++i) line_bytes[line.used() + i] = kEnd[i];
  return line.used() + kEnd.size();
}

}  // namespace moat::seal
