// A guest's output folder and the caller's, for tests, and ways to fill them.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "run/collect.h"
#include "sys/fd.h"

namespace moat::run {

class CollectTest : public testing::Test {
 protected:
  CollectTest() {
    // The real source is a tmpfs as well.
    const std::string where = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : testing::TempDir();
    std::string source = where + "/moat-guest-" + std::to_string(::getpid()) + "-XXXXXX";
    std::string destination = testing::TempDir() + "/moat-caller-XXXXXX";
    EXPECT_NE(::mkdtemp(source.data()), nullptr);
    EXPECT_NE(::mkdtemp(destination.data()), nullptr);
    guest_ = source;
    caller_ = destination;
  }
  // rm and not the library: it copes with trees that are deeper than PATH_MAX.
  ~CollectTest() override {
    const std::string command = "chmod -R u+rwX '" + guest_.string() + "' 2>/dev/null; rm -rf '" + guest_.string() +
                                "' '" + caller_.string() + "'";
    EXPECT_EQ(std::system(command.c_str()), 0);
  }

  static sys::Fd Open(const std::filesystem::path& path, int flags = O_RDONLY | O_DIRECTORY) {
    return sys::Fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  }

  Collected Run(CollectLimits limits = {}) {
    const sys::Fd source = Open(guest_, O_PATH | O_DIRECTORY);
    const sys::Fd destination = Open(caller_, O_PATH | O_DIRECTORY);
    auto result = Collect(source.get(), destination.get(), limits);
    EXPECT_TRUE(result.ok());
    return result.ok() ? std::move(result).value() : Collected{};
  }

  static void Write(const std::filesystem::path& path, std::string_view text, mode_t mode = 0644) {
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
  }
  static std::string Read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static struct stat Facts(const std::filesystem::path& path) {
    struct stat facts = {};
    EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
    return facts;
  }
  static mode_t ModeOf(const std::filesystem::path& path) { return Facts(path).st_mode & 07777; }

  static const OutputFile* Output(const Collected& collected, std::string_view name) {
    for (const auto& output : collected.outputs) {
      if (output.name == name) return &output;
    }
    return nullptr;
  }
  // "" when it was not refused.
  static std::string Refusal(const Collected& collected, std::string_view name) {
    for (const auto& refused : collected.refused) {
      if (refused.name == name) return refused.why;
    }
    return {};
  }
  // Also what is only there by mistake: a temporary file, say.
  static std::size_t EntriesIn(const std::filesystem::path& folder) {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
  }

  std::filesystem::path guest_, caller_;
};

}  // namespace moat::run
