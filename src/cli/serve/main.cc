// libexec/moat/moat-serve: the pool's daemon, a program of its own, for the same reasons as moat-http.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/serve/serve_command.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv, argv + argc);
  if (args.size() > 1 && args[1] == "serve") return moat::serve_tool::ServeCommand({args.begin() + 2, args.end()});
  std::fputs("moat-serve is started by `moat serve`\n", stderr);
  return 125;
}
