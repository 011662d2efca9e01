// Documents by hand, and what becomes of them, for tests.
#pragma once

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "figgen/pack.h"
#include "scene/build.h"

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

// A PNG whose last pixel has that alpha and all others 200, every line filtered alike.
inline std::string Png(std::uint32_t width, std::uint32_t height, std::size_t channels, std::uint8_t type, std::uint8_t last,
                       std::uint8_t filter = 0) {
  const auto word = [](std::size_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  const auto chunk = [&](const std::string& name, const std::string& body) { return word(body.size()) + name + body + word(0); };
  const std::size_t line = width * channels;
  std::vector<std::uint8_t> now(line, 200), above(line, 0);
  std::string lines;
  for (std::uint32_t y = 0; y < height; ++y) {
    if (y + 1 == height) now.back() = last;
    lines += static_cast<char>(filter);
    for (std::size_t i = 0; i < line; ++i) {
      const int left = i >= channels ? now[i - channels] : 0, up = above[i], corner = i >= channels ? above[i - channels] : 0;
      const int guess = left + up - corner, a = std::abs(guess - left), b = std::abs(guess - up), c = std::abs(guess - corner);
      const int guesses[] = {0, left, up, (left + up) / 2, a <= b && a <= c ? left : b <= c ? up : corner, 0};
      lines += static_cast<char>(now[i] - guesses[filter]);
    }
    above = now;
  }
  const std::string header = word(width) + word(height) + '\x08' + static_cast<char>(type) + std::string(3, '\0');
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", "\x78\x9c" + figgen::Deflate(lines)) + chunk("IEND", "");
}

class BuildTest : public ::testing::Test {
 protected:
  Scene Built(const Selection& selection = {}) {
    auto scene = Build(maker_.document(), selection, budget_);
    EXPECT_TRUE(scene.ok()) << scene.fault().ToString();
    return scene.ok() ? std::move(scene.value()) : Scene{};
  }
  fig::FaultClass Refused(const Selection& selection = {}) {
    auto scene = Build(maker_.document(), selection, budget_);
    EXPECT_FALSE(scene.ok());
    return scene.ok() ? fig::FaultClass::kOutput : scene.fault().kind;
  }
  // The nodes in paint order, by the local part of their guid.
  std::vector<std::uint32_t> Drawn() {
    std::vector<std::uint32_t> ids;
    const Scene scene = Built();
    for (std::size_t i = 1; i < scene.nodes.size(); ++i) ids.push_back(scene.nodes[i].guid.local);
    return ids;
  }
  static const Node& Find(const Scene& scene, std::uint32_t id) {
    for (const Node& node : scene.nodes) {
      if (node.guid == Id(id)) return node;
    }
    ADD_FAILURE() << "node " << id << " is not drawn";
    return scene.nodes[0];
  }

  Maker maker_;
  fig::Budget budget_;
};

}  // namespace scene::testing
