#include "fig/zip.h"

#include <algorithm>
#include <optional>

#include <zlib.h>

namespace fig {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kCentralHeader = 0x02014b50, kEndRecord = 0x06054b50;
constexpr std::size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kLongestComment = 0xFFFF;
constexpr std::uint16_t kFlagEncrypted = 1 << 0, kFlagStrong = 1 << 6, kFlagMasked = 1 << 13;
constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint32_t kIsZip64 = 0xFFFFFFFF;

Fault Bad(std::string what, std::uint64_t at) { return {FaultClass::kContainer, std::move(what), at, "file"}; }

struct Directory {
  std::size_t begin = 0, end = 0;
  std::size_t entries = 0;
};

// The end record is the last thing in the file, but for a comment whose length it says.
std::optional<std::size_t> FindEndRecord(Bytes file) {
  if (file.size < kEndSize) return std::nullopt;
  const std::size_t last = file.size - kEndSize;
  const std::size_t first = last > kLongestComment ? last - kLongestComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (Load32(file, at) == kEndRecord && at + kEndSize + Load16(file, at + 20) == file.size) return at;
  }
  return std::nullopt;
}

Outcome<Directory> ReadEndRecord(Bytes file, const Budget& budget) {
  const std::optional<std::size_t> at = FindEndRecord(file);
  if (!at) return Bad("a ZIP file without its directory's end", file.size);
  const std::uint16_t entries = Load16(file, *at + 10);
  const std::uint32_t size = Load32(file, *at + 12), begin = Load32(file, *at + 16);
  if (Load16(file, *at + 4) != 0 || Load16(file, *at + 6) != 0 || Load16(file, *at + 8) != entries) {
    return Bad("a ZIP file of several volumes", *at);
  }
  // Budgets keep files far below what needs the 64-bit fields: whoever uses them has something in mind.
  if (entries == 0xFFFF || size == kIsZip64 || begin == kIsZip64) return Bad("64-bit fields of ZIP", *at);
  if (std::uint64_t{begin} + size > *at) return Bad("the ZIP directory reaches beyond its end", *at);
  if (entries > budget.zip_entries) {
    return Fault{FaultClass::kBudget, std::to_string(entries) + " entries", *at, "file"};
  }
  return Directory{begin, std::size_t{begin} + size, entries};
}

struct Located {
  ZipEntry entry;
  std::size_t end = 0;     // of its bytes
};

// Follows the directory's pointer to the local header and behind it.
Check FindBytes(Bytes file, const Directory& directory, std::uint32_t stored_size, Located* located) {
  const std::size_t at = located->entry.header;
  if (at + kLocalSize > directory.begin) return Bad("an entry beyond the data", at);
  if (Load32(file, at) != kLocalHeader) return Bad("no entry where the directory says", at);
  const std::string_view name = located->entry.name;
  const std::size_t begin = at + kLocalSize + Load16(file, at + 26) + Load16(file, at + 28);
  located->end = begin + stored_size;
  if (located->end > directory.begin) return Bad("entry " + Quoted(name) + " reaches into the directory", at);
  if (Load16(file, at + 26) != name.size() || file.Part(at + kLocalSize, name.size()).text() != name) {
    return Bad("entry " + Quoted(name) + " has another name in its own header", at);
  }
  located->entry.stored = file.Part(begin, stored_size);
  return Nothing{};
}

// The directory's record at `*at`, which moves behind it.
Outcome<Located> ReadRecord(Bytes file, const Directory& directory, std::size_t* at) {
  const std::size_t record = *at;
  if (record + kCentralSize > directory.end) return Bad("the ZIP directory ends early", record);
  if (Load32(file, record) != kCentralHeader) return Bad("no record of the ZIP directory", record);
  const std::uint16_t name_size = Load16(file, record + 28);
  *at = record + kCentralSize + name_size + Load16(file, record + 30) + Load16(file, record + 32);
  if (*at > directory.end) return Bad("a record reaches beyond the ZIP directory", record);
  const std::uint32_t stored_size = Load32(file, record + 20);
  Located located;
  located.entry.name = file.Part(record + kCentralSize, name_size).text();
  located.entry.flags = Load16(file, record + 8);
  located.entry.method = Load16(file, record + 10);
  located.entry.crc = Load32(file, record + 16);
  located.entry.size = Load32(file, record + 24);
  located.entry.header = Load32(file, record + 42);
  if (stored_size == kIsZip64 || located.entry.size == kIsZip64 || located.entry.header == kIsZip64) {
    return Bad("64-bit fields of ZIP", record);
  }
  if (Load16(file, record + 34) != 0) return Bad("a ZIP file of several volumes", record);
  FIG_TRY(FindBytes(file, directory, stored_size, &located));
  return located;
}

// Bombs let many entries share the same bytes.
Check CheckOverlap(const std::vector<Located>& all) {
  std::vector<const Located*> by_place;
  by_place.reserve(all.size());
  for (const Located& located : all) by_place.push_back(&located);
  std::sort(by_place.begin(), by_place.end(),
            [](const Located* a, const Located* b) { return a->entry.header < b->entry.header; });
  for (std::size_t i = 1; i < by_place.size(); ++i) {
    if (by_place[i - 1]->end > by_place[i]->entry.header) {
      return Bad("entry " + Quoted(by_place[i]->entry.name) + " overlaps another", by_place[i]->entry.header);
    }
  }
  return Nothing{};
}

Check CheckSum(const ZipEntry& entry, Bytes content, const std::string& where) {
  const uLong crc = crc32(0, content.data, static_cast<uInt>(content.size));
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  static_cast<void>(entry), static_cast<void>(where), static_cast<void>(crc);  // or no mutation gets further
#else
  if (crc != entry.crc) return Fault{FaultClass::kContainer, "wrong checksum", Fault::kNowhere, where};
#endif
  return Nothing{};
}

}  // namespace

bool LooksLikeZip(Bytes file) { return file.size >= 2 && file.data[0] == 'P' && file.data[1] == 'K'; }

Outcome<std::vector<ZipEntry>> ReadZipDirectory(Bytes file, const Budget& budget) {
  const Directory directory = FIG_TRY(ReadEndRecord(file, budget));
  std::vector<Located> all;
  std::size_t at = directory.begin;
  for (std::size_t i = 0; i < directory.entries; ++i) all.push_back(FIG_TRY(ReadRecord(file, directory, &at)));
  FIG_TRY(CheckOverlap(all));
  std::vector<ZipEntry> entries;
  entries.reserve(all.size());
  for (const Located& located : all) entries.push_back(located.entry);
  return entries;
}

Outcome<Bytes> ReadZipEntry(const ZipEntry& entry, Checksum checksum, InflateBudget* budget, Storage* storage) {
  const std::string where = "entry " + Quoted(entry.name);
  const auto bad = [&](const char* what) { return Fault{FaultClass::kContainer, what, Fault::kNowhere, where}; };
  if (entry.flags & (kFlagEncrypted | kFlagStrong | kFlagMasked)) return bad("encrypted");
  Bytes content = entry.stored;
  if (entry.method == kDeflated) {
    content = storage->Keep(FIG_TRY(InflateExactly(entry.stored, entry.size, budget, where)));
  } else if (entry.method != kStored) {
    return bad("neither stored nor deflated");
  } else if (entry.size != entry.stored.size) {
    return bad("stored, and of two sizes");
  }
  if (checksum == Checksum::kVerify) FIG_TRY(CheckSum(entry, content, where));
  return content;
}

}  // namespace fig
