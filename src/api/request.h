// A command as a kRun frame: body and descriptors in the protocol's order.
#pragma once

#include <string>
#include <vector>

#include "api/protocol.h"
#include "moat/result.h"
#include "moat/sandbox.h"
#include "sys/fd.h"

namespace moat::api {

class Request {
 public:
  // Checks the command. Paths become absolute: a helper has a working folder of its own.
  static Result<Request> Make(const Command& command);

  // Words, variables and names of inputs of a command that is only expected.
  static Result<std::string> Expected(const Command& command, PrepareRequest& head);

  // The plan is given in `slot`; `file`, unless -1, carries it there. One frame, sent whole:
  // EPIPE when the other side is gone.
  Status Send(int socket, std::uint32_t job, std::uint32_t slot, int file);

  // What was written to the captures; empty without.
  std::string TakeOut() const { return TakeCapture(capture_out_); }
  std::string TakeErr() const { return TakeCapture(capture_err_); }

 private:
  Status AddTexts(const Command& command);
  Status AddStreams(const Command& command);
  Status AddOutput(const Command& command);
  Status AddInputs(const Command& command);
  Result<int> StreamFd(const Stream& stream, int number, sys::Fd& own);
  static std::string TakeCapture(const sys::Fd& file);

  RunRequest head_;
  std::string body_;
  sys::Fd body_file_;                        // when the body is too long for a frame
  std::vector<int> fds_;                     // behind those of plan and body
  sys::Fd text_in_, capture_out_, capture_err_, output_;
};

}  // namespace moat::api
