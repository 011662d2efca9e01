// Scene -> pixels, with cairo.
//
// Threads: Paint may be called by several threads at once, each with a scene of its own or the same
// const one; it starts none. After Prewarm() it makes no system call but for memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "scene/scene.h"

namespace raster {

class Compositor;  // raster/compositor.h

struct Picture {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint32_t> pixels;  // premultiplied ARGB, native endian, as cairo has it
};

enum class Sampling : std::uint8_t {
  kPlain,
  // A thumbnail that is to look like Figma's: each pixel is the mean of four, and where Figma has four
  // samples (Scene::Edges), edges are as hard in each; but for letters, and for what is shown at less than
  // a quarter of its size: thin things would come and go.
  kThumbnail,
};

struct Options {
  double scale = 1;                 // output pixels per design pixel; ignored when longest_side is set
  std::uint32_t longest_side = 0;   // 400 for a thumbnail; 0: by scale
  Sampling sampling = Sampling::kPlain;
  Compositor* compositor = nullptr; // null: this processor; must outlive the call
};

// Pixels per design pixel of a thumbnail, as Figma scales it.
double ThumbnailScale(const scene::Scene& scene, double longest_side);

// Fails with kBudget, kMemory, kGeometry; a broken image is drawn as Figma does (grey checkers) and remarked.
fig::Outcome<Picture> Paint(const scene::Scene& scene, const Options& options, const fig::Budget& budget,
                            std::vector<std::string>* remarks);

// PNG, RGBA without colour management chunks; the same picture gives the same bytes.
fig::Outcome<std::vector<std::uint8_t>> EncodePng(const Picture& picture);

// Does once what libraries do lazily (codecs, cairo's tables), before a seal; the second call does nothing.
void Prewarm();

}  // namespace raster
