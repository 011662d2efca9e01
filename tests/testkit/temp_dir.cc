#include "testkit/temp_dir.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

namespace moat::testkit {

TempDir::TempDir() {
  std::string name = testing::TempDir() + "/moat-test-XXXXXX";
  EXPECT_NE(::mkdtemp(name.data()), nullptr) << name;
  EXPECT_EQ(::chmod(name.c_str(), 0755), 0);
  path_ = std::filesystem::canonical(name);
}

TempDir::~TempDir() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  EXPECT_FALSE(error) << path_ << ": " << error.message();
}

std::string TempDir::File(std::string_view name, std::string_view content, mode_t mode) const {
  const std::filesystem::path file = path_ / name;
  EXPECT_TRUE(WriteFile(file, content)) << file;
  EXPECT_EQ(::chmod(file.c_str(), mode), 0);
  return file;
}

std::string TempDir::Folder(std::string_view name, mode_t mode) const {
  const std::filesystem::path folder = path_ / name;
  std::filesystem::create_directories(folder);
  EXPECT_EQ(::chmod(folder.c_str(), mode), 0);
  return folder;
}

void TempDir::GiveTo(uid_t uid) const { EXPECT_EQ(::chown(path_.c_str(), uid, uid), 0); }

std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

bool WriteFile(const std::filesystem::path& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content << std::flush;
  return file.good();
}

}  // namespace moat::testkit
