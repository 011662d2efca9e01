// How fast scenes become pixels, and what their parts take.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <benchmark/benchmark.h>

#include "figgen/samples.h"
#include "raster/blur.h"
#include "raster/image.h"
#include "raster/raster.h"
#include "scene/build.h"

namespace {

struct File {
  std::string bytes;
  fig::Document document;
  scene::Scene scene;
};

// A sample, or a file of the corpus where there is one.
bool Load(const std::string& name, File* file) {
  const auto samples = figgen::AllSamples();
  if (const figgen::Sample* sample = figgen::FindSample(samples, name)) {
    file->bytes = figgen::Write(*sample);
  } else {
    std::ifstream in(std::filesystem::path(RENDERSERVER_CORPUS) / name, std::ios::binary);
    file->bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  auto document = fig::Decode(fig::BytesOf(file->bytes), {});
  if (!document.ok()) return false;
  file->document = std::move(document.value());
  auto scene = scene::Build(file->document, {}, {});
  if (!scene.ok()) return false;
  file->scene = std::move(scene.value());
  return true;
}

void Thumbnail(benchmark::State& state, const char* name) {
  File file;
  if (!Load(name, &file)) return state.SkipWithError("no such file here");
  raster::Options options;
  options.longest_side = static_cast<std::uint32_t>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(raster::Paint(file.scene, options, {}, nullptr));
  state.counters["nodes"] = static_cast<double>(file.scene.nodes.size());
}

void Png(benchmark::State& state, const char* name) {
  File file;
  if (!Load(name, &file)) return state.SkipWithError("no such file here");
  raster::Options options;
  options.longest_side = static_cast<std::uint32_t>(state.range(0));
  const auto picture = raster::Paint(file.scene, options, {}, nullptr);
  std::size_t size = 0;
  for (auto _ : state) size = raster::EncodePng(picture.value()).value().size();
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(4 * picture.value().pixels.size()));
  state.counters["bytes"] = static_cast<double>(size);
}

void Blur(benchmark::State& state, cairo_format_t format) {
  const fig::Budget budget;
  raster::Pixels pixels(budget);
  raster::Work work(budget);
  auto surface = raster::Surface::Make(format, {0, 0, 512, 512}, pixels);
  for (auto _ : state) {
    raster::Work own(budget);
    benchmark::DoNotOptimize(raster::Blur(surface.value(), static_cast<double>(state.range(0)) / 10, {pixels, own, nullptr}));
  }
  state.counters["pixels/s"] = benchmark::Counter(512 * 512, benchmark::Counter::kIsIterationInvariantRate);
}

#define FILES(function)                                                                      \
  BENCHMARK_CAPTURE(function, many, "many")->Arg(400)->Unit(benchmark::kMicrosecond);        \
  BENCHMARK_CAPTURE(function, poster, "poster")->Arg(400)->Arg(2000)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, icons, "verdandi-icons.fig")->Arg(400)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, article, "jcmais-design.fig")->Arg(400)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, seal, "openfig-medium-complex.fig")->Arg(400)->Arg(2000)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, photo, "dezenix-hero09.fig")->Arg(400)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(function, deck, "openfig-4-text-column.deck")->Arg(400)->Arg(2400)->Unit(benchmark::kMicrosecond)

FILES(Thumbnail);
FILES(Png);
BENCHMARK_CAPTURE(Blur, mask, CAIRO_FORMAT_A8)->Arg(6)->Arg(15)->Arg(50)->Arg(150)->Arg(1000)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Blur, colour, CAIRO_FORMAT_ARGB32)->Arg(6)->Arg(15)->Arg(50)->Arg(150)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
