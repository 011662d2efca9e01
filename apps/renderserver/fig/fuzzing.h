// What the fuzz targets share.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "fig/budget.h"
#include "fig/document.h"

namespace fig {

// Small enough for thousands of files a second, large enough for every path.
inline Budget FuzzBudget() {
  Budget budget;
  budget.inflated_bytes = 4 << 20;
  budget.inflated_total_bytes = 8 << 20;
  budget.decoded_bytes = 16 << 20;
  budget.nodes = 2'000;
  return budget;
}

// Touches what views lead to, so that a sanitizer sees one that leads nowhere; a fault has a text.
inline void Look(Bytes bytes) {
  volatile std::uint8_t sink = 0;
  for (std::size_t i = 0; i < bytes.size; i += 61) sink = static_cast<std::uint8_t>(sink ^ bytes.data[i]);
  if (!bytes.empty()) sink = static_cast<std::uint8_t>(sink ^ bytes.data[bytes.size - 1]);
}
inline void Look(const Document& document) {
  if (document.by_guid.size() != document.nodes.size()) std::abort();
  for (const Bytes blob : document.blobs) Look(blob);
  for (const auto& [hash, image] : document.images) Look(image);
  Look(document.thumbnail);
}
template <typename Thing>
void Look(Outcome<Thing>& outcome) {
  if (!outcome.ok()) {
    if (outcome.fault().ToString().empty()) std::abort();
  } else if constexpr (requires { outcome->images; }) {
    Look(outcome.value());
  } else {
    for (const Bytes blob : outcome->blobs) Look(blob);
  }
}

}  // namespace fig
