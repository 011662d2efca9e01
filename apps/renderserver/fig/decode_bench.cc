// How fast files are decoded. bytes_per_second counts what the message is when it is inflated.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <benchmark/benchmark.h>

#include "fig/container.h"
#include "fig/decode_message.h"
#include "fig/document.h"
#include "fig/schema.h"
#include "figgen/samples.h"

namespace {

struct File {
  std::string bytes;
  std::size_t message = 0;
  std::size_t nodes = 0;
};

// A sample, or a file of the corpus where there is one.
File FileOf(const std::string& name) {
  File file;
  const auto samples = figgen::AllSamples();
  if (const figgen::Sample* sample = figgen::FindSample(samples, name)) {
    file.bytes = figgen::Write(*sample);
  } else {
    std::ifstream in(std::filesystem::path(RENDERSERVER_CORPUS) / name, std::ios::binary);
    file.bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  auto document = fig::Decode(fig::BytesOf(file.bytes), {});
  if (!document.ok()) return file;
  file.nodes = document->nodes.size();
  file.message = fig::OpenContainer(fig::BytesOf(file.bytes), {})->message.size;
  return file;
}

void Count(benchmark::State& state, const File& file) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(file.message));
  state.counters["nodes"] = static_cast<double>(file.nodes);
  state.counters["nodes/s"] =
      benchmark::Counter(static_cast<double>(file.nodes), benchmark::Counter::kIsIterationInvariantRate);
}

void WholeFile(benchmark::State& state, const char* name) {
  const File file = FileOf(name);
  if (file.nodes == 0) return state.SkipWithError("no such file here");
  for (auto _ : state) benchmark::DoNotOptimize(fig::Decode(fig::BytesOf(file.bytes), {}));
  Count(state, file);
}

// Without what around it has to be inflated.
void MessageAlone(benchmark::State& state, const char* name) {
  const File file = FileOf(name);
  if (file.nodes == 0) return state.SkipWithError("no such file here");
  const fig::Budget budget;
  auto container = fig::OpenContainer(fig::BytesOf(file.bytes), budget);
  auto schema = fig::ParseSchema(container->schema, budget);
  for (auto _ : state) benchmark::DoNotOptimize(fig::DecodeMessage(schema.value(), container->message, budget));
  Count(state, file);
}

void SchemaAlone(benchmark::State& state, const char* name) {
  const File file = FileOf(name);
  if (file.nodes == 0) return state.SkipWithError("no such file here");
  auto container = fig::OpenContainer(fig::BytesOf(file.bytes), {});
  for (auto _ : state) benchmark::DoNotOptimize(fig::ParseSchema(container->schema, {}));
}

#define FILES(function)                                                   \
  BENCHMARK_CAPTURE(function, many, "many")->Unit(benchmark::kMicrosecond);     \
  BENCHMARK_CAPTURE(function, poster, "poster")->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, jcmais, "jcmais-design.fig")->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, deck, "openfig-4-text-column.deck")->Unit(benchmark::kMicrosecond)

FILES(WholeFile);
FILES(MessageAlone);
FILES(SchemaAlone);

}  // namespace
