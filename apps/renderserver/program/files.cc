#include "program/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace program {
namespace {

constexpr std::size_t kStep = 1 << 20;

moat::Result<File> Below(const File& folder, const std::string& path, Target wanted) {
  struct open_how how {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  File file(static_cast<int>(syscall(SYS_openat2, folder.get(), path.c_str(), &how, sizeof(how))));
  if (!file.open()) return moat::SystemError("openat2", errno, path);
  if (MOAT_TRY(WhatIs(file, path)) != wanted) return moat::PolicyError(path + " is not a " + (wanted == Target::kFile ? "file" : "folder"));
  return file;
}

}  // namespace

File::~File() {
  if (fd_ > 2) close(fd_);
}

moat::Result<File> OpenInput(const std::string& path) {
  // Not blocking: a FIFO without a writer would hold the program for ever.
  File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.open()) return moat::SystemError("open", errno, path);
  return file;
}

moat::Result<Target> WhatIs(const File& file, const std::string& path) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return moat::SystemError("fstat", errno, path);
  if (S_ISDIR(status.st_mode)) return Target::kFolder;
  if (S_ISREG(status.st_mode)) return Target::kFile;
  return moat::PolicyError(path + " is neither a file nor a folder");
}

moat::Result<File> OpenOutput(const std::string& path) {
  if (path == "-") return File(STDOUT_FILENO);
  File file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666));
  if (!file.open()) return moat::SystemError("open", errno, path);
  return file;
}

void RemoveOutput(const File& file, const std::string& path) {
  struct stat status {};
  if (path != "-" && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) unlink(path.c_str());
}

moat::Result<File> OpenBelow(const File& folder, const std::string& path) { return Below(folder, path, Target::kFile); }

moat::Result<File> OpenFolderBelow(const File& folder, const std::string& path) { return Below(folder, path, Target::kFolder); }

moat::Result<std::vector<std::string>> NamesIn(const File& folder, std::size_t most) {
  // A descriptor of its own: closedir would close the caller's, and the position is shared.
  const int own = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(own < 0 ? nullptr : fdopendir(own), closedir);
  if (stream == nullptr) return moat::SystemError("opendir", errno);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream.get())) {
    if (names.size() == most) return moat::PolicyError("the folder has more than " + std::to_string(most) + " entries");
    names.emplace_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

moat::Result<fig::Buffer> ReadAll(const File& file, std::uint64_t most, const std::string& name) {
  fig::Buffer bytes;
  std::size_t used = 0;
  while (used <= most) {
    if (used == bytes.size()) bytes.Resize(std::min<std::uint64_t>(std::max(used * 2, kStep), most + 1));
    const ssize_t got = read(file.get(), bytes.data() + used, bytes.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return moat::SystemError("read", errno, name);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  bytes.Resize(used);
  return bytes;
}

moat::Status WriteAll(const File& file, const void* data, std::size_t size, const std::string& name) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t put = write(file.get(), at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return moat::SystemError("write", errno, name);
    at += put;
    size -= static_cast<std::size_t>(put);
  }
  return {};
}

}  // namespace program
