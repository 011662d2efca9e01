#include "cli/say.h"

#include <unistd.h>

#include "base/safe_text.h"

namespace moat::cli {

void Say(const std::string& line) {
  const std::string text = "moat: " + line + "\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
}

int Fail(const Error& error) {
  Say(base::Printable(error.ToString()));
  return kMoatFailed;
}

}  // namespace moat::cli
