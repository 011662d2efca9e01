// A design file, built node by node.
//
//   Sketch sketch("demo");
//   Node page = sketch.Page("Page 1");
//   page.Add("ROUNDED_RECTANGLE", "box").At(10, 10).Box(80, 40, 8).Fill(Solid(Rgb(0x3366CC)));
//   std::string file = sketch.Pack({});
//
// A Node refers to its Sketch, which must outlive it. Not for several threads.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "figgen/outline.h"
#include "figgen/pack.h"
#include "figgen/paints.h"
#include "figgen/value.h"

namespace figgen {

class Sketch;

class Node {
 public:
  Node Add(std::string_view type, std::string_view name);

  Node& Set(std::string_view field, Value value);
  Node& At(double x, double y);
  Node& Turned(double x, double y, double degrees);  // clockwise on the screen
  Node& Transform(const Affine& matrix);
  Node& Size(double width, double height);

  // Size and fill geometry, and what Stroke() goes around.
  Node& Box(double width, double height, double radius = 0);
  Node& Oval(double width, double height);
  Node& Polygon(double width, double height, const std::vector<Point>& corners);  // convex if stroked
  Node& Outlined(double width, double height, const Outline& outline, const char* winding = "NONZERO");

  // Append to the lists of the node.
  Node& Fill(Object paint);
  Node& Effect(Object effect);
  Node& FillPath(const Outline& outline, const char* winding, unsigned style_id);
  Node& StrokePath(const Outline& outline, const char* winding = "NONZERO");
  // A closed outline of the shape above; of INSIDE and OUTSIDE twice as wide, as in the files.
  Node& Stroke(Object paint, double weight, const char* align = "CENTER");

  Object Guid() const;
  Object& change();
  const Object& change() const;
  Sketch& sketch() const { return *sketch_; }

 private:
  friend class Sketch;
  Node(Sketch* sketch, std::size_t index) : sketch_(sketch), index_(index) {}
  Node& AppendTo(const char* field, Object element);

  Sketch* sketch_;
  std::size_t index_;
};

struct Packing {
  enum class Form : std::uint8_t { kRaw, kZip } form = Form::kZip;
  enum class Compression : std::uint8_t { kDeflate, kZstd } compression = Compression::kZstd;
  std::string magic = "fig-kiwi";
  std::uint32_t version = 106;
};

class Sketch {
 public:
  explicit Sketch(std::string name);

  Node Page(std::string_view name) { return document().Add("CANVAS", name); }
  Node document() { return Node(this, 0); }
  Node internal_page();  // where shared styles live; made when first asked for

  std::size_t AddBlob(const std::string& bytes);   // the same bytes, the same number
  std::string AddImage(const std::string& bytes);  // its hash, 20 bytes
  void ShowRegion(double x, double y, double width, double height);  // what a thumbnail shows
  void SetThumbnail(std::string png) { thumbnail_ = std::move(png); }

  Object Message() const;
  std::string Meta() const;
  std::string Pack(const Packing& packing) const;

 private:
  friend class Node;
  struct State {
    Object change;
    std::size_t children = 0;
    std::function<Outline(double grown)> shape;
  };

  std::string name_;
  std::deque<State> nodes_;
  std::vector<std::string> blobs_;
  std::map<std::string, std::size_t> blob_numbers_;
  std::map<std::string, std::string> images_;  // by hash in hexadecimal
  std::optional<std::array<double, 4>> region_;
  std::optional<std::size_t> internal_page_;
  std::string thumbnail_;
};

}  // namespace figgen
