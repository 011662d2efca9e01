// libexec/moat/moat-unwind: snapshots of stacks in, frames out (watch/unwind_format.h). What it reads was written by a
// guest that was just caught at something. So everything is read and mapped first, and then the program seals itself: it
// can compute, and write to its answer. No file, no process, no network, two seconds of a processor and little memory.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "cli/unwind/walk.h"
#include "moat/seal.h"

namespace moat::unwind {
namespace {

using namespace watch::unwind;

constexpr rlim_t kMemory = 2ULL << 30;
constexpr std::size_t kMaxAsked = 64U << 20;

std::string ReadAll(int fd) {
  std::string bytes;
  char piece[65536];
  for (ssize_t got; bytes.size() < kMaxAsked && (got = read(fd, piece, sizeof(piece))) > 0;) bytes.append(piece, static_cast<std::size_t>(got));
  return bytes;
}

File Mapped(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0 || facts.st_size <= 0 || static_cast<std::uint64_t>(facts.st_size) > kMaxFile) return {};
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* bytes = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  return bytes == MAP_FAILED ? File() : File{static_cast<char*>(bytes), size};
}

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}

  template <typename Row>
  bool Take(Row& row) {
    if (bytes_.size() - at_ < sizeof(row)) return false;
    std::memcpy(&row, bytes_.data() + at_, sizeof(row));
    at_ += sizeof(row);
    return true;
  }

  bool Take(Stack& stack) {
    SnapshotHead head;
    if (!Take(head) || head.mappings > kMaxMappings || head.stack > kMaxStack) return false;
    stack.pc = head.pc;
    stack.sp = head.sp;
    stack.code.resize(head.mappings);
    for (MappingRow& row : stack.code) {
      if (!Take(row)) return false;
    }
    if (bytes_.size() - at_ < head.stack) return false;
    stack.memory = bytes_.data() + at_;
    stack.size = head.stack;
    at_ += head.stack;
    return true;
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

void Say(const std::vector<Frame>& frames) {
  std::string text;
  for (const Frame& frame : frames) {
    char address[24];
    std::snprintf(address, sizeof(address), "%llx", static_cast<unsigned long long>(frame.address));
    text += address + (frame.name.empty() ? "" : " " + frame.name) + "\n";
  }
  text += ".\n";
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t put = write(1, text.data() + at, text.size() - at);
    if (put <= 0) _exit(1);
    at += static_cast<std::size_t>(put);
  }
}

bool Lock() {
  const rlimit memory{kMemory, kMemory}, cpu{kCpuSeconds, kCpuSeconds}, none{0, 0};
  if (setrlimit(RLIMIT_AS, &memory) != 0 || setrlimit(RLIMIT_CPU, &cpu) != 0 || setrlimit(RLIMIT_CORE, &none) != 0) return false;
  Seal seal;
  seal.Write(1).Memory().FileSize(kMaxSaid).Strays(SealStrays::kClose);
  const auto locked = seal.Apply();
  if (!locked.ok()) std::fprintf(stderr, "moat-unwind: %s\n", locked.error().ToString().c_str());
  return locked.ok();
}

int Main() {
  const std::string asked = ReadAll(0);
  Reader reader(asked);
  Head head;
  if (!reader.Take(head) || head.magic != kMagic || head.snapshots > kMaxSnapshots || head.files > kMaxFiles) return 2;
  std::vector<File> files;
  for (std::uint32_t i = 0; i < head.files; ++i) files.push_back(Mapped(kFirstFile + static_cast<int>(i)));
  if (!Lock()) return 1;
  for (std::uint32_t i = 0; i < head.snapshots; ++i) {
    Stack stack;
    if (!reader.Take(stack)) return 2;
    Say(Walk(stack, files));
  }
  return 0;
}

}  // namespace
}  // namespace moat::unwind

int main() { _exit(moat::unwind::Main()); }
