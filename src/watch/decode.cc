#include "watch/decode.h"

#include <arpa/inet.h>
#include <linux/fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "base/safe_text.h"
#include "base/text.h"
#include "watch/words.h"

namespace moat::watch {
namespace {

using bpf::ArgKind;

constexpr std::string_view kPaths[] = {"pathname", "filename", "path",   "oldname", "newname",  "oldpath", "newpath",
                                       "target",   "linkpath", "source", "from_path", "to_path", "new_root", "put_old", "specialfile"};
constexpr std::size_t kWordsShown = 6;  // of an argv
constexpr std::size_t kTextShown = 256;

std::string Shown(const std::string& text, bool whole) {
  std::string quoted = base::Quoted(std::string_view(text).substr(0, kTextShown));
  return whole && text.size() <= kTextShown ? quoted : quoted + "...";
}

std::string Number(const bpf::Arg& arg, std::uint64_t value) {
  if (bpf::IsSigned(arg.kind)) {
    return base::SignedNumber(bpf::Is32Bit(arg.kind) ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value));
  }
  if (bpf::Is32Bit(arg.kind)) value &= 0xffffffffU;
  return value < 4096 ? base::Number(value) : base::Hex(value);
}

// "/a/./b//../c" -> "/a/c", as a name only: links are the kernel's business.
std::string Normal(const std::string& path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
    at = end + 1;
  }
  std::string text;
  for (const std::string& part : parts) text += "/" + part;
  return text.empty() ? "/" : text;
}

std::string Inet(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
    return std::string("AF_INET ") + text + ":" + base::Number(ntohs(in.sin_port));
  }
  const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
  return std::string("AF_INET6 [") + text + "]:" + base::Number(ntohs(in.sin6_port));
}

std::string Address(const Guest& guest, std::uint64_t at, std::uint64_t size) {
  sockaddr_storage address{};
  const std::size_t wanted = std::min<std::uint64_t>(size & 0xffffffffU, sizeof(address));
  const std::size_t got = at == 0 ? 0 : guest.Read(at, &address, wanted);
  if (got < sizeof(sa_family_t)) return base::Hex(at);
  if (address.ss_family == AF_INET || address.ss_family == AF_INET6) return "{" + Inet(address) + "}";
  if (address.ss_family != AF_UNIX) return "{family " + base::Number(address.ss_family) + "}";
  const auto* name = reinterpret_cast<const sockaddr_un&>(address).sun_path;
  std::string text(name, got - sizeof(sa_family_t));
  if (text.empty()) return "{AF_UNIX}";
  if (text[0] == '\0') return "{AF_UNIX @" + base::Quoted(text.substr(1)) + "}";
  return "{AF_UNIX " + base::Quoted(text.c_str()) + "}";
}

std::string ArgumentVector(const Guest& guest, std::uint64_t at) {
  std::string text = "[";
  for (std::size_t i = 0; i < kWordsShown; ++i) {
    const std::uint64_t word = guest.ReadWord(at + i * sizeof(std::uint64_t));
    if (word == 0) return text + "]";
    const Guest::Text read = guest.ReadText(word);
    text += (i == 0 ? "" : ", ") + Shown(read.bytes, read.whole);
  }
  return text + ", ...]";
}

// Flags that lie behind a pointer: no filter sees them, a reader may.
std::string Behind(const bpf::SyscallInfo& call, const bpf::Arg& arg, std::uint64_t at, const Guest& guest) {
  const std::string_view like = arg.name == "cl_args" ? "clone" : arg.name == "how" ? "openat" : "";
  const bpf::SyscallInfo* plain = like.empty() ? nullptr : bpf::FindSyscall(bpf::NativeAbi(), like);
  if (plain == nullptr || call.name == like) return {};
  const std::uint64_t flags = guest.ReadWord(at);
  const std::string words = InWords(*plain, like == "clone" ? 0 : 2, flags);
  return "{flags=" + (words.empty() ? base::Hex(flags) : words) + "}";
}

class Decoder {
 public:
  Decoder(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest)
      : call_(call), args_(args), guest_(guest) {}

  Decoded Run() {
    for (unsigned i = 0; i < call_.arg_count; ++i) {
      decoded_.arguments += (i == 0 ? "" : ", ") + std::string(call_.args[i].name) + "=" + One(i);
    }
    return std::move(decoded_);
  }

  std::string FirstPath() {
    for (unsigned i = 0; i < call_.arg_count && decoded_.path.empty(); ++i) {
      if (call_.args[i].kind == ArgKind::kPointer && args_[i] != 0 && IsPath(call_.args[i].name)) Path(i);
    }
    return std::move(decoded_.path);
  }

 private:
  std::string One(unsigned i) {
    const bpf::Arg& arg = call_.args[i];
    if (arg.kind == ArgKind::kPointer) return Pointer(i);
    if (const std::string words = InWords(call_, i, args_[i]); !words.empty()) return words;
    if (arg.kind == ArgKind::kFd) return Descriptor(static_cast<int>(args_[i]));
    return Number(arg, args_[i]);
  }

  std::string Descriptor(int fd) const {
    if (fd == AT_FDCWD) return "AT_FDCWD";
    const std::string what = guest_.Descriptor(fd);
    return base::SignedNumber(fd) + (what.empty() ? "" : "<" + base::Printable(what) + ">");
  }

  std::string Pointer(unsigned i) {
    const bpf::Arg& arg = call_.args[i];
    const std::uint64_t at = args_[i];
    if (at == 0) return "NULL";
    if (IsPath(arg.name)) return Path(i);
    if (arg.name == "argv") return ArgumentVector(guest_, at);
    if ((arg.name == "addr" || arg.name == "dest_addr") && call_.group == "sockets" && i + 1 < call_.arg_count &&
        call_.args[i + 1].kind == ArgKind::kInt) {
      return Address(guest_, at, args_[i + 1]);
    }
    const std::string behind = Behind(call_, arg, at, guest_);
    return behind.empty() ? base::Hex(at) : behind;
  }

  std::string Path(unsigned i) {
    const Guest::Text text = guest_.ReadText(args_[i]);
    if (text.bytes.empty() && !text.whole) return base::Hex(args_[i]);
    if (decoded_.path.empty() && text.whole) decoded_.path = Absolute(i, text.bytes);
    return Shown(text.bytes, text.whole);
  }

  std::string Absolute(unsigned i, const std::string& path) const {
    if (!path.empty() && path[0] == '/') return Normal(path);
    const bool at_folder = i > 0 && call_.args[i - 1].kind == ArgKind::kFd;
    const int fd = at_folder ? static_cast<int>(args_[i - 1]) : AT_FDCWD;
    const std::string folder = fd == AT_FDCWD ? guest_.Folder() : guest_.Descriptor(fd);
    if (path.empty()) return folder;
    return folder.empty() || folder[0] != '/' ? path : Normal(folder + "/" + path);
  }

  const bpf::SyscallInfo& call_;
  const std::uint64_t (&args_)[6];
  const Guest& guest_;
  Decoded decoded_;
};

}  // namespace

bool IsPath(std::string_view argument) {
  return std::find(std::begin(kPaths), std::end(kPaths), argument) != std::end(kPaths);
}

Decoded Decode(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest) {
  return Decoder(call, args, guest).Run();
}

std::string PathOf(const bpf::SyscallInfo& call, const std::uint64_t (&args)[6], const Guest& guest) {
  return Decoder(call, args, guest).FirstPath();
}

}  // namespace moat::watch
