#include "figgen/builder.h"

#include <cmath>
#include <cstdio>
#include <numbers>

#include "figgen/encode.h"
#include "figgen/picture.h"
#include "figgen/schema_text.h"

namespace figgen {
namespace {

constexpr unsigned kSession = 1;

Object GuidOf(std::size_t local) { return Object().Set("sessionID", kSession).Set("localID", local); }

// Ascending as bytes; the first is what real files have.
std::string Position(std::size_t index) {
  constexpr std::size_t kDigits = 90;
  const auto digit = [](std::size_t value) { return static_cast<char>('!' + value); };
  return {digit(index / kDigits), digit(index % kDigits)};
}

Object PathOf(std::size_t blob, const char* winding, unsigned style_id) {
  return Object().Set("windingRule", winding).Set("commandsBlob", blob).Set("styleID", style_id);
}

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.9g", value);
  return text;
}

}  // namespace

Node Node::Add(std::string_view type, std::string_view name) {
  Sketch::State& parent = sketch_->nodes_[index_];
  const std::size_t index = sketch_->nodes_.size();
  sketch_->nodes_.emplace_back();
  Node child(sketch_, index);
  child.Set("guid", GuidOf(index)).Set("phase", "CREATED");
  child.Set("parentIndex", Object().Set("guid", Guid()).Set("position", Position(parent.children++)));
  child.Set("type", type).Set("name", name).Set("visible", true).Set("opacity", 1);
  if (type != "CANVAS") child.Size(100, 100).At(0, 0);
  return child;
}

Object& Node::change() { return sketch_->nodes_[index_].change; }
const Object& Node::change() const { return sketch_->nodes_[index_].change; }
Object Node::Guid() const { return GuidOf(index_); }

Node& Node::Set(std::string_view field, Value value) {
  change().Set(field, std::move(value));
  return *this;
}

Node& Node::Transform(const Affine& matrix) { return Set("transform", MatrixOf(matrix)); }
Node& Node::At(double x, double y) { return Transform({1, 0, x, 0, 1, y}); }
Node& Node::Turned(double x, double y, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
  return Transform({cosine, -sine, x, sine, cosine, y});
}
Node& Node::Size(double width, double height) { return Set("size", VectorOf(width, height)); }

Node& Node::AppendTo(const char* field, Object element) {
  if (change().Get(field) == nullptr) Set(field, List());
  change().Get(field)->list().push_back(std::move(element));
  return *this;
}

Node& Node::Box(double width, double height, double radius) {
  Outlined(width, height, Outline().RoundedBox(0, 0, width, height, radius));
  if (radius > 0) Set("cornerRadius", radius);
  sketch_->nodes_[index_].shape = [=](double by) {
    return Outline().RoundedBox(-by, -by, width + 2 * by, height + 2 * by, radius > 0 ? radius + by : 0);
  };
  return *this;
}

Node& Node::Oval(double width, double height) {
  Outlined(width, height, Outline().Oval(0, 0, width, height));
  sketch_->nodes_[index_].shape = [=](double by) {
    return Outline().Oval(-by, -by, width + 2 * by, height + 2 * by);
  };
  return *this;
}

Node& Node::Polygon(double width, double height, const std::vector<Point>& corners) {
  Outlined(width, height, Outline().Polygon(corners));
  sketch_->nodes_[index_].shape = [=](double by) { return Outline().Polygon(Grown(corners, by)); };
  return *this;
}

Node& Node::Outlined(double width, double height, const Outline& outline, const char* winding) {
  return Size(width, height).Set("fillGeometry", List()).FillPath(outline, winding, 0);
}

