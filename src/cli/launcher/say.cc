#include "cli/launcher/say.h"

#include <unistd.h>

namespace moat::launcher {

void Say(const std::string& line) {
  const std::string text = "moat: " + line + "\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace moat::launcher
