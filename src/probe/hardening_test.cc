#include "probe/hardening.h"

#include <gtest/gtest.h>

#include <map>

namespace moat::probe {
namespace {

using Files = std::map<std::string, std::string>;

const Note& Find(const std::vector<Note>& notes, const std::string& name) {
  for (const Note& note : notes) {
    if (note.name == name) return note;
  }
  static const Note kNone{Note::Level::kGood, "not found", "", "", ""};
  return kNone;
}

std::vector<Note> Look(const Files& files, plan::Controller::Version version = plan::Controller::Version::kV2) {
  plan::Cgroups cgroups;
  cgroups.memory.version = version;
  return LookAtHost(
      [&](const std::string& path) -> std::optional<std::string> {
        const auto found = files.find(path);
        if (found == files.end()) return std::nullopt;
        return found->second;
      },
      cgroups);
}

TEST(HardeningTest, HardHostHasNoAdvice) {
  const Files hard = {{"/proc/sys/dev/tty/legacy_tiocsti", "0\n"},
                      {"/proc/sys/kernel/kptr_restrict", "2\n"},
                      {"/proc/sys/kernel/yama/ptrace_scope", "1\n"},
                      {"/proc/sys/kernel/dmesg_restrict", "1\n"},
                      {"/proc/sys/kernel/unprivileged_bpf_disabled", "2\n"},
                      {"/proc/sys/fs/protected_symlinks", "1\n"},
                      {"/proc/sys/fs/protected_hardlinks", "1\n"},
                      {"/proc/sys/fs/protected_fifos", "1\n"},
                      {"/proc/sys/fs/protected_regular", "2\n"},
                      {"/proc/sys/kernel/core_pattern", "core\n"},
                      {"/sys/kernel/mm/ksm/run", "0\n"},
                      {"/proc/cmdline", "quiet mitigations=auto\n"},
                      {"/proc/swaps", "Filename Type Size Used Priority\n"}};
  for (const Note& note : Look(hard)) {
    EXPECT_EQ(note.level, Note::Level::kGood) << note.name;
    EXPECT_EQ(note.fix, "") << note.name;
  }
}

TEST(HardeningTest, SoftHostIsTold) {
  const Files soft = {{"/proc/sys/dev/tty/legacy_tiocsti", "1\n"},
                      {"/proc/sys/kernel/kptr_restrict", "0\n"},
                      {"/proc/sys/fs/protected_symlinks", "0\n"},
                      {"/proc/sys/kernel/core_pattern", "|/usr/share/apport %p\n"},
                      {"/sys/kernel/mm/ksm/run", "1\n"},
                      {"/proc/cmdline", "quiet mitigations=off\n"},
                      {"/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n"}};
  const auto notes = Look(soft, plan::Controller::Version::kV1);
  const std::pair<const char*, const char*> wanted[] = {
      {"dev.tty.legacy_tiocsti", "sysctl -w dev.tty.legacy_tiocsti=0"},
      {"kernel.kptr_restrict", "sysctl -w kernel.kptr_restrict=1"},
      {"kernel.yama.ptrace_scope", "a kernel built with it"},
      {"fs.protected_symlinks", "sysctl -w fs.protected_symlinks=1"},
      {"kernel.core_pattern", "sysctl -w kernel.core_pattern=core"},
      {"KSM", "echo 2 > /sys/kernel/mm/ksm/run"},
      {"CPU mitigations", "boot without mitigations=off"},
      {"swap", "encrypt the swap, or swapoff -a"},
      {"cgroup version", "boot with systemd.unified_cgroup_hierarchy=1 cgroup_no_v1=all"}};
  for (const auto& [name, fix] : wanted) {
    EXPECT_EQ(Find(notes, name).level, Note::Level::kAdvice) << name;
    EXPECT_EQ(Find(notes, name).fix, fix) << name;
  }
  EXPECT_EQ(Find(notes, "kernel.yama.ptrace_scope").value, "absent");
}

}  // namespace
}  // namespace moat::probe
