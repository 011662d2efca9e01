// How fast the results of a job come home: one big file, and many small ones.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "run/collect.h"
#include "sys/fd.h"

namespace moat::bench {
namespace {

namespace fs = std::filesystem;

// A folder in memory, as the job's own output is; both sides, so that no disk is measured.
class Folder {
 public:
  Folder() {
    std::string name = access("/dev/shm", W_OK) == 0 ? "/dev/shm/moat-bench-XXXXXX" : "/tmp/moat-bench-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }
  sys::Fd Open() const { return sys::Fd(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

 private:
  fs::path path_;
};

// Arguments: how many files, bytes of each.
void Collect(benchmark::State& state) {
  const Folder from, to;
  const std::string content(static_cast<std::size_t>(state.range(1)), 'x');
  for (std::int64_t i = 0; i < state.range(0); ++i) std::ofstream(from.path() / std::to_string(i), std::ios::binary) << content;
  const sys::Fd source = from.Open(), destination = to.Open();
  for (auto _ : state) {
    const auto collected = run::Collect(source.get(), destination.get(), {});
    if (!collected.ok() || collected->outputs.size() != static_cast<std::size_t>(state.range(0))) {
      state.SkipWithError("not everything was collected");
      break;
    }
    state.PauseTiming();  // the next turn finds an empty folder, as callers give
    for (const auto& entry : fs::directory_iterator(to.path())) fs::remove(entry.path());
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0) * state.range(1));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

BENCHMARK(Collect)->ArgNames({"files", "bytes"})->Args({1, 32 << 20})->Args({500, 4096})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace moat::bench
