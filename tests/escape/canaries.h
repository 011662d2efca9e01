// What a test plants on the host, so that a job that gets out finds something there: files,
// sockets, a process, shared objects, open descriptors, secrets.
#pragma once

#include <string>
#include <vector>

#include "sys/fd.h"
#include "testkit/process.h"
#include "testkit/temp_dir.h"

namespace moat::escape {

class Canaries {
 public:
  Canaries();
  ~Canaries();
  Canaries(const Canaries&) = delete;
  Canaries& operator=(const Canaries&) = delete;

  // For the probe's command line.
  const std::vector<std::string>& arguments() const { return arguments_; }
  const std::string& shown_folder() const { return shown_; }
  const std::string& input_file() const { return input_; }
  const std::string& environment_secret() const { return environment_secret_; }
  const std::string& argument_secret() const { return argument_secret_; }
  int secret_descriptor() const { return secret_fd_.get(); }
  int folder_descriptor() const { return folder_fd_.get(); }

 private:
  void Add(const std::string& key, const std::string& value) { arguments_.push_back(key + "=" + value); }
  void PlantFiles();
  void PlantSockets();
  void PlantSharedObjects();
  void PlantProcess();
  void NoteHost();

  testkit::TempDir folder_;
  std::string id_, shown_, input_, environment_secret_, argument_secret_, shm_file_, queue_;
  std::vector<std::string> arguments_;
  sys::Fd secret_fd_, folder_fd_;
  std::vector<sys::Fd> listeners_;
  std::vector<testkit::Process> processes_;
  int shm_ = -1, semaphores_ = -1, messages_ = -1;
};

}  // namespace moat::escape
