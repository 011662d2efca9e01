#include "learn/scan.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "bpf/syscall_table.h"

namespace moat::learn {
namespace {

struct Alias {
  std::string_view function, call;
};
constexpr Alias kAliases[] = {
    {"pthread_create", "clone"}, {"system", "execve"},      {"popen", "execve"},     {"posix_spawn", "execve"},
    {"posix_spawnp", "execve"},  {"execv", "execve"},       {"execvp", "execve"},    {"execl", "execve"},
    {"execlp", "execve"},        {"abort", "tgkill"},       {"raise", "tgkill"},     {"wait", "wait4"},
    {"waitpid", "wait4"},        {"shm_open", "openat"},    {"mq_open", "mq_open"},  {"dlopen", "openat"},
    {"sleep", "clock_nanosleep"}, {"usleep", "clock_nanosleep"}, {"setuid", "setuid"}, {"getaddrinfo", "socket"},
    {"gethostbyname", "socket"}, {"syslog", "socket"},      {"remove", "unlink"},    {"tmpfile", "openat"},
    {"fexecve", "execveat"},     {"signal", "rt_sigaction"}, {"sigaction", "rt_sigaction"}, {"kill", "kill"},
};

// A value at an offset, or nothing where the file ends before it does.
template <typename T>
bool ReadAt(std::string_view file, std::uint64_t at, T& value) {
  if (at > file.size() || file.size() - at < sizeof(T)) return false;
  std::memcpy(&value, file.data() + at, sizeof(T));
  return true;
}

std::string_view TextAt(std::string_view file, std::uint64_t at) {
  if (at >= file.size()) return {};
  const std::string_view rest = file.substr(at, 256);
  const std::size_t end = rest.find('\0');
  return end == std::string_view::npos ? std::string_view() : rest.substr(0, end);
}

std::string_view Part(std::string_view file, std::uint64_t at, std::uint64_t size) {
  return at >= file.size() ? std::string_view() : file.substr(at, size);
}

void TakeImports(std::string_view file, const Elf64_Shdr& symbols, std::uint64_t names, Code& code) {
  const std::uint64_t count = std::min<std::uint64_t>(symbols.sh_size / sizeof(Elf64_Sym), 1 << 20);
  for (std::uint64_t i = 0; i < count; ++i) {
    Elf64_Sym symbol;
    if (!ReadAt(file, symbols.sh_offset + i * sizeof(symbol), symbol)) return;
    if (symbol.st_shndx != SHN_UNDEF || symbol.st_name == 0) continue;
    const std::string_view name = TextAt(file, names + symbol.st_name);
    if (!name.empty()) code.imports.emplace_back(name);
  }
}

void TakeBuildId(std::string_view notes, Code& code) {
  Elf64_Nhdr head;
  if (!ReadAt(notes, 0, head) || head.n_type != NT_GNU_BUILD_ID || head.n_namesz != 4) return;
  for (const char c : Part(notes, sizeof(head) + 4, std::min<std::uint32_t>(head.n_descsz, 64))) {
    code.build_id += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    code.build_id += "0123456789abcdef"[c & 15];
  }
}

// x86-64: mov $number, %eax within the bytes before `syscall`.
void TakeNumbers(std::string_view text, Code& code) {
  constexpr std::size_t kNear = 24;
  for (std::size_t at = text.find("\x0f\x05"); at != std::string_view::npos; at = text.find("\x0f\x05", at + 2)) {
    for (std::size_t back = 5; back <= std::min(kNear, at); ++back) {
      if (static_cast<unsigned char>(text[at - back]) != 0xb8) continue;
      std::uint32_t number = 0;
      std::memcpy(&number, text.data() + at - back + 1, sizeof(number));
      if (number < 1024) code.numbers.insert(number);
      break;
    }
  }
}

}  // namespace

Result<Code> Scan(std::string_view file) {
  Elf64_Ehdr head;
  if (!ReadAt(file, 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64) {
    return PolicyError("not an ELF file of 64 bits");
  }
  Code code;
  for (unsigned i = 0; i < head.e_shnum; ++i) {
    Elf64_Shdr section, names;
    if (!ReadAt(file, head.e_shoff + std::uint64_t{i} * sizeof(section), section)) break;
    if (section.sh_type == SHT_DYNSYM && ReadAt(file, head.e_shoff + std::uint64_t{section.sh_link} * sizeof(names), names)) {
      TakeImports(file, section, names.sh_offset, code);
    } else if (section.sh_type == SHT_NOTE && code.build_id.empty()) {
      TakeBuildId(Part(file, section.sh_offset, section.sh_size), code);
    } else if (section.sh_type == SHT_PROGBITS && (section.sh_flags & SHF_EXECINSTR) != 0 && head.e_machine == EM_X86_64) {
      TakeNumbers(Part(file, section.sh_offset, section.sh_size), code);
    }
  }
  return code;
}

std::string BuildIdOf(std::string_view head) {
  Elf64_Ehdr elf;
  Code code;
  if (!ReadAt(head, 0, elf) || std::memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_ident[EI_CLASS] != ELFCLASS64) return {};
  for (unsigned i = 0; i < elf.e_phnum && code.build_id.empty(); ++i) {
    Elf64_Phdr part;
    if (!ReadAt(head, elf.e_phoff + std::uint64_t{i} * sizeof(part), part)) break;
    if (part.p_type == PT_NOTE) TakeBuildId(Part(head, part.p_offset, part.p_filesz), code);
  }
  return code.build_id;
}

std::vector<Reachable> CallsOf(const Code& code, const std::string& object) {
  std::vector<Reachable> found;
  const auto add = [&](const bpf::SyscallInfo* call) {
    if (call == nullptr) return;
    const bool there = std::any_of(found.begin(), found.end(), [&](const Reachable& each) { return each.call == call->name; });
    if (!there) found.push_back({std::string(call->name), call->tier, object});
  };
  const std::string name = object.substr(object.rfind('/') + 1);
  const bool libc = name.rfind("libc.so", 0) == 0 || name.rfind("libc-", 0) == 0 || name.rfind("ld-", 0) == 0 || name.rfind("libpthread", 0) == 0;
  if (libc) return found;
  for (const std::string& import : code.imports) {
    const auto* alias = std::find_if(std::begin(kAliases), std::end(kAliases), [&](const Alias& each) { return each.function == import; });
    add(bpf::FindSyscall(bpf::NativeAbi(), alias != std::end(kAliases) ? alias->call : std::string_view(import)));
  }
  for (const std::uint32_t number : code.numbers) add(bpf::FindSyscall(bpf::Abi::kX86_64, number));
  return found;
}

}  // namespace moat::learn
