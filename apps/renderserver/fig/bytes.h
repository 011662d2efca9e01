// Runs of bytes: somebody else's (Bytes) and owned ones (Buffer), and little-endian numbers in them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fig {

// A view: whoever hands one out says what keeps the memory alive.
struct Bytes {
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;

  bool empty() const { return size == 0; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
  // Precondition: from + length <= size.
  Bytes Part(std::size_t from, std::size_t length) const { return {data + from, length}; }
};

inline Bytes BytesOf(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Memory that grows without being filled with zeros first. Throws std::bad_alloc.
class Buffer {
 public:
  std::uint8_t* data() { return memory_.get(); }
  std::size_t size() const { return size_; }
  Bytes view() const { return {memory_.get(), size_}; }

  void Resize(std::size_t size) {
    void* moved = std::realloc(memory_.get(), size == 0 ? 1 : size);
    if (moved == nullptr) throw std::bad_alloc();
    static_cast<void>(memory_.release());  // realloc has freed or kept it
    memory_.reset(static_cast<std::uint8_t*>(moved));
    size_ = size;
  }

 private:
  struct Free {
    void operator()(std::uint8_t* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::uint8_t, Free> memory_;
  std::size_t size_ = 0;
};

// What a Document keeps alive: the inflated chunks and entries. Their bytes never move.
class Storage {
 public:
  Bytes Keep(Buffer buffer) {
    kept_.push_back(std::move(buffer));
    return kept_.back().view();
  }

 private:
  std::vector<Buffer> kept_;
};

// Preconditions of these: at + 2 (4) <= bytes.size.
inline std::uint16_t Load16(Bytes bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes.data[at] | bytes.data[at + 1] << 8);
}
inline std::uint32_t Load32(Bytes bytes, std::size_t at) {
  return Load16(bytes, at) | std::uint32_t{Load16(bytes, at + 2)} << 16;
}

// A name of the file for a message of ours: in quotes, shortened, nothing but printable ASCII.
std::string Quoted(std::string_view name);

}  // namespace fig
