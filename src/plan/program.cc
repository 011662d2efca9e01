// Finds the program inside the layout and checks before the start what would otherwise be a
// riddle: "No such file or directory" for a file that exists, because its loader does not.
#include <elf.h>

#include <cstring>

#include "plan/emit.h"

namespace moat::plan {
namespace {

constexpr std::size_t kHeadBytes = 64 * 1024;

bool Executable(const PathFacts& facts) {
  return facts.type == PathFacts::Type::kFile && (facts.mode & 0111) != 0;
}

// The host file behind a path inside the jail, when the guest could execute it.
std::optional<std::string> Runnable(const Layout& layout, const HostView& view, const std::string& inside) {
  const auto host = layout.HostPath(inside, view);
  if (!host || !Executable(view.Look(*host))) return std::nullopt;
  return host;
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> folders;
  while (!path.empty()) {
    const std::size_t colon = path.find(':');
    const std::string_view folder = path.substr(0, colon);
    if (!folder.empty() && folder[0] == '/') folders.emplace_back(folder);
    path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
  }
  return folders;
}

std::string Normal(const std::string& path) {
  std::string out;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      out = out.empty() ? "" : Parent(out);
      if (out == "/") out.clear();
      continue;
    }
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

std::string InsidePath(const Request& request) {
  for (const auto& [name, value] : request.model.environment.set) {
    if (name == "PATH") return value.value;
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// Follows links on the host; "" when the name leads nowhere executable.
bool ExecutableOnHost(const HostView& view, std::string path) {
  for (int links = 0; links < 40; ++links) {
    const PathFacts facts = view.Look(path);
    if (facts.type != PathFacts::Type::kSymlink) return Executable(facts);
    path = Normal(facts.link[0] == '/' ? facts.link : Parent(path) + "/" + facts.link);
  }
  return false;
}

template <typename Header, typename Segment>
std::string ElfInterpreter(const std::string& head) {
  Header header;
  std::memcpy(&header, head.data(), sizeof(header));
  for (unsigned i = 0; i < header.e_phnum && i < 128; ++i) {
    const std::uint64_t at = header.e_phoff + std::uint64_t{i} * sizeof(Segment);
    if (at + sizeof(Segment) > head.size()) break;
    Segment segment;
    std::memcpy(&segment, head.data() + at, sizeof(segment));
    if (segment.p_type != PT_INTERP) continue;
    if (segment.p_offset >= head.size() || segment.p_filesz == 0) break;
    return std::string(head.c_str() + segment.p_offset);
  }
  return {};
}

// What the kernel itself will look for: the loader of an ELF file, the interpreter of a script.
struct Interpreter {
  std::string path;
  const char* what = "";
};
Interpreter InterpreterOf(const std::string& head) {
  if (head.size() >= sizeof(Elf64_Ehdr) && std::memcmp(head.data(), ELFMAG, SELFMAG) == 0) {
    const bool wide = head[EI_CLASS] == ELFCLASS64;
    return {wide ? ElfInterpreter<Elf64_Ehdr, Elf64_Phdr>(head) : ElfInterpreter<Elf32_Ehdr, Elf32_Phdr>(head), "loader"};
  }
  if (head.size() > 2 && head[0] == '#' && head[1] == '!') {
    const std::string line = head.substr(2, head.find('\n') - 2);
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos) return {};
    return {line.substr(begin, line.find_first_of(" \t\r", begin) - begin), "interpreter"};
  }
  return {};
}

constexpr std::size_t kElfBytes = 16 << 20;

// The folders that an ELF file itself names for its libraries (DT_RUNPATH, DT_RPATH).
template <typename Header, typename Segment, typename Entry>
std::string RunPath(const std::string& file) {
  Header header;
  std::memcpy(&header, file.data(), sizeof(header));
  std::vector<Segment> segments;
  for (unsigned i = 0; i < header.e_phnum && i < 128; ++i) {
    const std::uint64_t at = header.e_phoff + std::uint64_t{i} * sizeof(Segment);
    if (at > file.size() || file.size() - at < sizeof(Segment)) return {};
    segments.emplace_back();
    std::memcpy(&segments.back(), file.data() + at, sizeof(Segment));
  }
  const auto in_file = [&](std::uint64_t address) -> std::uint64_t {
    for (const Segment& s : segments) {
      if (s.p_type == PT_LOAD && address >= s.p_vaddr && address - s.p_vaddr < s.p_filesz) return s.p_offset + (address - s.p_vaddr);
    }
    return file.size();
  };
  std::uint64_t strings = 0, path = 0;
  bool found = false;
  for (const Segment& s : segments) {
    if (s.p_type != PT_DYNAMIC) continue;
    for (std::uint64_t at = s.p_offset; at < file.size() && file.size() - at >= sizeof(Entry); at += sizeof(Entry)) {
      Entry entry;
      std::memcpy(&entry, file.data() + at, sizeof(entry));
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_STRTAB) strings = entry.d_un.d_ptr;
      if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
        path = entry.d_un.d_val;
        found = true;
      }
    }
  }
  if (!found || strings == 0) return {};
  const std::uint64_t at = in_file(strings) + path;
  return at < file.size() ? std::string(file.c_str() + at) : std::string();
}

std::string RunPathOf(const std::string& file) {
  if (file.size() < sizeof(Elf64_Ehdr) || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return {};
  return file[EI_CLASS] == ELFCLASS64 ? RunPath<Elf64_Ehdr, Elf64_Phdr, Elf64_Dyn>(file)
                                      : RunPath<Elf32_Ehdr, Elf32_Phdr, Elf32_Dyn>(file);
}

// A program from outside the system's folders brings its own libraries: where it says that
// they are, they are shown as well.
Status ShowItsLibraries(Layout& layout, const Request& request, const std::string& host, const Origin& origin) {
  std::string paths = RunPathOf(request.view.Head(host, kElfBytes));
  for (const char* word : {"$ORIGIN", "${ORIGIN}"}) {
    for (std::size_t at = 0; (at = paths.find(word, at)) != std::string::npos;) paths.replace(at, std::strlen(word), Parent(host));
  }
  for (const std::string& folder : SplitPath(paths)) {
    const std::string path = Normal(folder);
    if (layout.HostPath(path, request.view) || request.view.Look(path).type != PathFacts::Type::kDirectory) continue;
    MOAT_TRY(AddBind(layout, request, path, origin));
  }
  return {};
}

Status CheckInterpreter(const Layout& layout, const Request& request, const std::string& inside,
                        const std::string& host) {
  const Interpreter interpreter = InterpreterOf(request.view.Head(host, kHeadBytes));
  if (interpreter.path.empty() || layout.HostPath(interpreter.path, request.view)) return {};
  const std::string what = interpreter.what;
  return WithFix(PolicyError("`" + inside + "` needs its " + what + " `" + interpreter.path +
                             "`, which this policy does not show"),
                 what == "loader" ? "add \"@libs\" to `read` in [files]" : "add it to `read` in [files]");
}

}  // namespace

Result<ProgramPath> FindProgram(Layout& layout, const Request& request) {
  const std::string& name = request.program;
  if (name.empty()) return PolicyError("no program was named");
  std::vector<std::string> candidates;
  const bool by_path = name.find('/') != std::string::npos;
  if (by_path) {
    candidates.push_back(Normal(name[0] == '/' ? name : request.caller_cwd + "/" + name));
  } else {
    for (const std::string& folder : SplitPath(InsidePath(request))) candidates.push_back(Join(folder, name));
  }
  for (const std::string& inside : candidates) {
    if (const auto host = Runnable(layout, request.view, inside)) {
      MOAT_TRY(CheckInterpreter(layout, request, inside, *host));
      return ProgramPath{inside};
    }
  }
  // Not visible: show the one file, and let the loader check tell what else is missing.
  if (!by_path) {
    for (const std::string& folder : SplitPath(request.caller_path)) candidates.push_back(Join(folder, name));
  }
  for (const std::string& outside : candidates) {
    if (!ExecutableOnHost(request.view, outside)) continue;
    Origin origin;
    origin.file = "command line";
    MOAT_TRY(AddBind(layout, request, outside, origin));
    if (const auto host = Runnable(layout, request.view, outside)) {
      MOAT_TRY(ShowItsLibraries(layout, request, *host, origin));
      MOAT_TRY(CheckInterpreter(layout, request, outside, *host));
      return ProgramPath{outside};
    }
  }
  Error error = PolicyError("there is no program `" + name + "`" + (by_path ? "" : " in $PATH"));
  if (by_path && request.view.Look(candidates.front()).type == PathFacts::Type::kFile) {
    error.message = "`" + name + "` is not executable";
    error.fix = "chmod +x it, or name its interpreter first";
  }
  error.call = "execve";
  error.error_number = by_path && !error.fix.empty() ? 13 : 2;
  error.subject = name;
  return error;
}

}  // namespace moat::plan
