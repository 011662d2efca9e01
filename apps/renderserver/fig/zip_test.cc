#include "fig/zip.h"

#include <functional>

#include "fig/testing.h"

namespace fig {
namespace {

using figgen::ZipFile;

const std::vector<ZipFile> kTwo = {{"a.txt", "stored content"},
                                   {"folder/b.txt", std::string(500, 'b'), ZipFile::Method::kDeflated}};

// Where things are in a file that figgen::Zip() wrote.
std::size_t EndOf(const std::string& zip) { return zip.size() - 22; }
std::size_t DirectoryOf(const std::string& zip) { return Load32(BytesOf(zip), EndOf(zip) + 16); }
std::size_t SecondRecordOf(const std::string& zip) { return DirectoryOf(zip) + 46 + 5; }

void Put16(std::string* zip, std::size_t at, unsigned value) {
  (*zip)[at] = static_cast<char>(value);
  (*zip)[at + 1] = static_cast<char>(value >> 8);
}
void Put32(std::string* zip, std::size_t at, unsigned value) {
  Put16(zip, at, value);
  Put16(zip, at + 2, value >> 16);
}

std::string DirectoryWord(const std::string& zip, const Budget& budget = {}) {
  return WordOf(ReadZipDirectory(BytesOf(zip), budget));
}

std::string ContentWord(const std::string& zip, std::size_t index) {
  const Budget budget;
  InflateBudget inflate(budget);
  Storage storage;
  const auto entries = ReadZipDirectory(BytesOf(zip), budget);
  return entries.ok() ? WordOf(ReadZipEntry(entries.value()[index], Checksum::kVerify, &inflate, &storage)) : "directory";
}

TEST(Zip, EntriesAndTheirContent) {
  const std::string zip = figgen::Zip(kTwo);
  const Budget budget;
  auto entries = ReadZipDirectory(BytesOf(zip), budget);
  ASSERT_TRUE(entries.ok()) << entries.fault().ToString();
  ASSERT_EQ(entries->size(), 2u);
  InflateBudget inflate(budget);
  Storage storage;
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(entries.value()[i].name, kTwo[i].name);
    auto content = ReadZipEntry(entries.value()[i], Checksum::kVerify, &inflate, &storage);
    ASSERT_TRUE(content.ok()) << content.fault().ToString();
    EXPECT_EQ(content->text(), kTwo[i].content);
  }
  const Bytes stored = entries.value()[0].stored;
  EXPECT_EQ(stored.data, BytesOf(zip).data + 30 + 5) << "what is stored is not copied";
}

TEST(Zip, ACommentAtTheEnd) {
  std::string zip = figgen::Zip(kTwo);
  Put16(&zip, EndOf(zip) + 20, 9);
  EXPECT_EQ(DirectoryWord(zip), "container") << "the comment is not there";
  zip += "a comment";
  EXPECT_EQ(DirectoryWord(zip), "");
  EXPECT_EQ(DirectoryWord(zip + "x"), "container");
}

TEST(Zip, CutOffAnywhere) {
  const std::string zip = figgen::Zip(kTwo);
  for (std::size_t size = 0; size < zip.size(); ++size) EXPECT_EQ(DirectoryWord(zip.substr(0, size)), "container") << size;
}

struct Change {
  const char* what;
  std::function<void(std::string*)> make;
  const char* word = "container";
};

TEST(Zip, ADirectoryThatLies) {
  const std::string zip = figgen::Zip(kTwo);
  const std::size_t end = EndOf(zip), first = DirectoryOf(zip), second = SecondRecordOf(zip);
  const Change changes[] = {
      {"another volume", [=](std::string* z) { Put16(z, end + 4, 1); }},
      {"more entries than it says", [=](std::string* z) { Put16(z, end + 8, 3); Put16(z, end + 10, 3); }},
      {"entries on another volume", [=](std::string* z) { Put16(z, end + 8, 1); }},
      {"64 bits: entries", [=](std::string* z) { Put32(z, end + 8, 0xFFFFFFFF); }},
      {"64 bits: size", [=](std::string* z) { Put32(z, end + 12, 0xFFFFFFFF); }},
      {"64 bits: place", [=](std::string* z) { Put32(z, end + 16, 0xFFFFFFFF); }},
      {"64 bits: stored size", [=](std::string* z) { Put32(z, first + 20, 0xFFFFFFFF); }},
      {"64 bits: inflated size", [=](std::string* z) { Put32(z, first + 24, 0xFFFFFFFF); }},
      {"64 bits: header", [=](std::string* z) { Put32(z, first + 42, 0xFFFFFFFF); }},
      {"a directory beyond its end", [=](std::string* z) { Put32(z, end + 16, static_cast<unsigned>(end)); }},
      {"a directory at zero", [=](std::string* z) { Put32(z, end + 16, 0); }},
      {"no record", [=](std::string* z) { Put32(z, first, 0); }},
      {"a name beyond the directory", [=](std::string* z) { Put16(z, first + 28, 0xFFFF); }},
      {"an extra field beyond it", [=](std::string* z) { Put16(z, second + 30, 1); }},
      {"a comment beyond it", [=](std::string* z) { Put16(z, second + 32, 0xFFFF); }},
      {"an entry on another volume", [=](std::string* z) { Put16(z, second + 34, 1); }},
      {"a header in the directory", [=](std::string* z) { Put32(z, second + 42, static_cast<unsigned>(first)); }},
      {"a header in the content", [=](std::string* z) { Put32(z, second + 42, 20); }},
      {"two entries at one place", [=](std::string* z) { Put32(z, second + 42, 0); }},
      {"content into the next entry", [=](std::string* z) { Put32(z, first + 20, 40); }},
      {"content into the directory", [=](std::string* z) { Put32(z, second + 20, 4000); }},
      {"no header", [=](std::string* z) { Put32(z, 0, 0x04034b51); }},
      {"another name in the header", [=](std::string* z) { (*z)[30] = 'x'; }},
      {"another length of it", [=](std::string* z) { Put16(z, 26, 4); }},
  };
  ASSERT_EQ(DirectoryWord(zip), "");
  for (const Change& change : changes) {
    std::string changed = zip;
    change.make(&changed);
    EXPECT_EQ(DirectoryWord(changed), change.word) << change.what;
  }
}

// The bomb of many entries over the same bytes: the second's header lies in the content of the first.
TEST(Zip, EntriesInEntries) {
  const std::string inner = figgen::Zip({{"b", "bb"}});
  std::string zip = figgen::Zip({{"a", inner}, {"b", "bb"}});
  ASSERT_EQ(DirectoryWord(zip), "");
  Put32(&zip, DirectoryOf(zip) + 46 + 1 + 42, 30 + 1);
  EXPECT_EQ(DirectoryWord(zip), "container");
}

TEST(Zip, AnEntryThatLies) {
  const std::string zip = figgen::Zip(kTwo);
  const std::size_t first = DirectoryOf(zip), second = SecondRecordOf(zip);
  const Change changes[] = {
      {"encrypted", [=](std::string* z) { (*z)[second + 8] = '\x09'; }},
      {"strongly encrypted", [=](std::string* z) { (*z)[second + 8] = '\x40'; }},
      {"masked", [=](std::string* z) { (*z)[second + 9] = '\x28'; }},
      {"another method", [=](std::string* z) { Put16(z, second + 10, 12); }},
      {"stored, of two sizes", [=](std::string* z) { Put16(z, second + 10, 0); }},
      {"wrong checksum", [=](std::string* z) { Put16(z, second + 16, 0x1234); }},
      {"shorter than said", [=](std::string* z) { Put32(z, second + 24, 501); }, "compression"},
      {"longer than said", [=](std::string* z) { Put32(z, second + 24, 499); }, "compression"},
      {"a bomb", [=](std::string* z) { Put32(z, second + 24, 0xFFFFFFFE); }, "budget"},
  };
  ASSERT_EQ(ContentWord(zip, 1), "");
  for (const Change& change : changes) {
    std::string changed = zip;
    change.make(&changed);
    EXPECT_EQ(ContentWord(changed, 1), change.word) << change.what;
  }
  std::string changed = zip;
  Put32(&changed, first + 16, 0x1234);
  EXPECT_EQ(ContentWord(changed, 0), "container") << "wrong checksum of what is stored";
  changed = zip;
  Put32(&changed, first + 24, 15);
  EXPECT_EQ(ContentWord(changed, 0), "container") << "its checksum is right, its size is not";
}

TEST(Zip, EntriesHaveABudget) {
  const std::string zip = figgen::Zip(kTwo);
  Budget budget;
  budget.zip_entries = 2;
  EXPECT_EQ(DirectoryWord(zip, budget), "");
  budget.zip_entries = 1;
  EXPECT_EQ(DirectoryWord(zip, budget), "budget");
}

TEST(Zip, NoEntriesAtAll) { EXPECT_EQ(DirectoryWord(figgen::Zip({})), ""); }

}  // namespace
}  // namespace fig