Node& Node::Fill(Object paint) { return AppendTo("fillPaints", std::move(paint)); }
Node& Node::Effect(Object effect) { return AppendTo("effects", std::move(effect)); }
Node& Node::FillPath(const Outline& outline, const char* winding, unsigned style_id) {
  return AppendTo("fillGeometry", PathOf(sketch_->AddBlob(outline.blob()), winding, style_id));
}
Node& Node::StrokePath(const Outline& outline, const char* winding) {
  return AppendTo("strokeGeometry", PathOf(sketch_->AddBlob(outline.blob()), winding, 0));
}

Node& Node::Stroke(Object paint, double weight, const char* align) {
  const bool centred = std::string_view(align) == "CENTER";
  const double half = centred ? weight / 2 : weight;
  const auto& shape = sketch_->nodes_[index_].shape;
  StrokePath(shape(half).Append(shape(-half)), "ODD");
  AppendTo("strokePaints", std::move(paint));
  return Set("strokeWeight", weight).Set("strokeAlign", align);
}

Sketch::Sketch(std::string name) : name_(std::move(name)) {
  nodes_.emplace_back();
  document().Set("guid", GuidOf(0)).Set("phase", "CREATED").Set("type", "DOCUMENT").Set("name", "Document");
  document().Set("visible", true).Set("opacity", 1).Transform({});
}

Node Sketch::internal_page() {
  if (!internal_page_) {
    internal_page_ = nodes_.size();
    Page("Internal Only Canvas").Set("internalOnly", true).Set("visible", false);
  }
  return Node(this, *internal_page_);
}

std::size_t Sketch::AddBlob(const std::string& bytes) {
  const auto [at, fresh] = blob_numbers_.emplace(bytes, blobs_.size());
  if (fresh) blobs_.push_back(bytes);
  return at->second;
}

std::string Sketch::AddImage(const std::string& bytes) {
  std::string hash = Sha1(bytes);
  images_[ToHex(hash)] = bytes;
  return hash;
}

void Sketch::ShowRegion(double x, double y, double width, double height) { region_ = {x, y, width, height}; }

Object Sketch::Message() const {
  List changes, blobs;
  for (const State& state : nodes_) changes.push_back(state.change);
  for (const std::string& blob : blobs_) blobs.push_back(Object().Set("bytes", blob));
  Object message;
  message.Set("type", "NODE_CHANGES").Set("sessionID", kSession).Set("pasteID", -1);
  return message.Set("nodeChanges", changes).Set("blobs", blobs);
}

std::string Sketch::Meta() const {
  std::string client = R"("background_color":{"r":1.0,"g":1.0,"b":1.0,"a":1.0})";
  if (region_) {
    const auto& [x, y, width, height] = *region_;
    client += R"(,"thumbnail_size":{"width":400,"height":400},"render_coordinates":{"x":)" + Number(x) + R"(,"y":)" +
              Number(y) + R"(,"width":)" + Number(width) + R"(,"height":)" + Number(height) + "}";
  }
  return R"({"client_meta":{)" + client + R"(},"file_name":")" + name_ + R"(","developer_related_links":[]})";
}

std::string Sketch::Pack(const Packing& packing) const {
  const std::string message = Encode(OwnSchema(), "Message", Message());
  std::vector<std::string> chunks = {
      Deflate(EncodeSchema(OwnSchema())),
      packing.compression == Packing::Compression::kZstd ? Zstd(message) : Deflate(message)};
  const bool zipped = packing.form == Packing::Form::kZip;
  if (!zipped && !thumbnail_.empty()) chunks.push_back(thumbnail_);
  const std::string canvas = Canvas(packing.magic, packing.version, chunks);
  if (!zipped) return canvas;
  std::vector<ZipFile> files = {{"canvas.fig", canvas}, {"meta.json", Meta(), ZipFile::Method::kDeflated}};
  if (!thumbnail_.empty()) files.push_back({"thumbnail.png", thumbnail_});
  if (!images_.empty()) files.push_back({"images/", ""});
  for (const auto& [hash, bytes] : images_) files.push_back({"images/" + hash, bytes});
  return Zip(files);
}

}  // namespace figgen
