// What is planted on the host, so that a job that gets out finds something there: files, sockets, a
// process, shared objects, open descriptors, secrets. All of it is gone with the object.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "moat/result.h"
#include "sys/fd.h"

namespace moat::attack {

class Canaries {
 public:
  // `probe`: the program of the probes, of which a set-id copy is made.
  static Result<Canaries> Plant(const std::string& probe);
  ~Canaries();
  Canaries(Canaries&& other) noexcept;
  Canaries& operator=(Canaries&&) = delete;

  // For the probe's command line.
  const std::vector<std::string>& arguments() const { return arguments_; }
  const std::string& folder() const { return folder_; }
  const std::string& shown_folder() const { return shown_; }
  const std::string& input_file() const { return input_; }
  const std::string& environment_secret() const { return environment_secret_; }
  const std::string& argument_secret() const { return argument_secret_; }
  int secret_descriptor() const { return secret_fd_.get(); }
  int folder_descriptor() const { return folder_fd_.get(); }

 private:
  Canaries() = default;
  void Add(const std::string& key, const std::string& value) { arguments_.push_back(key + "=" + value); }
  Status PlantFiles(const std::string& probe);
  Status PlantSockets();
  void PlantSharedObjects();
  Status PlantProcess();
  void NoteHost();

  std::string folder_, id_, shown_, input_, environment_secret_, argument_secret_, shm_file_, queue_;
  std::vector<std::string> arguments_;
  sys::Fd secret_fd_, folder_fd_, process_input_;
  std::vector<sys::Fd> listeners_;
  pid_t process_ = -1;
  int shm_ = -1, semaphores_ = -1, messages_ = -1;
};

}  // namespace moat::attack
