#include "plan/testing.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "policy/load.h"

namespace moat::plan {
namespace {

constexpr int kMaxLinks = 40;

Fact Yes() {
  Fact fact;
  fact.works = true;
  return fact;
}

Controller Writable(Controller::Version version, std::string folder) {
  Controller controller;
  controller.version = version;
  controller.folder = std::move(folder);
  controller.writable = true;
  return controller;
}

Result<policy::SourceText> ReadShipped(std::string_view name) {
  const char* source = std::getenv("MOAT_SOURCE_DIR");
  const std::string file = "profiles/" + std::string(name) + ".toml";
  std::ifstream in(std::string(source != nullptr ? source : ".") + "/" + file);
  if (!in) return PolicyError("there is no profile " + std::string(name));
  std::ostringstream text;
  text << in.rdbuf();
  return policy::SourceText{file, text.str()};  // no path of the machine in a golden file
}

}  // namespace

const char* const kSmallPolicy = R"(moat = 1
description = "small enough to be read"
[files]
read = ["/usr", "/bin?", "/lib?", "/lib64?"]
hide = ["/usr/share/secret"]
[files.scratch]
"/tmp" = "16M"
[environment]
pass = ["LC_*", "TZ"]
[syscalls]
default = "EPERM"
unknown = "ENOSYS"
allow = ["@essential", "read", "write", "execve", "ioctl"]
[[syscalls.rule]]
call = "ioctl"
when = "cmd == TIOCSTI"
do = "EPERM"
reason = "typing into somebody's terminal"
)";

FakeHost& FakeHost::Put(const std::string& path, PathFacts::Type type, std::uint32_t mode, std::string content) {
  if (path != "/" && nodes_.count(Parent(path)) == 0) Folder(Parent(path));
  Node& node = nodes_[path];
  node.facts.type = type;
  node.facts.mode = mode;
  node.facts.row.exists = 1;
  node.facts.row.inode = nodes_.size();
  if (type == PathFacts::Type::kSymlink) node.facts.link = content;
  node.content = std::move(content);
  return *this;
}

FakeHost& FakeHost::Device(const std::string& path, std::uint32_t major, std::uint32_t minor) {
  Put(path, PathFacts::Type::kCharDevice, 0020666, "");
  nodes_[path].facts.rdev = std::uint64_t{major} << 32 | minor;
  return *this;
}

FakeHost& FakeHost::Remove(const std::string& path) {
  std::erase_if(nodes_, [&](const auto& node) { return IsBelow(node.first, path); });
  return *this;
}

const FakeHost::Node* FakeHost::Find(const std::string& path) const {
  std::string folder = path == "/" ? "" : Parent(path), at = path;
  for (int links = 0; !folder.empty() && folder != "/" && links < kMaxLinks; ++links) {
    // The topmost part that is a link is the one that the kernel meets first.
    std::string found;
    for (std::size_t end = folder.find('/', 1); found.empty(); end = folder.find('/', end + 1)) {
      const std::string part = folder.substr(0, end);
      const auto node = nodes_.find(part);
      if (node != nodes_.end() && node->second.facts.type == PathFacts::Type::kSymlink) found = part;
      if (end == std::string::npos) break;
    }
    if (found.empty()) break;
    std::string text = nodes_.at(found).facts.link, above = Parent(found);
    for (; text.rfind("../", 0) == 0; text = text.substr(3)) above = Parent(above);
    at = (text[0] == '/' ? text : Join(above, text)) + at.substr(found.size());
    folder = Parent(at);
  }
  const auto node = nodes_.find(at);
  return node == nodes_.end() ? nullptr : &node->second;
}

PathFacts FakeHost::Look(const std::string& path) const {
  const Node* node = Find(path);
  return node == nullptr ? PathFacts{} : node->facts;
}

std::vector<std::string> FakeHost::List(const std::string& path) const {
  std::vector<std::string> names;
  for (const auto& [at, node] : nodes_) {
    if (at != "/" && Parent(at) == path) names.push_back(at.substr(at.rfind('/') + 1));
  }
  return names;
}

std::string FakeHost::Head(const std::string& path, std::size_t bytes) const {
  const Node* node = Find(path);
  return node == nullptr ? std::string() : node->content.substr(0, bytes);
}

std::string Elf(std::string_view loader) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_phoff = sizeof(header);
  header.e_phnum = loader.empty() ? 0 : 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_INTERP;
  segment.p_offset = sizeof(header) + sizeof(segment);
  segment.p_filesz = loader.size() + 1;
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes.append(reinterpret_cast<const char*>(&segment), sizeof(segment));
  return bytes + std::string(loader) + '\0';
}

