// renderserver: design files to pictures, bare, in a jail, or sealed by itself.
#include <unistd.h>

#include <cstdio>
#include <new>

#include "program/command.h"
#include "program/run.h"
#include "program/serve.h"
#include "program/work.h"

namespace program {
namespace {

int Main(int argc, const char* const* argv) {
  auto parsed = Parse(argc, argv);
  if (const Answer* answer = std::get_if<Answer>(&parsed)) {
    std::fputs(answer->text.c_str(), answer->code == 0 ? stdout : stderr);
    return answer->code;
  }
  Command& command = std::get<Command>(parsed);
  return command.kind == Command::Kind::kServe ? Serve(command) : Run(std::move(command));
}

}  // namespace
}  // namespace program

int main(int argc, char** argv) {
  try {
    return program::Main(argc, argv);
  } catch (const std::bad_alloc&) {
    _exit(program::FailForMemory("cannot begin"));
  }
}
