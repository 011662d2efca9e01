#include "web/http/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace moat::web {
namespace {

using Sink = std::function<bool(std::string_view)>;

struct FreeArchive {
  void operator()(archive* to) const { archive_write_free(to); }
};
struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

la_ssize_t Pass(archive* to, void* sink, const void* bytes, size_t size) {
  const std::string_view text(static_cast<const char*>(bytes), size);
  if ((*static_cast<const Sink*>(sink))(text)) return static_cast<la_ssize_t>(size);
  archive_set_error(to, EPIPE, "nobody listens");
  return -1;
}

Error Failed(archive* to) {
  const char* text = archive_error_string(to);
  return SystemError("archive", archive_errno(to), text == nullptr ? "" : text);
}

Status WriteBytes(archive* to, const sys::Fd& file, std::uint64_t size) {
  char bytes[65536];
  for (std::uint64_t at = 0; at < size;) {
    const ssize_t got = pread(file.get(), bytes, sizeof(bytes), static_cast<off_t>(at));
    if (got <= 0) return SystemError("pread", got < 0 ? errno : EIO);
    if (archive_write_data(to, bytes, static_cast<size_t>(got)) < 0) return Failed(to);
    at += static_cast<std::uint64_t>(got);
  }
  return {};
}

Status WriteFile(archive* to, const ArchiveFile& each) {
  struct stat facts {};
  if (::fstat(each.file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return SystemError("fstat", errno, each.name);
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), each.name.c_str());
  archive_entry_set_size(entry.get(), facts.st_size);
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0644);  // whose it was here is nobody's business there
  archive_entry_set_mtime(entry.get(), facts.st_mtime, 0);
  if (archive_write_header(to, entry.get()) < ARCHIVE_WARN) return Failed(to);
  return WriteBytes(to, each.file, static_cast<std::uint64_t>(facts.st_size));
}

}  // namespace

Status WriteArchive(ArchiveKind kind, const std::function<Result<ArchiveFile>()>& next, const Sink& sink) {
  const std::unique_ptr<archive, FreeArchive> to(archive_write_new());
  const int format = kind == ArchiveKind::kTar ? archive_write_set_format_pax_restricted(to.get())
                                               : archive_write_set_format_zip(to.get());
  if (format != ARCHIVE_OK) return Failed(to.get());
  // Names are UTF-8 already, which a daemon without a locale could not say of them.
  if (kind == ArchiveKind::kTar && archive_write_set_options(to.get(), "hdrcharset=BINARY") != ARCHIVE_OK) return Failed(to.get());
  Sink own = sink;
  if (archive_write_open(to.get(), &own, nullptr, Pass, nullptr) != ARCHIVE_OK) return Failed(to.get());
  for (;;) {
    const ArchiveFile each = MOAT_TRY(next());
    if (each.name.empty()) break;
    MOAT_TRY(WriteFile(to.get(), each));
  }
  if (archive_write_close(to.get()) != ARCHIVE_OK) return Failed(to.get());
  return {};
}

}  // namespace moat::web
