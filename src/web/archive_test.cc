#include "web/http/archive.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "sys/calls.h"

namespace moat::web {
namespace {

// A guest's name must not cut the archive off in front of all other results.
TEST(Archive, TakesNamesOfAnyLanguage) {
  for (const ArchiveKind kind : {ArchiveKind::kTar, ArchiveKind::kZip}) {
    const std::vector<std::string> names = {"\xc3\xa4.txt", "\xe5\x9b\xbe/\xf0\x9f\x90\x8b", "plain"};
    std::string bytes;
    std::size_t at = 0;
    const auto next = [&]() -> Result<ArchiveFile> {
      if (at == names.size()) return ArchiveFile{};
      sys::Fd file(MOAT_TRY(sys::memfd_create("result", MFD_CLOEXEC)).Release());
      MOAT_TRY(sys::WriteAll(file.get(), "bytes of " + names[at], "a result"));
      return ArchiveFile{names[at++], std::move(file)};
    };
    const Status written = WriteArchive(kind, next, [&](std::string_view more) { return bytes.append(more), true; });
    EXPECT_TRUE(written.ok()) << written.error().ToString();
    for (const std::string& name : names) {
      EXPECT_NE(bytes.find(name), std::string::npos) << name;
      EXPECT_TRUE(kind == ArchiveKind::kZip || bytes.find("bytes of " + name) != std::string::npos) << name;  // it packs them
    }
  }
}

}  // namespace
}  // namespace moat::web
