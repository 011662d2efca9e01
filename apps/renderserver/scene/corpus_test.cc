// Real files and hostile ones, which lie beside the source where they are there at all.
#include <cmath>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "scene/build.h"

namespace scene {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = RENDERSERVER_CORPUS;
const char kAbsent[] = "no corpus of design files beside the source";

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A decoded file, with the bytes that it is a view of.
struct File {
  explicit File(const fs::path& path) : bytes(ReadFile(path)), document(fig::Decode(fig::BytesOf(bytes), budget)) {}
  fig::Budget budget;
  std::string bytes;
  fig::Outcome<fig::Document> document;
};

bool IsFinite(const Matrix& m) {
  for (const double value : {m.xx, m.yx, m.xy, m.yy, m.x0, m.y0}) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}
bool IsFinite(const Rect& rect) {
  return std::isfinite(rect.x) && std::isfinite(rect.y) && std::isfinite(rect.width) && std::isfinite(rect.height);
}

// What scene.h promises to those who paint.
void ExpectSound(const Scene& scene) {
  EXPECT_TRUE(IsFinite(scene.region) && !scene.region.empty());
  ASSERT_FALSE(scene.nodes.empty());
  std::size_t reached = 0;
  for (std::size_t i = 0; i < scene.nodes.size(); ++i) {
    const Node& node = scene.nodes[i];
    EXPECT_TRUE(IsFinite(node.transform));
    EXPECT_TRUE(i == 0 ? node.parent == Node::kNone : node.parent < i) << "parents stand before their children";
    for (std::uint32_t child = node.first_child; child != Node::kNone; child = scene.nodes.at(child).next_sibling, ++reached) {
      ASSERT_EQ(scene.nodes.at(child).parent, i);
    }
    for (const auto* shapes : {&node.fills, &node.strokes}) {
      for (const Shape& shape : *shapes) {
        ASSERT_NE(shape.outline, nullptr);
        ASSERT_NE(shape.paints, nullptr);
        EXPECT_FALSE(shape.paints->empty());
        EXPECT_TRUE(IsFinite(shape.to_node) && IsFinite(shape.outline->bounds));
        EXPECT_EQ(shape.outline->commands.at(0), Outline::kMove);
      }
    }
  }
  EXPECT_EQ(reached, scene.nodes.size() - 1) << "every node is somebody's child, once";
}

std::vector<fs::path> RealFiles() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kCorpus)) {
    if (entry.path().extension() == ".fig" || entry.path().extension() == ".deck") files.push_back(entry.path());
  }
  return files;
}

TEST(SceneCorpus, EveryPageOfEveryFileIsSound) {
  if (!fs::is_directory(kCorpus)) GTEST_SKIP() << kAbsent;
  for (const fs::path& path : RealFiles()) {
    SCOPED_TRACE(path.filename());
    const File file(path);
    ASSERT_TRUE(file.document.ok());
    auto thumbnail = Build(file.document.value(), {}, file.budget);
    ASSERT_TRUE(thumbnail.ok()) << thumbnail.fault().ToString();
    EXPECT_GT(thumbnail->nodes.size(), 2U);
    ExpectSound(thumbnail.value());
    for (const Entry& entry : List(file.document.value())) {
      const std::string key = std::to_string(entry.guid.session) + ":" + std::to_string(entry.guid.local);
      auto scene = Build(file.document.value(), {Selection::Kind::kNode, key}, file.budget);
      ASSERT_TRUE(scene.ok()) << key << " " << scene.fault().ToString();
      ExpectSound(scene.value());
    }
  }
}

// Meta has the region that Figma shows, and the same follows from what is drawn: to a pixel, in all but
// the files whose pages have grown since.
TEST(SceneCorpus, RegionsAreThoseThatFigmaFinds) {
  if (!fs::is_directory(kCorpus)) GTEST_SKIP() << kAbsent;
  std::size_t same = 0, all = 0;
  for (const fs::path& path : RealFiles()) {
    File file(path);
    ASSERT_TRUE(file.document.ok());
    if (!file.document->meta.render_coordinates) continue;
    const auto [x, y, width, height] = *file.document->meta.render_coordinates;
    file.document->meta.render_coordinates.reset();
    auto scene = Build(file.document.value(), {}, file.budget);
    ASSERT_TRUE(scene.ok());
    const Rect& region = scene->region;
    const bool near = std::fabs(region.x - x) < 1 && std::fabs(region.y - y) < 1 && std::fabs(region.width - width) < 1 &&
                      std::fabs(region.height - height) < 1;
    ++all;
    same += near ? 1 : 0;
    if (!near) {
      std::printf("%s: %g %g %g %g, and Figma's %g %g %g %g\n", path.filename().c_str(), region.x, region.y, region.width, region.height, x, y,
                  width, height);
    }
  }
  EXPECT_GE(same + 1, all);
}

struct Hostile {
  const char* file;
  const char* word;  // of the fault; "": it is drawn
};
constexpr Hostile kHostile[] = {
    {"blob_bad_opcode.fig", "geometry"},
    {"blob_oob.fig", "geometry"},
    {"control_roundtrip.fig", ""},
    {"deep_nest_50k.fig", "budget"},
    {"huge_blur.fig", ""},
    {"instance_self.fig", "graph"},
    {"nan_transform.fig", "geometry"},
    {"parent_cycle.fig", "graph"},
    {"self_parent.fig", "graph"},
    {"string_svg_injection.fig", ""},
    {"zip_image_bomb.fig", ""},  // whoever decodes the image refuses it
};

TEST(SceneCorpus, HostileFilesEndInTheFaultOfTheirKind) {
  if (!fs::is_directory(kCorpus)) GTEST_SKIP() << kAbsent;
  for (const Hostile& hostile : kHostile) {
    SCOPED_TRACE(hostile.file);
    const File file(kCorpus / "nasty" / hostile.file);
    ASSERT_TRUE(file.document.ok()) << "the decoder's tests say which are refused before";
    auto scene = Build(file.document.value(), {}, file.budget);
    EXPECT_STREQ(scene.ok() ? "" : Word(scene.fault().kind), hostile.word);
    if (scene.ok()) ExpectSound(scene.value());
  }
}

}  // namespace
}  // namespace scene
