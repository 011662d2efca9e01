#include "program/serve.h"

#include <malloc.h>
#include <unistd.h>

#include <new>

#include "moat/worker.h"
#include "program/work.h"
#include "raster/raster.h"

namespace program {
namespace {

// What the jail's profile (profiles/renderserver.toml) has.
constexpr std::uint64_t kMemory = 1536ULL << 20, kSeconds = 60, kFileSize = 512ULL << 20;

int Misused(const std::string& what) { return Fail("a job", {kUsageCode, what, Failure::Of::kOther}); }

// Behind the seal, alone. A destructor would cost the time to tidy up what ends anyway, and where memory is
// missing would close what the seal lets nobody close: nothing here has an owner. What leaves the handler then
// is how the pool learns why (docs/serving.md).
[[noreturn]] void Draw(Command command, moat::WorkerJob& job) {
  const moat::WorkerJob::Input& input = job.inputs()[0];
  command.input = input.name.empty() ? "input" : std::string(input.name);
  const fig::Budget budget;
  auto* const source = new Source;
  source->Adopt(File(input.fd), command.input, budget);
  std::vector<File> outputs;
  for (const int output : job.outputs()) outputs.emplace_back(output);
  Pool nobody(0);
  auto* const work = new Work(command, source, std::move(outputs), budget);
  const int code = work->Do(&nobody);
  if (work->starved()) throw std::bad_alloc();
  _exit(code);
}

int Begin(moat::WorkerJob& job) {
  if (!job.request().empty()) return Misused("its words are arguments, not a request");
  if (job.inputs().size() != 1) return Misused("one input is what is drawn, not " + std::to_string(job.inputs().size()));
  auto parsed = ParseJob({job.arguments().begin(), job.arguments().end()}, job.outputs().size());
  if (const Answer* answer = std::get_if<Answer>(&parsed)) {
    const std::string text = Printable(answer->text) + "\n";  // the caller's words are in it
    (void)!write(STDERR_FILENO, text.data(), text.size());
    return answer->code;
  }
  Draw(std::get<Command>(std::move(parsed)), job);
}

}  // namespace

int Serve(const Command& options) {
  raster::Prewarm();
  malloc_trim(0);  // every job has a copy of what is left
  moat::ServeOptions serving;
  serving.seal.Memory();
  serving.memory = kMemory;
  serving.cpu_seconds = kSeconds;
  serving.file_size = kFileSize;
  if (options.apart == Command::Apart::kYes) serving.walls = moat::ServeWalls::kSealedApart;
  return Fail("cannot serve", From(moat::Serve(Begin, serving)));
}

}  // namespace program
