#include "fig/meta.h"

#include "fig/testing.h"

namespace fig {
namespace {

std::string MetaWord(const std::string& json) { return WordOf(ParseMeta(BytesOf(json))); }

TEST(Meta, WhatAThumbnailShows) {
  const std::string json = R"({"client_meta":{"background_color":{"r":0.5,"g":0,"b":1,"a":0.25},
    "thumbnail_size":{"width":400,"height":234},
    "render_coordinates":{"x":-10,"y":2.5,"width":300,"height":1e2}},
    "file_name":"Fen\u00eatre","developer_related_links":[{"x":1}],"exported_at":"2025-01-01T00:00:00Z"})";
  auto meta = ParseMeta(BytesOf(json));
  ASSERT_TRUE(meta.ok()) << meta.fault().ToString();
  EXPECT_EQ(meta->file_name, "Fen\xC3\xAAtre");
  EXPECT_EQ(meta->meta.render_coordinates, (std::array<double, 4>{-10, 2.5, 300, 100}));
  EXPECT_EQ(meta->meta.thumbnail_size, (std::array<double, 2>{400, 234}));
  ASSERT_TRUE(meta->meta.background.has_value());
  EXPECT_EQ(meta->meta.background->r, 0.5f);
  EXPECT_EQ(meta->meta.background->a, 0.25f);
}

TEST(Meta, WhatIsNotThere) {
  auto meta = ParseMeta(BytesOf(R"({"file_name":"a","x":{"client_meta":{"thumbnail_size":{"width":1}}},
    "client_meta":{"arrays":[{"thumbnail_size":{"width":2}}],"render_coordinates":null}})"));
  ASSERT_TRUE(meta.ok());
  EXPECT_FALSE(meta->meta.thumbnail_size || meta->meta.render_coordinates || meta->meta.background);
  EXPECT_EQ(MetaWord("{}"), "");
  EXPECT_EQ(MetaWord("17"), "");
}

TEST(Meta, NotJson) {
  for (const char* json : {"{", "", "{\"a\":1}x", "{\"a\":\xFF}", "[1e999]", "\xEF\xBB", "nul", "\"\\ud800\""}) {
    EXPECT_EQ(MetaWord(json), "message") << json;
  }
}

TEST(Meta, DepthHasABudget) {
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 1'000'000; ++i) deep += open;
    EXPECT_EQ(MetaWord(deep), "budget");
  }
}

}  // namespace
}  // namespace fig
