// libpng's memory, and whether it ever got none: its own complaints are texts, and some it swallows.
#pragma once

#include <png.h>

#include <cstdlib>

namespace raster {

struct PngMemory {
  enum class State : unsigned char { kEnough, kMissing };
  State state = State::kEnough;

  bool missing() const { return state == State::kMissing; }

  static void* Take(png_structp png, png_alloc_size_t size) {
    void* const taken = std::malloc(size);
    if (taken == nullptr) static_cast<PngMemory*>(png_get_mem_ptr(png))->state = State::kMissing;
    return taken;
  }
  static void GiveBack(png_structp, void* taken) { std::free(taken); }
};

}  // namespace raster
