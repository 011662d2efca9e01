#include "cli/tool/corpus.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/hash.h"

namespace moat::tool {

namespace fs = std::filesystem;
namespace {

// "learning [=======>            ] 12/40". On a terminal only; gone in the end.
class Progress {
 public:
  Progress(std::string title, std::size_t count) : title_(std::move(title)), count_(count), shows_(isatty(2) != 0) {}
  void Step() {
    constexpr std::size_t kWidth = 30;
    const std::lock_guard lock(mutex_);
    ++done_;
    if (!shows_) return;
    const std::size_t filled = done_ * kWidth / count_;
    std::fprintf(stderr, "\r%s [%s%*s] %zu/%zu", title_.c_str(), std::string(filled, '=').c_str(), static_cast<int>(kWidth - filled), "", done_, count_);
    if (done_ == count_) std::fputs("\r\x1b[K", stderr);
  }

 private:
  const std::string title_;
  const std::size_t count_;
  const bool shows_;
  std::mutex mutex_;
  std::size_t done_ = 0;
};

}  // namespace

Result<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    if (at->is_regular_file(failed) && !at->is_symlink(failed)) files.push_back(at->path().string());
  }
  if (failed) return WithFix(SystemError("readdir", failed.value(), folder), "--corpus is a folder of input files");
  if (files.empty()) return PolicyError("there is no file below `" + folder + "`");
  std::sort(files.begin(), files.end(), [&](const std::string& a, const std::string& b) {
    const std::string_view in_a = std::string_view(a).substr(folder.size()), in_b = std::string_view(b).substr(folder.size());
    const std::uint64_t hash_a = base::StableHash(in_a), hash_b = base::StableHash(in_b);
    return hash_a != hash_b ? hash_a < hash_b : a < b;
  });
  return files;
}

Result<WorkFolder> WorkFolder::Make() {
  const char* base = std::getenv("TMPDIR");
  std::string path = std::string(base != nullptr && base[0] == '/' ? base : "/tmp") + "/moat-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) return SystemError("mkdtemp", errno, path);
  return WorkFolder(path);
}

WorkFolder::~WorkFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void InParallel(std::size_t count, unsigned jobs, const std::string& title, const std::function<void(std::size_t)>& one) {
  std::atomic<std::size_t> next{0};
  Progress progress(title, count);
  const auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      one(i);
      progress.Step();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<std::size_t>(jobs, count); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace moat::tool
