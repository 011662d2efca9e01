#include "api/plan_store.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <tuple>

#include "api/policy_impl.h"
#include "api/protocol.h"
#include "probe/host_view.h"
#include "probe/probe.h"
#include "sys/calls.h"

namespace moat::api {
namespace {

constexpr std::size_t kMaxPlans = 256;
// A hundred or so lstat calls: too many for every job, nothing once a second.
constexpr std::uint64_t kLookAgainNs = 1'000'000'000;

std::uint64_t Ns(const struct timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

bool IsSame(const abi::DependencyRow& row, const plan::Plan& plan) {
  const std::string path(plan.Text(row.path));
  if (row.text != 0) {
    auto text = sys::ReadFile(path, 4096);
    return text.ok() && *text == plan.Text(row.text);
  }
  struct stat facts;
  if (lstat(path.c_str(), &facts) != 0) return row.exists == 0;
  return row.exists != 0 && row.device == facts.st_dev && row.inode == facts.st_ino &&
         row.size == static_cast<std::uint64_t>(facts.st_size) && row.mtime_ns == Ns(facts.st_mtim) &&
         row.ctime_ns == Ns(facts.st_ctim);
}

Result<sys::MemFd> SealedFile(const std::string& bytes) {
  sys::MemFd file = MOAT_TRY(sys::memfd_create("moat-plan", MFD_ALLOW_SEALING));
  MOAT_TRY(sys::WriteAll(file.get(), bytes, "moat-plan"));
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
    return SystemError("fcntl", errno, "F_ADD_SEALS");
  }
  return file;
}

std::uint64_t NextId() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

bool PlanKey::operator<(const PlanKey& other) const {
  return std::tie(program, search_path, cwd, collect) <
         std::tie(other.program, other.search_path, other.cwd, other.collect);
}

bool PlanStore::IsFresh(const plan::Plan& plan) {
  const abi::Header& header = plan.header();
  const auto* rows = reinterpret_cast<const abi::DependencyRow*>(plan.bytes().data() + header.dependencies);
  for (abi::Index i = 0; i < header.dependency_count; ++i) {
    if (!IsSame(rows[i], plan)) return false;
  }
  return true;
}

Result<PlanPointer> PlanStore::Get(const PlanKey& key) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const std::uint64_t now = sys::NowNs();
  const auto found = plans_.find(key);
  if (found != plans_.end()) {
    StoredPlan& stored = *found->second;
    if (now - stored.looked_at < kLookAgainNs) return found->second;
    stored.looked_at = now;
    if (IsFresh(stored.plan)) return found->second;
    plans_.erase(found);
    facts_.reset();  // what was known of the host may be out of date, too
  }
  PlanPointer made = MOAT_TRY(Compile(key));
  if (plans_.size() >= kMaxPlans) plans_.clear();  // no clock for what hardly happens
  made->looked_at = now;
  plans_.emplace(key, made);
  return made;
}

void PlanStore::Forget(const PlanPointer& plan) {
  const std::lock_guard<std::mutex> lock(mutex_);
  facts_.reset();
  std::erase_if(plans_, [&](const auto& entry) { return entry.second == plan; });
}

Result<PlanPointer> PlanStore::Compile(const PlanKey& key) {
  if (!facts_) facts_ = MOAT_TRY(probe::Probe());
  const probe::RealHost view;
  const Policy::Impl& impl = policy_.impl();
  const auto is_default = [&](const Origin& origin) {
    for (const std::string& folder : impl.shipped) {
      if (origin.file.rfind(folder + "/", 0) == 0) return true;
    }
    return false;
  };
  plan::Plan plan = MOAT_TRY(plan::Compile({impl.model, *facts_, view, key.program, key.cwd.empty() ? "/" : key.cwd,
                                            key.search_path, key.collect, is_default}));
  if (plan.bytes().size() > kMaxPlan) return BugError("a plan of over 4 MiB");
  sys::MemFd file = MOAT_TRY(SealedFile(plan.bytes()));
  return PlanPointer(new StoredPlan{NextId(), std::move(plan), std::move(file), {}});
}

}  // namespace moat::api
