// Folders and stores for the tests of the service.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "web/store.h"
#include "sys/calls.h"

namespace moat::web::testing {

// Ours alone (0700), gone with the test.
class PrivateFolder {
 public:
  PrivateFolder() : path_(::testing::TempDir() + "/moat-web-XXXXXX") { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~PrivateFolder() { std::filesystem::remove_all(path_); }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::unique_ptr<Store> MustOpen(const std::string& folder, std::function<void(std::string_view)> at_step = {}) {
  StoreOptions options;
  options.folder = folder;
  options.at_step = std::move(at_step);
  auto store = Store::Open(options);
  if (store.ok()) return *std::move(store);
  ADD_FAILURE() << store.error().ToString();
  std::abort();
}

inline Staged MustStage(Store& store, const std::string& name, std::string_view bytes) {
  auto staged = store.Stage();
  if (!staged.ok()) ADD_FAILURE() << staged.error().ToString();
  const Status added = staged->AddInput(name);
  if (!added.ok()) ADD_FAILURE() << added.error().ToString();
  const Status written = staged->Write(bytes);
  if (!written.ok()) ADD_FAILURE() << written.error().ToString();
  return *std::move(staged);
}

inline std::string Text(const sys::Fd& file) {
  auto text = sys::ReadAll(file, 1 << 20, "a test's file");
  return text.ok() ? *text : text.error().ToString();
}

}  // namespace moat::web::testing
