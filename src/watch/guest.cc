#include "watch/guest.h"

#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/text.h"
#include "sys/calls.h"

namespace moat::watch {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kScanned = 16 * 1024;  // bytes of stack
constexpr std::size_t kMaps = 1 << 20;
constexpr std::size_t kPiece = 512;  // of a text

std::string Proc(pid_t tid, const std::string& what) {
  return "/proc/" + base::Number(static_cast<std::uint64_t>(tid)) + "/" + what;
}

// "55e0-55f0 r-xp 00001000 08:01 123   /usr/bin/x"
bool ParseMapping(const std::string& line, Mapping& mapping) {
  char rights[8] = {};
  unsigned long long start = 0, end = 0, offset = 0, inode = 0;
  int path = -1;
  if (std::sscanf(line.c_str(), "%llx-%llx %7s %llx %*s %llu %n", &start, &end, rights, &offset, &inode, &path) < 5) return false;
  if (std::strchr(rights, 'x') == nullptr) return false;
  mapping = {start, end, offset, inode, path > 0 && static_cast<std::size_t>(path) < line.size() ? line.substr(static_cast<std::size_t>(path)) : ""};
  return true;
}

const Mapping* Find(const std::vector<Mapping>& code, std::uint64_t address) {
  for (const Mapping& mapping : code) {
    if (address >= mapping.start && address < mapping.end) return &mapping;
  }
  return nullptr;
}

bool BehindCall(const Guest& guest, std::uint64_t address) {
#if defined(__x86_64__)
  unsigned char code[7];
  if (guest.Read(address - sizeof(code), code, sizeof(code)) != sizeof(code)) return false;
  if (code[2] == 0xe8) return true;  // call rel32
  for (int length = 2; length <= 7; ++length) {  // call through memory or a register
    if (code[7 - length] == 0xff && (code[8 - length] >> 3 & 7) == 2) return true;
  }
  return false;
#else
  std::uint32_t code = 0;
  if (guest.Read(address - 4, &code, sizeof(code)) != sizeof(code)) return false;
  return code >> 26 == 0x25 || (code & 0xfffffc1fU) == 0xd63f0000U;  // bl, blr
#endif
}

}  // namespace

std::string FrameIn(const std::vector<Mapping>& code, std::uint64_t address) {
  const Mapping* mapping = Find(code, address);
  if (mapping == nullptr || mapping->path.empty()) return base::Hex(address);
  return mapping->path + "+" + base::Hex(address - mapping->start + mapping->offset);
}

std::vector<Mapping> Guest::Code() const {
  std::vector<Mapping> code;
  auto text = sys::ReadFile(Proc(tid_, "maps"), kMaps);
  if (!text.ok()) return code;
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size());
    Mapping mapping;
    if (ParseMapping(text->substr(at, end - at), mapping)) code.push_back(std::move(mapping));
    at = end + 1;
  }
  return code;
}

// The stack pointer of a thread in a call: proc_pid_syscall(5), the last but one word. The kernel asks us a moment before
// the thread lies down to wait, and until then the file says "running".
std::uint64_t Guest::StackPointer() const {
  constexpr int kLooks = 50;
  constexpr timespec kPause{0, 200'000};
  auto text = sys::ReadFile(Proc(tid_, "syscall"), 512);
  for (int look = 1; look < kLooks && text.ok() && text->starts_with("running"); ++look) {
    nanosleep(&kPause, nullptr);
    text = sys::ReadFile(Proc(tid_, "syscall"), 512);
  }
  if (!text.ok()) return 0;
  std::vector<std::uint64_t> words;
  for (const char* at = text->c_str(); *at != '\0';) {
    char* end = nullptr;
    const std::uint64_t word = std::strtoull(at, &end, 0);
    if (end == at) break;
    words.push_back(word);
    at = end;
  }
  return words.size() >= 3 ? words[words.size() - 2] : 0;
}

std::size_t Guest::Read(std::uint64_t address, void* to, std::size_t size) const {
  std::size_t got = 0;
  while (got < size) {  // page by page: what lies before a hole is still read
    const std::size_t now = std::min(kPage - (address + got) % kPage, size - got);
    const iovec here{static_cast<char*>(to) + got, now};
    const iovec there{reinterpret_cast<void*>(address + got), now};
    if (process_vm_readv(tid_, &here, 1, &there, 1, 0) != static_cast<ssize_t>(now)) break;
    got += now;
  }
  return got;
}

Guest::Text Guest::ReadText(std::uint64_t address) const {
  char bytes[PATH_MAX];
  std::size_t got = 0;
  while (got < sizeof(bytes)) {
    // Never over the end of a page: most texts take one call, and none is cut by what is not there.
    const std::size_t now = std::min<std::size_t>({kPage - (address + got) % kPage, kPiece, sizeof(bytes) - got});
    const std::size_t more = Read(address + got, bytes + got, now);
    if (const void* end = std::memchr(bytes + got, 0, more)) {
      return {std::string(bytes, static_cast<std::size_t>(static_cast<const char*>(end) - bytes)), true};
    }
    got += more;
    if (more < now) break;
  }
  return {std::string(bytes, got), false};
}

std::uint64_t Guest::ReadWord(std::uint64_t address) const {
  std::uint64_t word = 0;
  return Read(address, &word, sizeof(word)) == sizeof(word) ? word : 0;
}

std::string Guest::Link(const std::string& what) const {
  char target[PATH_MAX];
  const ssize_t length = readlink(Proc(tid_, what).c_str(), target, sizeof(target));
  return length > 0 ? std::string(target, static_cast<std::size_t>(length)) : std::string();
}

std::string Guest::Executable() const { return Link("exe"); }
std::string Guest::Folder() const { return Link("cwd"); }
std::string Guest::Descriptor(int fd) const { return fd < 0 ? "" : Link("fd/" + base::Number(static_cast<std::uint64_t>(fd))); }

std::string Guest::Name() const {
  auto text = sys::ReadFile(Proc(tid_, "comm"), 64);
  if (!text.ok()) return {};
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *text;
}

std::vector<std::string> Guest::Stack(std::uint64_t pc, std::size_t most) const {
  const std::vector<Mapping> code = Code();
  std::vector<std::string> frames = {FrameIn(code, pc)};
  std::vector<std::uint64_t> words(kScanned / sizeof(std::uint64_t));
  const std::uint64_t sp = StackPointer() & ~7ULL;
  if (sp == 0) return frames;
  words.resize(Read(sp, words.data(), kScanned) / sizeof(std::uint64_t));
  for (const std::uint64_t word : words) {
    if (frames.size() >= most) break;
    if (word < kPage || Find(code, word) == nullptr || !BehindCall(*this, word)) continue;
    frames.push_back(FrameIn(code, word));
  }
  return frames;
}

}  // namespace moat::watch
