#include "probe/hardening.h"

#include <algorithm>
#include <string_view>

#include "sys/calls.h"

namespace moat::probe {

namespace {

using Level = Note::Level;

// One sysctl whose value from `good_from` on is the wanted one.
struct SysctlRow {
  std::string_view name;
  int good_from;
  std::string_view bad;
  std::string_view good;
};

constexpr SysctlRow kSysctls[] = {
    {"kernel.kptr_restrict", 1, "kernel addresses can be read in /proc, which helps exploits", "kernel addresses are hidden"},
    {"kernel.yama.ptrace_scope", 1, "processes of one user may trace each other", "only parents may trace"},
    {"kernel.dmesg_restrict", 1, "every user reads the kernel log", "the kernel log is for root"},
    {"kernel.unprivileged_bpf_disabled", 1, "every user may load BPF programs", "BPF is for root"},
    {"fs.protected_symlinks", 1, "links in shared folders such as /tmp are followed for everybody",
     "links in shared folders are not trusted"},
    {"fs.protected_hardlinks", 1, "users may link to files that are not theirs", "hard links only to one's own files"},
    {"fs.protected_fifos", 1, "FIFOs of others in shared folders are opened by O_CREAT", "FIFOs in shared folders are not trusted"},
    {"fs.protected_regular", 1, "files of others in shared folders are opened by O_CREAT", "files in shared folders are not trusted"},
};

std::string PathOf(std::string_view sysctl) {
  std::string path = "/proc/sys/" + std::string(sysctl);
  std::replace(path.begin() + 10, path.end(), '.', '/');
  return path;
}

std::optional<std::string> ReadLine(const ReadText& read, const std::string& path) {
  auto text = read(path);
  if (!text) return std::nullopt;
  return text->substr(0, text->find('\n'));
}

std::optional<int> Small(const std::optional<std::string>& text) {
  if (!text || text->empty() || (*text)[0] < '0' || (*text)[0] > '9') return std::nullopt;
  return (*text)[0] - '0';
}

Note SysctlNote(const ReadText& read, const SysctlRow& row) {
  Note note;
  note.name = row.name;
  const auto text = ReadLine(read, PathOf(row.name));
  const std::optional<int> value = Small(text);
  note.value = text.value_or("absent");
  const bool good = value && *value >= row.good_from;
  note.level = good ? Level::kGood : Level::kAdvice;
  note.meaning = good ? row.good : row.bad;
  if (good) return note;
  note.fix = value ? "sysctl -w " + std::string(row.name) + "=" + std::to_string(row.good_from)
                   : "a kernel built with it";
  return note;
}

Note Tiocsti(const ReadText& read) {
  Note note{Level::kAdvice, "dev.tty.legacy_tiocsti", "absent", "", ""};
  const auto text = ReadLine(read, "/proc/sys/dev/tty/legacy_tiocsti");
  if (text) note.value = *text;
  if (text == "0") {
    note.level = Level::kGood;
    note.meaning = "nobody can type into another one's terminal";
    return note;
  }
  note.meaning = "programs can type into a terminal that they have open; moat gives jobs none";
  if (text) note.fix = "sysctl -w dev.tty.legacy_tiocsti=0";
  return note;
}

Note CorePattern(const ReadText& read) {
  const auto text = ReadLine(read, "/proc/sys/kernel/core_pattern");
  Note note{Level::kGood, "kernel.core_pattern", text.value_or("absent"), "no program runs when another one crashes", ""};
  if (text && !text->empty() && (*text)[0] == '|') {
    note.level = Level::kAdvice;
    note.meaning = "a program of the host's root handles each crash, with what the crashed one chose; "
                   "moat's jobs write no core files";
    note.fix = "sysctl -w kernel.core_pattern=core";
  }
  return note;
}

Note SamePageMerging(const ReadText& read) {
  const auto text = ReadLine(read, "/sys/kernel/mm/ksm/run");
  Note note{Level::kGood, "KSM", text.value_or("absent"), "equal pages of strangers are not shared", ""};
  if (text == "1") {
    note.level = Level::kAdvice;
    note.meaning = "equal pages are shared: a job can measure what others have in memory";
    note.fix = "echo 2 > /sys/kernel/mm/ksm/run";
  }
  return note;
}

Note Mitigations(const ReadText& read) {
  const std::string line = ReadLine(read, "/proc/cmdline").value_or("");
  Note note{Level::kGood, "CPU mitigations", "on", "not switched off on the kernel's command line", ""};
  if ((" " + line + " ").find(" mitigations=off ") != std::string::npos) {
    note.level = Level::kAdvice;
    note.value = "off";
    note.meaning = "a job may read other memory through the processor (Spectre and its family)";
    note.fix = "boot without mitigations=off";
  }
  return note;
}

Note Swap(const ReadText& read) {
  const std::string text = read("/proc/swaps").value_or("");
  const auto lines = std::count(text.begin(), text.end(), '\n');
  Note note{Level::kGood, "swap", "none", "memory limits mean memory", ""};
  if (lines > 1) {
    note.level = Level::kAdvice;
    note.value = "in use";
    note.meaning = "jobs' memory can be written to disk and outlive them";
    note.fix = "encrypt the swap, or swapoff -a";
  }
  return note;
}

Note CgroupVersion(const plan::Cgroups& cgroups) {
  using Version = plan::Controller::Version;
  Note note{Level::kGood, "cgroup version", "v2", "limits are counted and enforced by the current interface", ""};
  const Version version = cgroups.memory.version;
  if (version == Version::kNone) note = {Level::kAdvice, "cgroup version", "none", "no memory controller was found", ""};
  if (version == Version::kV1) {
    note = {Level::kAdvice, "cgroup version", "v1",
            "the old interface: no limit on memory and its sockets together, and freeing is late",
            "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all"};
  }
  return note;
}

}  // namespace

std::vector<Note> LookAtHost(const ReadText& read, const plan::Cgroups& cgroups) {
  std::vector<Note> notes = {Tiocsti(read)};
  for (const SysctlRow& row : kSysctls) notes.push_back(SysctlNote(read, row));
  notes.push_back(CorePattern(read));
  notes.push_back(CgroupVersion(cgroups));
  notes.push_back(SamePageMerging(read));
  notes.push_back(Mitigations(read));
  notes.push_back(Swap(read));
  return notes;
}

std::vector<Note> LookAtThisHost(const plan::Cgroups& cgroups) {
  const ReadText read = [](const std::string& path) -> std::optional<std::string> {
    auto text = sys::ReadFile(path, 1 << 16);
    if (!text.ok()) return std::nullopt;
    return std::move(text).value();
  };
  return LookAtHost(read, cgroups);
}

}  // namespace moat::probe
