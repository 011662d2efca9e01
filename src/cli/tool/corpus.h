// A command over the files of a corpus, several at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "moat/result.h"

namespace moat::tool {

// The regular files below `folder`; links are not followed. In an order that mixes them, the same every time:
// what ran so far is then a sample of the whole, and not its first sub-folder.
Result<std::vector<std::string>> FilesBelow(const std::string& folder);

// A folder of our own that is gone in the end.
class WorkFolder {
 public:
  static Result<WorkFolder> Make();
  WorkFolder(WorkFolder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  WorkFolder& operator=(WorkFolder&&) = delete;
  ~WorkFolder();
  const std::string& path() const { return path_; }

 private:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Calls `one` for 0..count-1 from `jobs` threads. A line on standard error tells how far it is, on a
// terminal only.
void InParallel(std::size_t count, unsigned jobs, const std::string& title, const std::function<void(std::size_t)>& one);

}  // namespace moat::tool