FakeHost SmallSystem() {
  const std::string dynamic = Elf("/lib64/ld-linux-x86-64.so.2");
  FakeHost host;
  host.Link("/bin", "usr/bin").Link("/sbin", "usr/sbin").Link("/lib", "usr/lib").Link("/lib64", "usr/lib64");
  host.File("/usr/bin/true", 0755, dynamic).File("/usr/bin/sh", 0755, dynamic).File("/usr/bin/data");
  host.File("/usr/bin/convert-im6.q16", 0755, dynamic).Link("/usr/bin/convert", "/etc/alternatives/convert");
  host.Link("/etc/alternatives/convert", "/usr/bin/convert-im6.q16");
  host.File("/usr/lib/libc.so.6", 0755).File("/usr/lib/ld.so", 0755);
  host.Link("/usr/lib64/ld-linux-x86-64.so.2", "../lib/ld.so").Folder("/usr/sbin");
  host.File("/usr/share/secret/key").File("/usr/share/doc/readme").File("/etc/ld.so.cache").Folder("/etc/fonts");
  host.Link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC").File("/usr/share/zoneinfo/Etc/UTC");
  host.Device("/dev/null", 1, 3).Device("/dev/zero", 1, 5).Device("/dev/full", 1, 7);
  host.Device("/dev/random", 1, 8).Device("/dev/urandom", 1, 9);
  return host;
}

HostFacts ModernRoot(Hierarchy hierarchy) {
  HostFacts facts;
  facts.kernel = "6.12.0";
  for (Fact* fact : {&facts.root, &facts.user_ns, &facts.mount_ns, &facts.pid_ns, &facts.net_ns, &facts.ipc_ns,
                     &facts.uts_ns, &facts.cgroup_ns, &facts.mount_api, &facts.openat2, &facts.clone3,
                     &facts.close_range, &facts.pidfd, &facts.procfs, &facts.procfs_subset, &facts.tmpfs,
                     &facts.overlayfs, &facts.idmap, &facts.seccomp, &facts.seccomp_log, &facts.seccomp_notify,
                     &facts.rlimit_nproc_per_ns, &facts.loopback, &facts.landlock}) {
    *fact = Yes();
  }
  facts.landlock_abi = 7;
  Cgroups& groups = facts.cgroups;
  groups.kill = true;
  if (hierarchy == Hierarchy::kV2) {
    groups.unified = "/sys/fs/cgroup/service";
    groups.memory = groups.pids = groups.cpu = groups.cpuacct = Writable(Controller::Version::kV2, groups.unified);
    return facts;
  }
  groups.unified = "/sys/fs/cgroup/unified/service";
  groups.memory = Writable(Controller::Version::kV1, "/sys/fs/cgroup/memory/service");
  groups.pids = Writable(Controller::Version::kV1, "/sys/fs/cgroup/pids/service");
  groups.cpu = Writable(Controller::Version::kV1, "/sys/fs/cgroup/cpu/service");
  groups.cpuacct = Writable(Controller::Version::kV1, "/sys/fs/cgroup/cpuacct/service");
  return facts;
}

HostFacts ModernUser() {
  HostFacts facts = ModernRoot(Hierarchy::kV2);
  facts.root = No("no CAP_SYS_ADMIN");
  facts.euid = facts.egid = 1000;
  for (Controller* controller : {&facts.cgroups.memory, &facts.cgroups.pids, &facts.cgroups.cpu, &facts.cgroups.cpuacct}) {
    controller->writable = false;
    controller->problem = "no group can be made in /sys/fs/cgroup/service (EACCES)";
  }
  return facts;
}

Fact No(std::string detail, std::string fix) {
  Fact fact;
  fact.error_number = 1;
  fact.detail = std::move(detail);
  fact.fix = std::move(fix);
  return fact;
}

policy::Model PolicyOf(std::string_view text, std::string path) {
  auto model = policy::Parse(text, std::move(path), ReadShipped);
  EXPECT_TRUE(model.ok()) << model.error().ToString();
  return model.ok() ? *model : policy::Model{};
}

policy::Model Shipped(std::string_view name) {
  auto model = policy::Load(name, ReadShipped);
  EXPECT_TRUE(model.ok()) << model.error().ToString();
  return model.ok() ? *model : policy::Model{};
}

Request Case::ToRequest() const {
  return {model, facts, host, program, cwd, path, collect,
          [](const Origin& origin) { return origin.file.rfind("profiles/", 0) == 0; }};
}

}  // namespace moat::plan
