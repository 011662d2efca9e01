// renderserver_running ROUNDS FILE...: what a seal costs once it is there. Two workers are forked, alike but
// for the seal of one; in each round both draw the thumbnail of every file, in an order drawn anew, from
// bytes that a pipe brings to a picture that a pipe takes away. The time is the processor's, as the kernel
// counts it for the worker: other work on the machine is not in it. Prints JSON: per file microseconds.
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>
#include <random>

#include "fig/document.h"
#include "moat/seal.h"
#include "program/files.h"
#include "raster/raster.h"
#include "scene/build.h"

namespace program {
namespace {

constexpr std::uint32_t kSide = 400;

enum class Wall : std::uint8_t { kNone, kSealed };

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

// All of it, from a pipe.
bool ReadWhole(int fd, void* to, std::size_t size) {
  for (auto* at = static_cast<char*>(to); size > 0;) {
    const ssize_t got = read(fd, at, size);
    if (got == 0 || (got < 0 && errno != EINTR)) return false;
    if (got < 0) continue;
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

bool WriteWhole(int fd, const void* from, std::size_t size) {
  for (const auto* at = static_cast<const char*>(from); size > 0;) {
    const ssize_t put = write(fd, at, size);
    if (put < 0 && errno != EINTR) return false;
    if (put < 0) continue;
    at += put;
    size -= static_cast<std::size_t>(put);
  }
  return true;
}

std::vector<std::uint8_t> Draw(const std::string& bytes) {
  auto document = fig::Decode(fig::BytesOf(bytes), {});
  if (!document.ok()) return {};
  auto scene = scene::Build(document.value(), {}, {});
  if (!scene.ok()) return {};
  raster::Options options;
  options.longest_side = kSide;
  options.sampling = raster::Sampling::kThumbnail;
  auto picture = raster::Paint(scene.value(), options, {}, nullptr);
  if (!picture.ok()) return {};
  auto png = raster::EncodePng(picture.value());
  return png.ok() ? std::move(png.value()) : std::vector<std::uint8_t>();
}

[[noreturn]] void Work(Wall wall) {  // descriptors 0 and 1
  if (wall == Wall::kSealed && !moat::Seal().Read(0).Write(1).Write(2).Memory().Apply().ok()) _exit(3);
  for (std::uint64_t size = 0; ReadWhole(0, &size, sizeof(size));) {
    std::string bytes(size, '\0');
    if (!ReadWhole(0, bytes.data(), size)) _exit(4);
    const std::vector<std::uint8_t> png = Draw(bytes);
    size = png.size();
    if (!WriteWhole(1, &size, sizeof(size)) || !WriteWhole(1, png.data(), png.size())) _exit(4);
  }
  _exit(0);
}

// The clock of another process does not have what its thread has used since it was last put on a processor
// or seen by a tick (kernel/sched/cputime.c, thread_group_cputime): read from another processor, a worker
// that has just answered can seem to have used a whole tick less, or nothing. On the processor that the
// reader runs on it does not run, so all of it has been counted.
void StayOnOneProcessor() {
  const int here = sched_getcpu();
  if (here < 0) Die("sched_getcpu");
  cpu_set_t* const one = CPU_ALLOC(here + 1);
  const std::size_t size = CPU_ALLOC_SIZE(here + 1);
  if (one == nullptr) Die("CPU_ALLOC");
  CPU_ZERO_S(size, one);
  CPU_SET_S(here, size, one);
  if (sched_setaffinity(0, size, one) != 0) Die("sched_setaffinity");
  CPU_FREE(one);
}

class Worker {
 public:
  explicit Worker(Wall wall) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) Die("pipe2");
    pid_ = fork();
    if (pid_ < 0) Die("fork");
    if (pid_ == 0) {
      if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0 || close_range(3, ~0U, 0) != 0) _exit(2);
      Work(wall);
    }
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
    if (clock_getcpuclockid(pid_, &clock_) != 0) Die("clock_getcpuclockid");
  }

  // Microseconds; the picture goes to `png`.
  double Draw(const std::string& bytes, std::string* png) const {
    const double before = Used();
    std::uint64_t size = bytes.size();
    if (!WriteWhole(to_, &size, sizeof(size)) || !WriteWhole(to_, bytes.data(), size) || !ReadWhole(from_, &size, sizeof(size))) Die("worker");
    png->resize(size);
    if (!ReadWhole(from_, png->data(), size)) Die("worker");
    return Used() - before;
  }

  // Whether it ended well, which it does when nothing more comes.
  bool End() const {
    close(to_);
    int status = 0;
    return waitpid(pid_, &status, 0) == pid_ && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  double Used() const {
    timespec time{};
    if (clock_gettime(clock_, &time) != 0) Die("clock_gettime");
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  }

  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  clockid_t clock_ = 0;
};

std::string Whole(const char* path) {
  auto file = OpenInput(path);
  if (!file.ok()) Die(path);
  const auto bytes = ReadAll(file.value(), 1 << 30, path);
  if (!bytes.ok()) Die(path);
  return std::string(bytes.value().view().text());
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("renderserver_running ROUNDS FILE...\n", stderr);
    return 2;
  }
  StayOnOneProcessor();
  raster::Prewarm();
  const std::array<Worker, 2> workers = {Worker(Wall::kNone), Worker(Wall::kSealed)};
  const char* const names[] = {"bare_us", "sealed_us"};
  std::mt19937 random(1);
  nlohmann::json files = nlohmann::json::array();
  for (int i = 2; i < argc; ++i) {
    const std::string bytes = Whole(argv[i]);
    nlohmann::json file = {{"name", argv[i]}, {names[0], nlohmann::json::array()}, {names[1], nlohmann::json::array()}};
    for (int round = -1; round < std::atoi(argv[1]); ++round) {  // the first is not counted
      std::string pictures[2];
      const unsigned first = random() & 1;
      for (const unsigned which : {first, 1 - first}) {
        const double took = workers[which].Draw(bytes, &pictures[which]);
        if (!(took > 0)) {
          std::fprintf(stderr, "renderserver_running: %s: %s: %g: the worker's clock stood still while it drew\n", argv[i], names[which], took);
          return 1;
        }
        if (round >= 0) file[names[which]].push_back(took);
      }
      if (pictures[0] != pictures[1] || pictures[0].empty()) {
        std::fprintf(stderr, "renderserver_running: %s: the pictures differ, or there are none\n", argv[i]);
        return 1;
      }
    }
    files.push_back(std::move(file));
  }
  std::puts(nlohmann::json{{"files", std::move(files)}}.dump().c_str());
  return workers[0].End() && workers[1].End() ? 0 : 1;
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) { return program::Main(argc, argv); }
