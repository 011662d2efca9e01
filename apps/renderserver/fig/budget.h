// What one file may cost. Checked before memory is taken, so that an error names the budget instead
// of the job dying by its memory limit. All are hard: there is no way to go on without.
#pragma once

#include <cstdint>

namespace fig {

struct Budget {
  std::uint64_t input_bytes = 64ull << 20;
  std::uint64_t inflated_bytes = 256ull << 20;    // of one chunk or one ZIP entry
  std::uint64_t inflated_total_bytes = 384ull << 20;  // of all chunks and entries
  std::uint64_t inflate_ratio = 100;              // inflated to stored, above the first MiB
  std::uint64_t zip_entries = 20'000;
  std::uint32_t schema_definitions = 10'000;
  std::uint32_t schema_fields = 100'000;          // of all definitions
  std::uint32_t kiwi_depth = 64;
  std::uint64_t decoded_bytes = 768ull << 20;     // of the objects that a message becomes
  std::uint64_t nodes = 200'000;                  // in the file
  std::uint64_t expanded_nodes = 1'000'000;       // after instances are expanded
  std::uint32_t tree_depth = 512;                 // of the expanded tree
  std::uint64_t path_commands = 20'000'000;       // of all blobs that are drawn
  std::uint64_t drawn_commands = 200'000'000;     // the same, each as often as it is drawn
  std::uint64_t scene_bytes = 512ull << 20;       // of nodes, shapes and paints when they are resolved
  std::uint64_t scene_work = 16ull << 30;         // bytes looked at while they are
  std::uint64_t image_pixels = 64ull << 20;       // of one image, before it is decoded
  std::uint64_t images_pixels = 128ull << 20;     // of all images decoded for one picture
  std::uint32_t output_side = 16'384;             // pixels
  std::uint64_t output_pixels = 64ull << 20;
  std::uint64_t layer_pixels = 4096ull << 20;     // summed over all isolated groups of one picture
  std::uint64_t live_layer_pixels = 192ull << 20; // of the groups that exist at one moment
  std::uint64_t paint_work = 40'000'000'000;      // of one picture; about nanoseconds of an ordinary machine
  std::uint64_t path_edges = 8'000'000;           // of one path when its curves have become lines
  double blur_radius = 1'000;                     // output pixels; larger ones are clamped
  std::uint64_t svg_bytes = 256ull << 20;         // length of an SVG, images included
};

}  // namespace fig
