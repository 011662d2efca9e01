#include "fig/container.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "fig/inflate.h"
#include "fig/zip.h"

namespace fig {
namespace {

constexpr std::size_t kMagicSize = 8, kHeaderSize = 12;
constexpr std::string_view kZstdMagic = "\x28\xB5\x2F\xFD", kPngMagic = "\x89PNG";
constexpr std::string_view kImages = "images/";
constexpr std::size_t kHashDigits = 40;

bool StartsWith(Bytes bytes, std::string_view start) { return bytes.text().substr(0, start.size()) == start; }

std::optional<FileKind> KindOf(Bytes canvas) {
  if (canvas.size < kHeaderSize) return std::nullopt;
  const std::string_view magic = canvas.text().substr(0, kMagicSize);
  if (magic == "fig-kiwi") return FileKind::kDesign;
  if (magic == "fig-jam.") return FileKind::kJam;
  if (magic == "fig-deck") return FileKind::kDeck;
  return std::nullopt;
}

// A file being opened. One function per level: file, ZIP, canvas, chunk.
class Opening {
 public:
  explicit Opening(const Budget& budget) : budget_(budget), inflate_(budget) {}

  Outcome<Container> File(Bytes file) {
    if (file.size > budget_.input_bytes) {
      return Fault{FaultClass::kBudget, "a file of " + std::to_string(file.size) + " bytes", 0, "file"};
    }
    container_.zipped = LooksLikeZip(file);
    FIG_TRY(container_.zipped ? Zip(file) : Canvas(file, "file"));
    container_.storage = storage_;
    return std::move(container_);
  }

 private:
  Check Zip(Bytes file) {
    const std::vector<ZipEntry> entries = FIG_TRY(ReadZipDirectory(file, budget_));
    std::optional<Bytes> canvas, meta, thumbnail;
    for (const ZipEntry& entry : entries) {
      if (entry.name == "canvas.fig") FIG_TRY(Entry(entry, Checksum::kVerify, &canvas));
      if (entry.name == "meta.json") FIG_TRY(Entry(entry, Checksum::kVerify, &meta));
      // Pictures are checked by their decoders; a broken one does not spoil the rest.
      if (entry.name == "thumbnail.png") FIG_TRY(Entry(entry, Checksum::kIgnore, &thumbnail));
      if (entry.name.substr(0, kImages.size()) == kImages) FIG_TRY(Image(entry));
    }
    if (!canvas) return Fault{FaultClass::kNotADesignFile, "a ZIP file without canvas.fig", 0, "file"};
    container_.meta = meta.value_or(Bytes{});
    container_.thumbnail = thumbnail.value_or(Bytes{});
    return Canvas(*canvas, "canvas.fig");
  }

  Check Entry(const ZipEntry& entry, Checksum checksum, std::optional<Bytes>* content) {
    if (content->has_value()) {
      return Fault{FaultClass::kContainer, "two entries " + Quoted(entry.name), entry.header, "file"};
    }
    *content = FIG_TRY(ReadZipEntry(entry, checksum, &inflate_, storage_.get()));
    return Nothing{};
  }

  // Whatever else lies in there, the folder's own entry for one, is nobody's.
  Check Image(const ZipEntry& entry) {
    const std::string_view hash = entry.name.substr(kImages.size());
    if (hash.size() != kHashDigits || hash.find_first_not_of("0123456789abcdef") != hash.npos) return Nothing{};
    std::optional<Bytes> content;
    FIG_TRY(Entry(entry, Checksum::kIgnore, &content));
    if (container_.images.emplace(hash, *content).second) return Nothing{};
    return Fault{FaultClass::kContainer, "two entries " + Quoted(entry.name), entry.header, "file"};
  }

  Check Canvas(Bytes canvas, const char* where) {
    const std::optional<FileKind> kind = KindOf(canvas);
    if (!kind) return Fault{FaultClass::kNotADesignFile, "no design file's first bytes", 0, where};
    container_.kind = *kind;
    container_.version = Load32(canvas, kMagicSize);
    std::size_t at = kHeaderSize;
    const Bytes schema = FIG_TRY(Chunk(canvas, where, &at));
    const Bytes message = FIG_TRY(Chunk(canvas, where, &at));
    if (at < canvas.size) {  // in ZIP files it is an entry
      const Bytes picture = FIG_TRY(Chunk(canvas, where, &at));
      if (container_.thumbnail.empty() && StartsWith(picture, kPngMagic)) container_.thumbnail = picture;
    }
    container_.schema = FIG_TRY(Unpack(schema, "schema"));
    container_.message = FIG_TRY(Unpack(message, "message"));
    return Nothing{};
  }

  Outcome<Bytes> Chunk(Bytes canvas, const char* where, std::size_t* at) {
    if (canvas.size - *at < 4) return Fault{FaultClass::kContainer, "no length of a chunk", *at, where};
    const std::uint32_t size = Load32(canvas, *at);
    const std::size_t begin = *at + 4;
    if (size > canvas.size - begin) {
      return Fault{FaultClass::kContainer,
                   "a chunk of " + std::to_string(size) + " bytes where " + std::to_string(canvas.size - begin) +
                       " are left",
                   *at, where};
    }
    *at = begin + size;
    return canvas.Part(begin, size);
  }

  Outcome<Bytes> Unpack(Bytes chunk, const char* what) {
    const std::string where = std::string(what) + " chunk";
    // Before deflate: to that, the first byte of a PNG is a valid block of 20,048 bytes.
    if (StartsWith(chunk, kPngMagic)) return Fault{FaultClass::kContainer, "a picture", 0, where};
    return storage_->Keep(
        FIG_TRY(StartsWith(chunk, kZstdMagic) ? Unzstd(chunk, &inflate_, where) : Inflate(chunk, &inflate_, where)));
  }

  const Budget& budget_;
  InflateBudget inflate_;
  std::shared_ptr<Storage> storage_ = std::make_shared<Storage>();
  Container container_;
};

}  // namespace

Outcome<Container> OpenContainer(Bytes file, const Budget& budget) { return Opening(budget).File(file); }

}  // namespace fig
