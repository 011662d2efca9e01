// The design that is read: one file, or a folder with canvas.fig and images/ as the ZIP would hold
// them. Images of a folder are opened when a picture needs them, or all before a seal.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "fig/document.h"
#include "moat/result.h"
#include "program/files.h"

namespace program {

class Source {
 public:
  enum class Images : std::uint8_t { kWhenNeeded, kNow };

  // Opens, and reads nothing.
  moat::Status Open(const std::string& path, Images images, const fig::Budget& budget);
  // The one file that somebody else has opened: any kind that can be read. Likewise.
  void Adopt(File file, const std::string& name, const fig::Budget& budget);
  // Of every file that Read and Image may still read; all there are, after Images::kNow.
  std::vector<int> Descriptors() const;

  // The canvas, or the whole ZIP; stays the Source's.
  moat::Result<fig::Bytes> Read();
  // Of a folder: its meta.json, {} when there is none. Likewise.
  moat::Result<fig::Bytes> ReadMeta();
  // The image of that name (40 hexadecimal digits), {} when there is none. May be called by several
  // threads; the bytes stay the Source's.
  moat::Result<fig::Bytes> Image(const std::string& hash);

 private:
  moat::Status OpenImages();
  moat::Result<fig::Bytes> Load(const std::string& hash);

  fig::Budget budget_;
  std::string name_;
  File canvas_, meta_, folder_;
  std::map<std::string, File> opened_;  // images, by hash
  fig::Buffer bytes_, meta_bytes_;
  std::mutex mutex_;                    // for what follows
  std::map<std::string, fig::Buffer> images_;
  std::uint64_t image_bytes_ = 0;
};

bool IsHash(const std::string& name);

}  // namespace program
