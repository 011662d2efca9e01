// Documents by hand, for tests.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "fig/document.h"

namespace scene::testing {

inline fig::Guid Id(std::uint32_t local) { return {1, local}; }

// A document with one page (1:1); nodes are added below what they name.
class Maker {
 public:
  Maker() {
    Add(0, fig::NodeType::kDocument, 0);
    Add(1, fig::NodeType::kCanvas, 0);
  }
  // `parent` == `id`: nobody. The position follows the order of the calls.
  fig::NodeChange& Add(std::uint32_t id, fig::NodeType type, std::uint32_t parent) {
    fig::NodeChange node;
    node.guid = Id(id);
    if (parent != id) node.parent = Id(parent);
    node.position = std::string(1, static_cast<char>('!' + document_.nodes.size()));
    node.type = type;
    document_.by_guid[*node.guid] = static_cast<std::uint32_t>(document_.nodes.size());
    document_.nodes.push_back(std::move(node));
    return document_.nodes.back();
  }
  // A rectangle of one colour at x, y.
  fig::NodeChange& Box(std::uint32_t id, std::uint32_t parent, float x, float y, float width, float height) {
    fig::NodeChange& node = Add(id, fig::NodeType::kRoundedRectangle, parent);
    node.size = fig::Vector{width, height};
    node.transform = fig::Matrix{1, 0, x, 0, 1, y};
    node.fill_paints = {Solid(1, 0, 0)};
    return node;
  }
  fig::NodeChange& At(std::uint32_t id) { return document_.nodes[document_.by_guid.at(Id(id))]; }
  static fig::Paint Solid(float r, float g, float b) {
    fig::Paint paint;
    paint.colour = {r, g, b, 1};
    return paint;
  }
  // A blob of path commands: {opcode, coordinates...}.
  std::uint32_t Blob(const std::vector<std::vector<float>>& commands) {
    std::string bytes;
    for (const auto& command : commands) {
      bytes += static_cast<char>(static_cast<int>(command[0]));
      for (std::size_t i = 1; i < command.size(); ++i) {
        char word[4];
        std::memcpy(word, &command[i], 4);
        bytes.append(word, 4);
      }
    }
    return Raw(bytes);
  }
  std::uint32_t Raw(const std::string& bytes) {
    kept_.push_back(std::make_shared<std::string>(bytes));
    document_.blobs.push_back(fig::BytesOf(*kept_.back()));
    return static_cast<std::uint32_t>(document_.blobs.size() - 1);
  }
  fig::Document& document() { return document_; }

 private:
  fig::Document document_;
  std::vector<std::shared_ptr<std::string>> kept_;
};

}  // namespace scene::testing
