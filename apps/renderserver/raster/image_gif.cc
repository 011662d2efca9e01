#include <gif_lib.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "raster/codecs.h"

namespace raster {
namespace {

struct Source {
  fig::Bytes bytes;
  std::size_t at = 0;
};

int Read(GifFileType* gif, GifByteType* to, int size) {
  auto* source = static_cast<Source*>(gif->UserData);
  const std::size_t given = std::min(static_cast<std::size_t>(std::max(size, 0)), source->bytes.size - source->at);
  std::memcpy(to, source->bytes.data + source->at, given);
  source->at += given;
  return static_cast<int>(given);
}

struct Close {
  void operator()(GifFileType* gif) const {
    int ignored = 0;
    DGifCloseFile(gif, &ignored);
  }
};

fig::Fault Broken(const std::string& key, int error) {
  if (error == D_GIF_ERR_NOT_ENOUGH_MEM) return ImageMemory(key);
  const char* text = GifErrorString(error);
  return ImageFault(key, std::string("GIF: ") + (text != nullptr ? text : "broken"));
}

// Which colour is no colour: told by the extension before the picture.
int TransparentOf(const GifFileType& gif) {
  for (int i = 0; i < gif.ExtensionBlockCount; ++i) {
    GraphicsControlBlock block;
    const ExtensionBlock& extension = gif.ExtensionBlocks[i];
    if (extension.Function != GRAPHICS_EXT_FUNC_CODE) continue;
    if (DGifExtensionToGCB(static_cast<std::size_t>(extension.ByteCount), extension.Bytes, &block) == GIF_OK) return block.TransparentColor;
  }
  return NO_TRANSPARENT_COLOR;
}

std::uint32_t ColourOf(const ColorMapObject* map, int index, int transparent) {
  if (index == transparent || map == nullptr || index >= map->ColorCount) return 0;
  const GifColorType& colour = map->Colors[index];
  return Premultiplied(colour.Red, colour.Green, colour.Blue, 255);
}

// The order of rows: four interlaced sweeps, or one.
std::vector<std::uint32_t> RowOrder(std::uint32_t height, bool interlaced) {
  std::vector<std::uint32_t> order;
  const std::pair<std::uint32_t, std::uint32_t> sweeps[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
  if (!interlaced) {
    for (std::uint32_t y = 0; y < height; ++y) order.push_back(y);
  } else {
    for (const auto& [first, step] : sweeps) {
      for (std::uint32_t y = first; y < height; y += step) order.push_back(y);
    }
  }
  return order;
}

// Goes on to the first picture, keeping the extension that belongs to it.
int FindPicture(GifFileType* gif) {
  constexpr int kMostRecords = 1000;
  for (int i = 0; i < kMostRecords; ++i) {
    GifRecordType record;
    if (DGifGetRecordType(gif, &record) == GIF_ERROR) return gif->Error;
    if (record == IMAGE_DESC_RECORD_TYPE) return DGifGetImageDesc(gif) == GIF_OK ? 0 : gif->Error;
    if (record != EXTENSION_RECORD_TYPE) return D_GIF_ERR_NO_IMAG_DSCR;
    int function = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(gif, &function, &block) == GIF_ERROR) return gif->Error;
    while (block != nullptr) {
      if (function == GRAPHICS_EXT_FUNC_CODE &&
          GifAddExtensionBlock(&gif->ExtensionBlockCount, &gif->ExtensionBlocks, static_cast<unsigned>(function), block[0], block + 1) == GIF_ERROR) {
        return D_GIF_ERR_NOT_ENOUGH_MEM;
      }
      if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) return gif->Error;
    }
  }
  return D_GIF_ERR_NO_IMAG_DSCR;
}

}  // namespace

fig::Outcome<ImageSize> MeasureGif(fig::Bytes bytes, const std::string& key) {
  if (bytes.size < 10) return ImageFault(key, "GIF: it has no head");
  const auto side = [&](std::size_t at) { return static_cast<std::uint32_t>(bytes.data[at] | bytes.data[at + 1] << 8); };
  return ImageSize{side(6), side(8)};
}

// The library reads whole files with all their pictures (DGifSlurp); here it reads one, by rows.
fig::Outcome<Image> DecodeGif(fig::Bytes bytes, const std::string& key, ImageSize size) {
  Source source{bytes};
  int error = 0;
  const std::unique_ptr<GifFileType, Close> gif(DGifOpen(&source, Read, &error));
  if (!gif) return Broken(key, error);
  if (gif->SWidth != static_cast<int>(size.width) || gif->SHeight != static_cast<int>(size.height)) return ImageFault(key, "GIF: two heads");
  if (const int found = FindPicture(gif.get()); found != 0) return Broken(key, found);
  const GifImageDesc& part = gif->Image;
  if (part.Left < 0 || part.Top < 0 || part.Width <= 0 || part.Height <= 0 || part.Left > gif->SWidth - part.Width ||
      part.Top > gif->SHeight - part.Height) {
    return ImageFault(key, "GIF: its picture does not fit its screen");
  }
  Image image{size.width, size.height, std::vector<std::uint32_t>(size.pixels())};
  const ColorMapObject* map = part.ColorMap != nullptr ? part.ColorMap : gif->SColorMap;
  const int transparent = TransparentOf(*gif);
  std::vector<GifPixelType> row(static_cast<std::size_t>(part.Width));
  for (const std::uint32_t y : RowOrder(static_cast<std::uint32_t>(part.Height), part.Interlace)) {
    if (DGifGetLine(gif.get(), row.data(), part.Width) == GIF_ERROR) break;
    std::uint32_t* to = image.pixels.data() + std::size_t{static_cast<std::uint32_t>(part.Top) + y} * image.width + part.Left;
    for (std::size_t x = 0; x < row.size(); ++x) to[x] = ColourOf(map, row[x], transparent);
  }
  return image;
}

}  // namespace raster
