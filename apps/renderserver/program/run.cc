#include "program/run.h"

#include <unistd.h>

#include <new>

#include "fig/document.h"
#include "fig/meta.h"
#include "program/compromise.h"
#include "program/draw.h"
#include "program/failure.h"
#include "program/files.h"
#include "program/pool.h"
#include "program/source.h"
#include "program/wall.h"

namespace program {
namespace {

void Say(const std::string& line) {
  const std::string text = "renderserver: " + Printable(line) + "\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
}

int Fail(const std::string& what, const Failure& failure) {
  Say(what + ": " + failure.text);
  return failure.code;
}

class Program {
 public:
  explicit Program(Command command) : command_(std::move(command)) {}

  int Run() {
    const moat::Status opened = Open();
    if (!opened.ok()) return Fail(command_.input, From(opened.error()));
    Pool pool(command_.threads);
    if (sealed()) {
      const moat::Status locked = Lock(source_.Descriptors(), Descriptors(), record_.open() ? record_.get() : -1);
      if (!locked.ok()) return Fail("cannot be sealed", From(locked.error()));
    }
    const int code = Work(&pool);
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

  // From here on the file's bytes are at work.
  int Work(Pool* pool) {
    try {
      auto bytes = source_.Read();
      if (!bytes.ok()) return Fail(command_.input, From(bytes.error()));
      auto document = fig::Decode(bytes.value(), budget_);
      if (!document.ok()) return Fail(command_.input, From(document.fault()));
      const Failure meta = TakeMeta(&document.value());
      if (meta.code != 0) return Fail(command_.input, meta);
      AfterDecoding(document.value());
      if (command_.kind == Command::Kind::kRender) return Render(document.value(), pool);
      const std::string text = command_.kind == Command::Kind::kList ? ListText(document.value(), command_.text)
                                                                     : InfoText(document.value(), command_.text);
      const moat::Status written = WriteAll(File(STDOUT_FILENO), text.data(), text.size(), "standard output");
      return written.ok() ? 0 : Fail("standard output", From(written.error()));
    } catch (const std::bad_alloc&) {
      return Fail(command_.input, {kSystemCode, "system: no memory"});
    }
  }

  // A folder has beside the canvas what a ZIP has in it.
  Failure TakeMeta(fig::Document* document) {
    const auto bytes = source_.ReadMeta();
    if (!bytes.ok()) return From(bytes.error());
    if (bytes.value().empty()) return {};
    auto meta = fig::ParseMeta(bytes.value());
    if (!meta.ok()) return From(meta.fault());
    document->meta = meta->meta;
    document->file_name = std::move(meta->file_name);
    return {};
  }

  int Render(const fig::Document& document, Pool* pool) {
    std::vector<Drawn> drawn(command_.pictures.size());
    pool->Run(drawn.size(), [&](std::size_t i) {
      drawn[i] = Draw(document, &source_, command_.pictures[i], command_, budget_);
      if (drawn[i].failure.code == 0) drawn[i].failure = Put(i, drawn[i].bytes);
      drawn[i].bytes = std::string();
    });
    int code = 0;
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      if (command_.remarks == Command::Remarks::kTold) {
        for (const std::string& remark : drawn[i].remarks) Say(command_.pictures[i].path + ": " + remark);
      }
      if (drawn[i].failure.code == 0) continue;
      const int failed = Fail(command_.input + ": " + command_.pictures[i].path, drawn[i].failure);
      code = code == 0 ? failed : code;
    }
    return code;
  }

  // A file that could not be written whole is not left behind, where one may still be removed.
  Failure Put(std::size_t index, const std::string& bytes) {
    const std::string& path = command_.pictures[index].path;
    File late;
    if (!sealed()) {
      auto file = OpenOutput(path);
      if (!file.ok()) return {fig::ExitCode(fig::FaultClass::kOutput), "output: " + file.error().ToString()};
      late = std::move(file.value());
    }
    const moat::Status written = WriteAll(sealed() ? outputs_[index] : late, bytes.data(), bytes.size(), path);
    if (written.ok()) return {};
    if (!sealed()) RemoveOutput(late, path);
    return {fig::ExitCode(fig::FaultClass::kOutput), "output: " + written.error().ToString()};
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
