// Whole files: containers, chunks, nodes, and what is wrong with them.
#include "fig/document.h"

#include "fig/testing.h"
#include "figgen/picture.h"
#include "figgen/samples.h"

namespace fig {
namespace {

using figgen::List;
using figgen::Object;
using figgen::Packing;

const std::string kHash(40, 'a');

std::string Packed(const std::string& sample) {
  const auto samples = figgen::AllSamples();
  return figgen::Write(*figgen::FindSample(samples, sample));
}

std::string GoodCanvas() { return Packed("image-blob"); }  // a raw file

TEST(Document, EverySampleIsDecoded) {
  for (const figgen::Sample& sample : figgen::AllSamples()) {
    SCOPED_TRACE(sample.name);
    const std::string file = figgen::Write(sample);
    Outcome<Document> outcome = Decode(BytesOf(file), Budget{});
    ASSERT_TRUE(outcome.ok()) << outcome.fault().ToString();
    EXPECT_EQ(outcome->zipped, file.substr(0, 2) == "PK");
    EXPECT_EQ(outcome->schema_definitions, figgen::OwnSchema().definitions.size());
    ASSERT_FALSE(outcome->nodes.empty());
    EXPECT_EQ(outcome->nodes[0].type, NodeType::kDocument);
    if (sample.draw == nullptr) continue;
    const Object message = sample.draw(sample.name).Message();
    EXPECT_EQ(outcome->nodes.size(), message.Get("nodeChanges")->list().size() - (sample.name == "unseen" ? 1 : 0));
    EXPECT_EQ(outcome->blobs.size(), message.Get("blobs")->list().size());
  }
}

TEST(Document, TheSamePictureHoweverItIsPacked) {
  const auto samples = figgen::AllSamples();
  const figgen::Sketch sketch = figgen::FindSample(samples, "poster")->draw("poster");
  const std::size_t nodes = sketch.Message().Get("nodeChanges")->list().size();
  for (const auto form : {Packing::Form::kRaw, Packing::Form::kZip}) {
    for (const auto compression : {Packing::Compression::kDeflate, Packing::Compression::kZstd}) {
      for (const auto& [magic, kind] : {std::pair{"fig-kiwi", FileKind::kDesign}, {"fig-jam.", FileKind::kJam},
                                        {"fig-deck", FileKind::kDeck}}) {
        const std::string file = sketch.Pack({form, compression, magic, 77});
        Outcome<Document> outcome = Decode(BytesOf(file), Budget{});
        ASSERT_TRUE(outcome.ok()) << outcome.fault().ToString();
        EXPECT_EQ(outcome->kind, kind);
        EXPECT_EQ(outcome->version, 77u);
        EXPECT_EQ(outcome->nodes.size(), nodes);
        EXPECT_EQ(outcome->images.size(), form == Packing::Form::kZip ? 1u : 0u);
        EXPECT_EQ(outcome->file_name, form == Packing::Form::kZip ? "poster" : "");
        EXPECT_EQ(outcome->meta.render_coordinates.has_value(), form == Packing::Form::kZip);
      }
    }
  }
}

TEST(Document, TheThumbnailOfBothForms) {
  const auto samples = figgen::AllSamples();
  const figgen::Sketch sketch = figgen::FindSample(samples, "thumbnail")->draw("thumbnail");
  for (const auto form : {Packing::Form::kRaw, Packing::Form::kZip}) {
    const std::string file = sketch.Pack({form});
    Outcome<Document> outcome = Decode(BytesOf(file), Budget{});
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome->thumbnail.text().substr(1, 3), "PNG");
  }
}

TEST(Document, BlobsAndImagesAreViews) {
  const std::string file = Packed("images");
  Outcome<Document> outcome = Decode(BytesOf(file), Budget{});
  ASSERT_TRUE(outcome.ok());
  const Bytes image = outcome->images.begin()->second;
  EXPECT_EQ(figgen::ToHex(figgen::Sha1(image.text())), outcome->images.begin()->first);
  EXPECT_TRUE(image.data > BytesOf(file).data && image.data < BytesOf(file).data + file.size()) << "stored: not copied";
  const Document moved = std::move(outcome.value());
  EXPECT_EQ(moved.blobs.at(0).data[0], 1) << "a move, still there after the document has moved";
}

TEST(Document, NotADesignFile) {
  const std::string canvas = GoodCanvas();
  for (const std::string& file : {std::string(), std::string("P"), std::string("\x89PNG\r\n\x1A\n............"),
                                  canvas.substr(0, 11), "fig-kiwI" + canvas.substr(8), "FIG-KIWI" + canvas.substr(8),
                                  figgen::Zip({{"meta.json", "{}"}}), figgen::Zip({{"x/canvas.fig", canvas}}),
                                  figgen::Zip({{"../canvas.fig", canvas}}), figgen::Zip({{"canvas.fig", "text"}}),
                                  figgen::Zip({{"canvas.fig", figgen::Zip({{"canvas.fig", canvas}})}})}) {
    EXPECT_EQ(DecodedWord(file), "not-a-design-file") << file.substr(0, 12);
  }
  EXPECT_EQ(DecodedWord("PK"), "container");
}

TEST(Document, Chunks) {
  const std::string schema = figgen::Deflate(figgen::EncodeSchema(figgen::OwnSchema()));
  const std::string message = figgen::Deflate(std::string(1, '\0'));
  const std::string png = figgen::Png(3, 3, [](auto, auto) { return figgen::Pixel{}; });
  const auto word = [](const std::vector<std::string>& chunks) { return DecodedWord(figgen::Canvas("fig-kiwi", 9, chunks)); };
  EXPECT_EQ(word({schema, message}), "");
  EXPECT_EQ(word({schema, message, png}), "");
  EXPECT_EQ(word({schema, message, png, "a chunk of the future"}), "");
  EXPECT_EQ(word({schema, message, "no picture"}), "") << "then it has no thumbnail";
  EXPECT_EQ(word({}), "container");
  EXPECT_EQ(word({schema}), "container");
  EXPECT_EQ(word({"", ""}), "compression");
  EXPECT_EQ(word({schema, png}), "container") << "to deflate, a PNG is 20,048 bytes of something";
  EXPECT_EQ(word({message, schema}), "schema");
  EXPECT_EQ(word({figgen::Zstd(figgen::EncodeSchema(figgen::OwnSchema())), message}), "");
  const std::string canvas = figgen::Canvas("fig-kiwi", 9, {schema, message});
  EXPECT_EQ(DecodedWord(canvas + "xy"), "container") << "a length is four bytes";
  EXPECT_EQ(DecodedWord(canvas + std::string(4, '\xFF')), "container");
}

TEST(Document, EntriesOfAZip) {
  const std::string canvas = GoodCanvas();
  using figgen::Zip;
  EXPECT_EQ(DecodedWord(Zip({{"canvas.fig", canvas}})), "");
  EXPECT_EQ(DecodedWord(Zip({{"canvas.fig", canvas, figgen::ZipFile::Method::kDeflated}})), "");
  EXPECT_EQ(DecodedWord(Zip({{"canvas.fig", canvas}, {"../../etc/passwd", "x"}, {"/a", "y"}, {"images/..", "z"}})), "");
  const std::string twice = Zip({{"canvas.fig", canvas}, {"canvas.fig", canvas}});
  EXPECT_EQ(DecodedWord(twice), "container");
  EXPECT_EQ(Decode(BytesOf(twice), Budget{}).fault().offset, twice.find("PK\3\4", 4));
  EXPECT_EQ(DecodedWord(Zip({{"canvas.fig", canvas}, {"images/" + kHash, "a"}, {"images/" + kHash, "b"}})), "container");
  EXPECT_EQ(DecodedWord(Zip({{"canvas.fig", canvas}, {"meta.json", "{"}})), "message");
  EXPECT_EQ(DecodedWord(Zip({{"canvas.fig", canvas}, {"meta.json", std::string(100'000, '[')}})), "budget");
}

TEST(Document, NamesOfImagesAreHashesAndNothingElse) {
  const std::string file = figgen::Zip({{"canvas.fig", GoodCanvas()}, {"images/", ""}, {"images/" + kHash, "a"},
      {"images/" + std::string(40, 'A'), "b"}, {"images/" + kHash + "a", "c"}, {"images/../" + kHash.substr(3), "d"},
      {"images/" + kHash.substr(1), "e"}, {"Images/" + kHash, "f"}});
  Outcome<Document> outcome = Decode(BytesOf(file), Budget{});
  ASSERT_TRUE(outcome.ok()) << outcome.fault().ToString();
  ASSERT_EQ(outcome->images.size(), 1u);
  EXPECT_EQ(outcome->images.at(kHash).text(), "a");
}

TEST(Document, SizesHaveBudgets) {
  const std::string file = Packed("images");
  Budget budget;
  budget.input_bytes = file.size();
  EXPECT_EQ(DecodedWord(file, budget), "");
  budget.input_bytes = file.size() - 1;
  EXPECT_EQ(DecodedWord(file, budget), "budget");
  budget = {};
  budget.inflated_bytes = 1'000;
  EXPECT_EQ(DecodedWord(file, budget), "budget");
}

// Many entries, each of which is within what one may be.
TEST(Document, AllImagesTogetherHaveABudget) {
  std::vector<figgen::ZipFile> files = {{"canvas.fig", GoodCanvas()}};
  for (char c = 'a'; c <= 'f'; ++c) {
    files.push_back({"images/" + std::string(40, c), std::string(900'000, c), figgen::ZipFile::Method::kDeflated});
  }
  Budget budget;
  EXPECT_EQ(DecodedWord(figgen::Zip(files), budget), "");
  budget.inflated_total_bytes = 5'000'000;
  EXPECT_EQ(DecodedWord(figgen::Zip(files), budget), "budget");
}

std::string FileOfNodes(List nodes) {
  return RawFile(figgen::EncodeSchema(figgen::OwnSchema()),
                 figgen::Encode(figgen::OwnSchema(), "Message", Object().Set("nodeChanges", std::move(nodes))));
}
Object NodeOf(unsigned local, const char* name) {
  return Object().Set("guid", Object().Set("sessionID", 1).Set("localID", local)).Set("name", name);
}

TEST(Document, TheLaterOfTwoNodesHolds) {
  const std::string file = FileOfNodes({NodeOf(1, "first"), NodeOf(2, "second"), NodeOf(1, "third")});
  Outcome<Document> outcome = Decode(BytesOf(file), Budget{});
  ASSERT_TRUE(outcome.ok());
  ASSERT_EQ(outcome->nodes.size(), 2u);
  EXPECT_EQ(outcome->nodes[0].name, "third");
  EXPECT_EQ(outcome->by_guid.at(Guid{1, 2}), 1u);
}

TEST(Document, NodesWithoutAGuid) {
  EXPECT_EQ(DecodedWord(FileOfNodes({Object().Set("name", "a")})), "graph");
  EXPECT_EQ(DecodedWord(FileOfNodes({Object().Set("guid", Object().Set("sessionID", 0xFFFFFFFFu).Set("localID", 1))})), "graph");
  EXPECT_EQ(DecodedWord(FileOfNodes({Object().Set("phase", "REMOVED")})), "") << "nobody misses it";
  EXPECT_EQ(DecodedWord(FileOfNodes({})), "") << "no nodes: the scene's business";
}

}  // namespace
}  // namespace fig
