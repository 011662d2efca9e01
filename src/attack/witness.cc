#include "attack/witness.h"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/safe_text.h"

namespace moat::attack {
namespace {

namespace fs = std::filesystem;

// Far above the wall limit that a probe is run with, and the grace behind it: on a busy machine, too.
constexpr std::chrono::seconds kPatience{45};
constexpr std::uintmax_t kHuge = 1ULL << 30;

struct Found {
  std::string path, name;
  struct stat facts;
};

// No link is followed: what is found here was made by a probe.
std::vector<Found> ResultsIn(const std::string& folder) {
  std::vector<Found> results;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    Found result{at->path(), at->path().filename(), {}};
    if (::lstat(result.path.c_str(), &result.facts) == 0) results.push_back(std::move(result));
  }
  return results;
}

bool Confuses(const std::string& name) {
  return name[0] == '-' || std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; });
}

bool Bad(std::string_view probe, const Found& result) {
  const mode_t mode = result.facts.st_mode;
  if (probe == "result-link" || probe == "result-folder-link") return S_ISLNK(mode);
  if (probe == "result-fifo") return S_ISFIFO(mode);
  if (probe == "result-socket") return S_ISSOCK(mode);
  if (probe == "result-device") return S_ISCHR(mode) || S_ISBLK(mode);
  if (probe == "result-set-id") return (mode & (S_ISUID | S_ISGID)) != 0;
  if (probe == "result-names") return Confuses(result.name);
  if (probe == "result-attribute") return S_ISREG(mode) && ::lgetxattr(result.path.c_str(), "user.moat", nullptr, 0) >= 0;
  if (probe == "result-future") return result.facts.st_mtime >= (1LL << 33);
  if (probe == "result-two-names") return S_ISREG(mode) && result.facts.st_nlink > 1;
  if (probe == "result-sparse") return static_cast<std::uintmax_t>(result.facts.st_size) > kHuge;
  if (probe == "result-locked") return S_ISDIR(mode) && (mode & 0700) != 0700;
  return false;
}

Answer ByResults(const Entry& entry, const Answer& said, const std::string& folder) {
  if (entry.name == "results-replaced") return said;
  for (const Found& result : ResultsIn(folder)) {
    if (Bad(entry.name, result)) return {Fate::kOpen, said.text + " arrived as `" + base::Printable(result.name) + "`"};
  }
  return {Fate::kClosed, said.text + " did not arrive as such"};
}

Answer When(bool open, const std::string& yes, const std::string& no) {
  return open ? Answer{Fate::kOpen, yes} : Answer{Fate::kClosed, no};
}

}  // namespace

Answer Judged(const Entry& entry, const Answer& said, const Spawned& spawned, const std::string& results) {
  if (entry.witness == Witness::kTime && spawned.timed_out) return {Fate::kOpen, "it did not end"};
  if (said.fate != Fate::kOpen) return said;
  switch (entry.witness) {
    case Witness::kNone:
    case Witness::kTime: return said;
    case Witness::kSurvivors:
      return When(spawned.survivors > 0, std::to_string(spawned.survivors) + " lived on", said.text + ": nobody was left");
    case Witness::kStreams:
      return When(spawned.timed_out || spawned.out.find("HELD") != std::string::npos, "the output was held until the grandchild ended",
                  "the output ended with the command");
    case Witness::kFlags: return When(spawned.nonblocking, "the caller's pipe does not block any more", "the caller's pipe is not the job's");
    case Witness::kResults: return ByResults(entry, said, results);
  }
  return said;
}

void ArrangeFor(const Entry& entry, SpawnRequest& request) {
  if (entry.witness == Witness::kTime) request.timeout = kPatience;
  if (entry.witness == Witness::kStreams) request.until = Until::kStreamsEnd;
}

}  // namespace moat::attack
