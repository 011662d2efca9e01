// Real files and hostile ones, which lie beside the source where they are there at all.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <gtest/gtest.h>

#include "fig/document.h"

namespace fig {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The rows of a manifest, a cell per tab. The first row names the columns.
std::vector<std::vector<std::string>> ReadRows(const fs::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, '\t');) rows.back().push_back(cell);
  }
  if (!rows.empty()) rows.erase(rows.begin());
  return rows;
}

const fs::path kCorpus = RENDERSERVER_CORPUS;
const char kAbsent[] = "no corpus of design files beside the source";

const char* Magic(FileKind kind) {
  return kind == FileKind::kDesign ? "fig-kiwi" : kind == FileKind::kJam ? "fig-jam." : "fig-deck";
}

TEST(Corpus, CountsAreThoseOfTheManifest) {
  if (!fs::is_directory(kCorpus)) GTEST_SKIP() << kAbsent;
  const auto rows = ReadRows(kCorpus / "MANIFEST.tsv");
  ASSERT_FALSE(rows.empty());
  for (const auto& row : rows) {
    SCOPED_TRACE(row[1]);
    const std::string input = ReadFile(kCorpus / row[1]);
    Outcome<Document> outcome = Decode(BytesOf(input), Budget{});
    ASSERT_TRUE(outcome.ok()) << outcome.fault().ToString();
    const Document& document = outcome.value();
    EXPECT_EQ(document.zipped ? "zip" : "raw", row[8]);
    EXPECT_EQ(Magic(document.kind), row[9]);
    EXPECT_EQ(std::to_string(document.version), row[10]);
    EXPECT_EQ(std::to_string(document.schema_definitions), row[12]);
    EXPECT_EQ(std::to_string(document.nodes.size()), row[13]);
    EXPECT_EQ(std::to_string(document.blobs.size()), row[14]);
    EXPECT_EQ(std::to_string(document.images.size()), row[15]);
    EXPECT_EQ(document.by_guid.size(), document.nodes.size());
  }
}

std::int64_t PeakMebibytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss >> 10;
}

struct Hostile {
  const char* file;
  const char* word;  // of the fault; "": a fault of the scene, if any
};
constexpr Hostile kHostile[] = {
    {"blob_bad_opcode.fig", ""},
    {"blob_oob.fig", ""},
    {"bomb_zstd_2GiB.fig", "budget"},
    {"chunk_len_overflow.fig", "container"},
    {"control_roundtrip.fig", ""},
    {"deep_nest_50k.fig", ""},
    {"huge_blur.fig", ""},
    {"instance_self.fig", ""},
    {"kiwi_array_count_4G.fig", "message"},
    {"kiwi_truncated.fig", "message"},
    {"nan_transform.fig", ""},
    {"parent_cycle.fig", ""},
    {"schema_recursive_struct.fig", "schema"},
    {"schema_type_oob.fig", "schema"},
    {"self_parent.fig", ""},
    {"string_svg_injection.fig", ""},
    {"zip_image_bomb.fig", ""},
};

TEST(Corpus, HostileFilesEndInTheFaultOfTheirKind) {
  if (!fs::is_directory(kCorpus)) GTEST_SKIP() << kAbsent;
  const std::int64_t before = PeakMebibytes();
  EXPECT_EQ(ReadRows(kCorpus / "nasty" / "MANIFEST.tsv").size(), std::size(kHostile)) << "files that are not tried";
  for (const Hostile& hostile : kHostile) {
    SCOPED_TRACE(hostile.file);
    const std::string input = ReadFile(kCorpus / "nasty" / hostile.file);
    ASSERT_FALSE(input.empty());
    Outcome<Document> outcome = Decode(BytesOf(input), Budget{});
    EXPECT_STREQ(outcome.ok() ? "" : Word(outcome.fault().kind), hostile.word)
        << (outcome.ok() ? "" : outcome.fault().ToString());
  }
  EXPECT_LT(PeakMebibytes() - before, 1024) << "one of them would be 2 GiB, another some more";
}

}  // namespace
}  // namespace fig
