// cairo's objects with owners, and the budget that pays for their pixels.
#pragma once

#include <cairo.h>

#include <cstdint>
#include <memory>

#include "fig/budget.h"
#include "fig/fault.h"
#include "scene/scene.h"

namespace raster {

struct Destroy {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_pattern_t* pattern) const { cairo_pattern_destroy(pattern); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using PatternPtr = std::unique_ptr<cairo_pattern_t, Destroy>;
using ContextPtr = std::unique_ptr<cairo_t, Destroy>;

// Whole pixels of the picture: x, y may be anywhere, sizes are never negative.
struct Box {
  int x = 0, y = 0, width = 0, height = 0;
  bool empty() const { return width <= 0 || height <= 0; }
  std::uint64_t pixels() const { return empty() ? 0 : static_cast<std::uint64_t>(width) * static_cast<std::uint64_t>(height); }
};
Box Intersection(const Box& a, const Box& b);
Box Grown(const Box& box, int by);
Box RoundOut(const scene::Rect& rect);  // clamped to what an int holds with room to spare

enum class Edges : std::uint8_t {
  kSmooth,  // by how much of a pixel an area covers
  kHard,    // a pixel whose middle is in the area is the area's
};

// What the surfaces of one picture have in common: what they took of the budget, which is given back when
// a surface goes, and the edges of what is drawn on them.
class Pixels {
 public:
  explicit Pixels(const fig::Budget& budget, Edges edges = Edges::kSmooth) : budget_(budget), edges_(edges) {}
  Edges edges() const { return edges_; }
  fig::Outcome<fig::Nothing> Take(std::uint64_t pixels);
  void GiveBack(std::uint64_t pixels) { live_ -= pixels; }

 private:
  const fig::Budget& budget_;
  const Edges edges_;
  std::uint64_t live_ = 0, sum_ = 0;
};

// An image in memory that covers a box of the picture; drawing uses the picture's coordinates.
class Surface {
 public:
  Surface() = default;
  Surface(Surface&& other) noexcept { *this = std::move(other); }
  Surface& operator=(Surface&& other) noexcept;
  ~Surface() { Drop(); }

  // Transparent. `pixels` must outlive it.
  static fig::Outcome<Surface> Make(cairo_format_t format, const Box& box, Pixels& pixels);

  cairo_surface_t* get() const { return surface_.get(); }
  const Box& box() const { return box_; }
  ContextPtr Draw() const;
  // Rows of bytes; valid until the next drawing. Flushes first; `Changed` when they were written.
  unsigned char* bytes() const;
  int stride() const { return cairo_image_surface_get_stride(surface_.get()); }
  void Changed() const { cairo_surface_mark_dirty(surface_.get()); }

 private:
  void Drop();

  std::unique_ptr<cairo_surface_t, Destroy> surface_;
  Box box_;
  Pixels* pixels_ = nullptr;
};

void SetEdges(cairo_t* context, Edges edges);
cairo_matrix_t ToCairo(const scene::Matrix& matrix);
fig::Fault CairoFault(cairo_status_t status);

}  // namespace raster
