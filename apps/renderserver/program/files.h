// Descriptors of this program's files: closed by their owner, never inherited.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "fig/bytes.h"
#include "moat/result.h"

namespace program {

class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();

  bool open() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

enum class Target : std::uint8_t { kFile, kFolder };

moat::Result<File> OpenInput(const std::string& path);          // a file or a folder
moat::Result<Target> WhatIs(const File& file, const std::string& path);
moat::Result<File> OpenOutput(const std::string& path);         // made, or emptied; "-": standard output
// Takes it away again, if it is an ordinary file.
void RemoveOutput(const File& file, const std::string& path);
// Below a folder and nowhere else: no link, no "..", no other mount decides where `path` leads.
moat::Result<File> OpenBelow(const File& folder, const std::string& path);
moat::Result<File> OpenFolderBelow(const File& folder, const std::string& path);
// The names of its entries, in order. At most `most`: beyond is an Error.
moat::Result<std::vector<std::string>> NamesIn(const File& folder, std::size_t most);

// All of a file, or of a larger one the first `most` + 1 bytes. Uses read and the heap only.
moat::Result<fig::Buffer> ReadAll(const File& file, std::uint64_t most, const std::string& name);
moat::Status WriteAll(const File& file, const void* data, std::size_t size, const std::string& name);

}  // namespace program
