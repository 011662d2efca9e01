// Document -> Scene: what is drawn, resolved. See scene.h.
#pragma once

#include <string>
#include <vector>

#include "scene/scene.h"

namespace scene {

struct Selection {
  enum class Kind : std::uint8_t {
    kThumbnail,  // as the file's own thumbnail: meta's render_coordinates, else all of the first page
    kPage,       // a whole page: `key` is its name, or its number counted from 1
    kNode,       // one node: `key` is "session:local" or a name (first in document order)
  };
  Kind kind = Kind::kThumbnail;
  std::string key;
};

// Fails with kNotFound, kGraph, kGeometry, kBudget, kMemory. `document` must outlive the Scene.
fig::Outcome<Scene> Build(const fig::Document& document, const Selection& selection, const fig::Budget& budget);

// What --list prints: pages; below each its slides, if it is a deck's, and the nodes directly in it.
struct Entry {
  Guid guid;
  Guid page;
  std::string name;
  fig::NodeType type;
  double width = 0, height = 0;
};
std::vector<Entry> List(const fig::Document& document);

}  // namespace scene
