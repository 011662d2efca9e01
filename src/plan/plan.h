// Compile(policy, facts of the host) -> a plan. Pure: what the compiler must know about the
// host's files it asks the injected HostView.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "moat/result.h"
#include "plan/abi.h"
#include "plan/host_facts.h"
#include "policy/model.h"

namespace moat::plan {

// A compiled plan: a blob as described in plan/abi.h.
class Plan {
 public:
  explicit Plan(std::string bytes) : bytes_(std::move(bytes)) {}
  const std::string& bytes() const { return bytes_; }
  const abi::Header& header() const { return *reinterpret_cast<const abi::Header*>(bytes_.data()); }
  const abi::Op* ops() const { return reinterpret_cast<const abi::Op*>(bytes_.data() + header().ops); }
  std::string_view Text(abi::Offset offset) const {
    return offset == 0 ? std::string_view() : std::string_view(bytes_.data() + offset);
  }

 private:
  std::string bytes_;
};

enum class Collect : std::uint8_t { kNo, kYes };  // is there an -o folder?
// Does somebody outside decide what the filter refuses (ADR 7)? Then errors are asked about like death.
enum class Watched : std::uint8_t { kNo, kYes };

struct Request {
  const policy::Model& model;
  const HostFacts& facts;
  const HostView& view;
  std::string program;        // as the caller named it: "convert", "/bin/true", "./x"
  std::string caller_cwd;     // absolute; for programs named by a relative path
  std::string caller_path;    // the caller's $PATH: where a program is looked for last
  Collect collect = Collect::kNo;
  // A limit that comes from moat itself or a shipped profile is a default: where the host
  // cannot enforce it for the whole tree, the nearest per-process limit is set and the layer
  // is marked degraded. A limit that the user asked for is refused instead.
  std::function<bool(const Origin&)> is_default;
  Watched watched = Watched::kNo;
};

Result<Plan> Compile(const Request& request);

// Names for people. "mount", "seccomp" ...; why the stage stands where it stands.
std::string_view StageName(abi::Stage stage);
std::string_view StageReason(abi::Stage stage);
std::string_view PhaseName(abi::Phase phase);
// What an op does: the name of its system call, or of the interpreter's own word in <>.
std::string_view OpName(std::uint16_t number);

// The prepared system calls, layer states and the filter's size, one op a line:
//   setup/mount    move_mount(fd @usr, "", fd, "", FROM_EMPTY|TO_EMPTY)   # /usr  default.toml:7
std::string Print(const Plan& plan);
// The same and the effective policy's text, as one JSON object.
std::string PrintJson(const Plan& plan, std::string_view policy);

}  // namespace moat::plan
