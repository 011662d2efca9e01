// libexec/moat/moat-http: a program of its own, so that no other command loads what only this one needs
// (HTTP, TLS, SQLite, archives), and so that whoever breaks it has broken this one.
#include <cstdio>
#include <string>
#include <vector>

#include "cli/http/daemon.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv, argv + argc);
  const std::string command = args.size() > 1 ? args[1] : "";
  const std::vector<std::string> rest(args.size() > 2 ? args.begin() + 2 : args.end(), args.end());
  if (command == "http") return moat::http_tool::HttpCommand(rest);
  if (command == "top") return moat::http_tool::TopCommand(rest);
  std::fputs("moat-http is started by `moat http` and `moat top`\n", stderr);
  return 125;
}
