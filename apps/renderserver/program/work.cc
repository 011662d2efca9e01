#include "program/work.h"

#include <unistd.h>

#include <new>

#include "fig/document.h"
#include "fig/meta.h"
#include "program/compromise.h"

namespace program {
namespace {

void Say(const std::string& line) {
  const std::string text = "renderserver: " + Printable(line) + "\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

int Fail(const std::string& what, const Failure& failure) {
  Say(what + ": " + failure.text);
  return failure.code;
}

int FailForMemory(const char* what) noexcept {
  try {
    return Fail(what, From(fig::NoMemory("")));
  } catch (const std::bad_alloc&) {  // not even for a line
    constexpr std::string_view kLine = "renderserver: memory: no memory\n";
    (void)!write(STDERR_FILENO, kLine.data(), kLine.size());
    return kSystemCode;
  }
}

int Work::Do(Pool* pool) {
  try {
    return DoIt(pool);
  } catch (const std::bad_alloc&) {
    ended_ = Failure::Of::kMemory;
    return FailForMemory(command_.input.c_str());
  }
}

int Work::End(const Failure& failure) {
  ended_ = failure.of;
  return Fail(command_.input, failure);
}

int Work::DoIt(Pool* pool) {
  auto bytes = source_->Read();
  if (!bytes.ok()) return Fail(command_.input, From(bytes.error()));
  auto document = fig::Decode(bytes.value(), budget_);
  if (!document.ok()) return End(From(document.fault()));
  const Failure meta = TakeMeta(&document.value());
  if (meta.code != 0) return End(meta);
  AfterDecoding(document.value());
  if (command_.kind == Command::Kind::kRender) return Render(document.value(), pool);
  const std::string text = command_.kind == Command::Kind::kList ? ListText(document.value(), command_.text)
                                                                 : InfoText(document.value(), command_.text);
  const moat::Status written = WriteAll(File(STDOUT_FILENO), text.data(), text.size(), "standard output");
  return written.ok() ? 0 : Fail("standard output", From(written.error()));
}

// A folder has beside the canvas what a ZIP has in it.
Failure Work::TakeMeta(fig::Document* document) {
  const auto bytes = source_->ReadMeta();
  if (!bytes.ok()) return From(bytes.error());
  if (bytes.value().empty()) return {};
  auto meta = fig::ParseMeta(bytes.value());
  if (!meta.ok()) return From(meta.fault());
  document->meta = meta->meta;
  document->file_name = std::move(meta->file_name);
  return {};
}

int Work::Render(const fig::Document& document, Pool* pool) {
  std::vector<Drawn> drawn(command_.pictures.size());
  pool->Run(drawn.size(), [&](std::size_t i) {
    try {
      drawn[i] = Draw(document, source_, command_.pictures[i], command_, budget_);
      if (drawn[i].failure.code == 0) drawn[i].failure = Put(i, drawn[i].bytes);
    } catch (const std::bad_alloc&) {  // in a thread nobody else would catch it; the word is short enough to need none
      drawn[i].failure = {kSystemCode, "memory", Failure::Of::kMemory};
    }
    drawn[i].bytes = std::string();
  });
  return TellOf(drawn);
}

int Work::TellOf(const std::vector<Drawn>& drawn) {
  int code = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const std::string& path = command_.pictures[i].path;
    if (command_.remarks == Command::Remarks::kTold) {
      for (const std::string& remark : drawn[i].remarks) Say(path + ": " + remark);
    }
    if (drawn[i].failure.code == 0) continue;
    const int failed = Fail(command_.input + ": " + path, drawn[i].failure);
    if (code == 0) ended_ = drawn[i].failure.of;
    code = code == 0 ? failed : code;
  }
  return code;
}

// A file that could not be written whole is not left behind, where one may still be removed.
Failure Work::Put(std::size_t index, const std::string& bytes) {
  const std::string& path = command_.pictures[index].path;
  const auto fault = [](const moat::Error& error) { return Failure{fig::ExitCode(fig::FaultClass::kOutput), "output: " + error.ToString(), Failure::Of::kOther}; };
  File late;
  if (outputs_.empty()) {
    auto file = OpenOutput(path);
    if (!file.ok()) return fault(file.error());
    late = std::move(file.value());
  }
  const moat::Status written = WriteAll(outputs_.empty() ? late : outputs_[index], bytes.data(), bytes.size(), path);
  if (written.ok()) return {};
  if (outputs_.empty()) RemoveOutput(late, path);
  return fault(written.error());
}

}  // namespace program
