// A folder that is gone when the test is, whatever a job left in it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace moat::testkit {

class TempDir {
 public:
  // Readable by everybody, so that tests can hand it to another user.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }
  // Writes a file and answers with its path.
  std::string File(std::string_view name, std::string_view content, mode_t mode = 0644) const;
  std::string Folder(std::string_view name, mode_t mode = 0755) const;
  void GiveTo(uid_t uid) const;  // the folder itself

 private:
  std::filesystem::path path_;
};

std::string ReadFile(const std::filesystem::path& path);
bool WriteFile(const std::filesystem::path& path, std::string_view content);

}  // namespace moat::testkit
