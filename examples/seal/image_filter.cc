// image_filter IN.ppm OUT.ppm: blurs a binary PPM, its rows shared out to a pool of threads. The
// pool is started first, and sealed as a whole; later no thread can be added.
#include <fcntl.h>
#include <moat/seal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compromise.h"

namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "image_filter: %s\n", what.c_str());
  std::_Exit(1);
}

class Pool {
 public:
  explicit Pool(unsigned count) {
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this, i] { Work(i); });
  }
  ~Pool() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  // Calls part(i, count) in every thread and waits for all.
  void Run(std::function<void(unsigned, unsigned)> part) {
    std::unique_lock lock(mutex_);
    part_ = std::move(part);
    left_ = static_cast<unsigned>(threads_.size());
    ++round_;
    wake_.notify_all();
    done_.wait(lock, [&] { return left_ == 0; });
  }

 private:
  void Work(unsigned index) {
    unsigned seen = 0;
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
      lock.unlock();
      part_(index, static_cast<unsigned>(threads_.size()));
      lock.lock();
      if (--left_ == 0) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::function<void(unsigned, unsigned)> part_;
  unsigned round_ = 0, left_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

struct Picture {
  std::size_t width = 0, height = 0;
  std::vector<unsigned char> pixels;
};

std::string ReadAll(int fd) {
  std::string bytes;
  char buffer[65536];
  for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0;) bytes.append(buffer, static_cast<std::size_t>(got));
  return bytes;
}

// "P6 WIDTH HEIGHT 255", with comments from # to the end of the line.
Picture Parse(const std::string& bytes) {
  std::size_t at = 0;
  const auto word = [&] {
    for (; at < bytes.size(); ++at) {
      if (bytes[at] == '#') {
        const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
        compromised_by(&bytes[at], end - at);
        at = end;
      } else if (std::string(" \t\r\n").find(bytes[at]) == std::string::npos) {
        break;
      }
    }
    const std::size_t end = std::min(bytes.find_first_of(" \t\r\n", at), bytes.size());
    const std::string text = bytes.substr(at, end - at);
    at = end;
    return text;
  };
  if (word() != "P6") Fail("this is no binary PPM");
  Picture picture;
  picture.width = std::strtoul(word().c_str(), nullptr, 10);
  picture.height = std::strtoul(word().c_str(), nullptr, 10);
  if (word() != "255" || picture.width == 0 || picture.height == 0 || picture.width > 30000 || picture.height > 30000 ||
      bytes.size() - std::min(bytes.size(), at + 1) < picture.width * picture.height * 3) {
    Fail("the picture is not whole");
  }
  picture.pixels.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at + 1),
                        bytes.begin() + static_cast<std::ptrdiff_t>(at + 1 + picture.width * picture.height * 3));
  return picture;
}

Picture Blur(const Picture& from, Pool& pool) {
  Picture to = from;
  pool.Run([&](unsigned part, unsigned parts) {
    for (std::size_t y = part; y < from.height; y += parts) {
      for (std::size_t x = 0; x < from.width; ++x) {
        for (std::size_t c = 0; c < 3; ++c) {
          unsigned sum = 0, count = 0;
          for (std::size_t v = y == 0 ? 0 : y - 1; v <= std::min(y + 1, from.height - 1); ++v) {
            for (std::size_t u = x == 0 ? 0 : x - 1; u <= std::min(x + 1, from.width - 1); ++u, ++count) {
              sum += from.pixels[(v * from.width + u) * 3 + c];
            }
          }
          to.pixels[(y * from.width + x) * 3 + c] = static_cast<unsigned char>(sum / count);
        }
      }
    }
  });
  return to;
}

void WriteAll(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t now = write(fd, bytes, size);
    if (now <= 0) Fail("cannot write");
    bytes += now;
    size -= static_cast<std::size_t>(now);
  }
}

moat::Status Lock(int in, int out) {
  moat::Seal seal;
  seal.Read(in).Write(out).Write(2).Memory().Threads(moat::SealThreads::kExisting).Strays(moat::SealStrays::kClose);
  MOAT_TRY(seal.Apply());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bool bare = without_seal(&argc, &argv) != 0;
  if (argc != 3) Fail("usage: image_filter IN.ppm OUT.ppm");
  const int in = open(argv[1], O_RDONLY | O_CLOEXEC);
  const int out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (in < 0 || out < 0) Fail("cannot open the files");
  Pool pool(std::max(2U, std::thread::hardware_concurrency()));
  if (!bare) {
    if (const auto locked = Lock(in, out); !locked.ok()) Fail(locked.error().ToString());
  }
  const Picture picture = Blur(Parse(ReadAll(in)), pool);
  const std::string head = "P6\n" + std::to_string(picture.width) + " " + std::to_string(picture.height) + "\n255\n";
  WriteAll(out, head.data(), head.size());
  WriteAll(out, reinterpret_cast<const char*>(picture.pixels.data()), picture.pixels.size());
  return 0;
}
