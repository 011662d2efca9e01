// The directory of a ZIP file, read from its end; what the headers before the entries say is
// checked against it and otherwise not believed (streaming writers leave their sizes empty).
#pragma once

#include <string_view>
#include <vector>

#include "fig/budget.h"
#include "fig/bytes.h"
#include "fig/fault.h"
#include "fig/inflate.h"

namespace fig {

struct ZipEntry {
  std::string_view name;  // bytes of the file, unchecked: compare it, never open it
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint32_t size = 0;  // inflated
  std::size_t header = 0;  // of its own header, in the file
  Bytes stored;
};

bool LooksLikeZip(Bytes file);

// All entries, in the directory's order. No two share a byte of the file. Views into `file`.
Outcome<std::vector<ZipEntry>> ReadZipDirectory(Bytes file, const Budget& budget);

enum class Checksum : std::uint8_t { kVerify, kIgnore };

// The content: a view into the file when it is stored, else inflated into `storage`.
Outcome<Bytes> ReadZipEntry(const ZipEntry& entry, Checksum checksum, InflateBudget* budget, Storage* storage);

}  // namespace fig
