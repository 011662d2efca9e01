// What the plan's tests invent: a host's files, what that host can enforce, policies in memory.
//
//   const Case modern;                       // root, hybrid cgroups, every layer there is
//   Result<Plan> plan = modern.Compile();
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/layout.h"
#include "plan/plan.h"

namespace moat::plan {

// A tree of files in memory. Folders on the way to a path are made with it.
class FakeHost : public HostView {
 public:
  FakeHost& Folder(const std::string& path) { return Put(path, PathFacts::Type::kDirectory, 0040755, ""); }
  FakeHost& File(const std::string& path, std::uint32_t mode = 0644, std::string content = "") {
    return Put(path, PathFacts::Type::kFile, 0100000 | mode, std::move(content));
  }
  FakeHost& Link(const std::string& path, const std::string& text) {
    return Put(path, PathFacts::Type::kSymlink, 0120777, text);
  }
  FakeHost& Device(const std::string& path, std::uint32_t major, std::uint32_t minor);
  FakeHost& Other(const std::string& path) { return Put(path, PathFacts::Type::kOther, 0010644, ""); }
  FakeHost& Remove(const std::string& path);  // and what is below

  PathFacts Look(const std::string& path) const override;
  std::vector<std::string> List(const std::string& path) const override;
  std::string Head(const std::string& path, std::size_t bytes) const override;

 private:
  struct Node {
    PathFacts facts;
    std::string content;
  };
  FakeHost& Put(const std::string& path, PathFacts::Type type, std::uint32_t mode, std::string content);
  const Node* Find(const std::string& path) const;  // follows links in every part but the last

  std::map<std::string, Node> nodes_;
};

// A 64-bit program that names `loader` as its PT_INTERP; "" for a static one.
std::string Elf(std::string_view loader);

// A merged-/usr system with a few programs, libraries and the standard devices.
FakeHost SmallSystem();

// Everything works, as root on a recent kernel: memory and pids on v1 or on v2.
enum class Hierarchy { kV1, kV2 };
HostFacts ModernRoot(Hierarchy hierarchy);
// An ordinary user: no root, no group that could be written.
HostFacts ModernUser();
Fact No(std::string detail, std::string fix = {});

// `text` is a policy; shipped profiles may be its bases.
policy::Model PolicyOf(std::string_view text, std::string path = "test.toml");
policy::Model Shipped(std::string_view name);
// A small policy whose plan is read in one sitting.
extern const char* const kSmallPolicy;

// One compilation with every part of its request, to be changed by the test.
struct Case {
  FakeHost host = SmallSystem();
  HostFacts facts = ModernRoot(Hierarchy::kV1);
  policy::Model model = PolicyOf(kSmallPolicy);
  std::string program = "true";
  std::string cwd = "/home/user";
  std::string path = "/usr/bin:/bin";
  Collect collect = Collect::kNo;

  // The lines of files named profiles/... are defaults, as those of shipped profiles are.
  Request ToRequest() const;
  Result<Plan> Compile() const { return plan::Compile(ToRequest()); }
};

}  // namespace moat::plan
