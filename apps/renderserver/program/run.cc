#include "program/run.h"

#include <unistd.h>

#include "program/wall.h"
#include "program/work.h"

namespace program {
namespace {

class Program {
 public:
  explicit Program(Command command) : command_(std::move(command)) {}

  int Run() {
    const moat::Status opened = Open();
    if (!opened.ok()) return Fail(command_.input, From(opened.error()));
    Pool pool(command_.threads > 1 ? command_.threads : 0);  // one would only be waited for
    if (sealed()) {
      const moat::Status locked = Lock(source_.Descriptors(), Descriptors(), record_.open() ? record_.get() : -1);
      if (!locked.ok()) return Fail("cannot be sealed", From(locked.error()));
    }
    const int code = Work(command_, &source_, std::move(outputs_), budget_).Do(&pool);
    _exit(code);  // no destructor, no exit handler: nothing is left to be called, and much would be refused
  }

 private:
  bool sealed() const { return command_.wall == Command::Wall::kSealed; }

  // Behind a seal nothing can be opened: what may be needed is opened now, and nothing read.
  moat::Status Open() {
    if (sealed()) MOAT_TRY(StartClean());
    MOAT_TRY(source_.Open(command_.input, sealed() ? Source::Images::kNow : Source::Images::kWhenNeeded, budget_));
    if (!sealed()) return {};
    for (const Picture& picture : command_.pictures) outputs_.push_back(MOAT_TRY(OpenOutput(picture.path)));
    if (!command_.record.empty()) record_ = MOAT_TRY(OpenOutput(command_.record));
    return {};
  }

  std::vector<int> Descriptors() const {
    std::vector<int> all;
    for (const File& output : outputs_) all.push_back(output.get());
    if (command_.kind != Command::Kind::kRender) all.push_back(STDOUT_FILENO);
    return all;
  }

  const Command command_;
  const fig::Budget budget_;
  Source source_;
  std::vector<File> outputs_;  // behind a seal: one for each picture
  File record_;
};

}  // namespace

int Run(Command command) { return Program(std::move(command)).Run(); }

}  // namespace program
