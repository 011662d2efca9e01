#include "bpf/syscall_table.h"

#include <gtest/gtest.h>
#include <linux/audit.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moat::bpf {
namespace {

using Names = std::vector<std::string_view>;

constexpr Abi kAbis[] = {Abi::kX86_64, Abi::kAarch64};

struct HeaderNumber {
  Abi abi;
  std::string_view name;
  std::uint32_t number;
};
constexpr HeaderNumber kHeaderNumbers[] = {
#include "bpf/syscall_numbers.inc"
};

const SyscallInfo& Get(std::string_view name, Abi abi = Abi::kX86_64) {
  static const SyscallInfo kMissing{};
  const SyscallInfo* found = FindSyscall(abi, name);
  EXPECT_NE(found, nullptr) << name;
  return found == nullptr ? kMissing : *found;
}

// "ulong:flags" is easier to read in a failure than six comparisons.
std::string ArgsOf(const SyscallInfo& info) {
  static const std::map<ArgKind, std::string> kWords = {
      {ArgKind::kInt, "int"},   {ArgKind::kUint, "uint"},   {ArgKind::kFd, "fd"},
      {ArgKind::kLong, "long"}, {ArgKind::kUlong, "ulong"}, {ArgKind::kPointer, "ptr"}};
  std::string text;
  for (int i = 0; i < info.arg_count; ++i) {
    if (i > 0) text += ' ';
    text += kWords.at(info.args[i].kind) + ":" + std::string(info.args[i].name);
  }
  return text;
}

std::string KindsOf(std::string_view name, Abi abi = Abi::kX86_64) {
  std::string kinds;
  const std::string args = ArgsOf(Get(name, abi));
  for (std::size_t at = 0; at < args.size(); at = args.find(' ', at) + 1) {
    if (at > 0) kinds += ' ';
    kinds += args.substr(at, args.find(':', at) - at);
    if (args.find(' ', at) == std::string::npos) break;
  }
  return kinds;
}

TEST(SyscallTable, HasEveryCall) {
  std::set<std::uint32_t> numbers;
  for (const SyscallInfo& info : Syscalls(Abi::kX86_64)) numbers.insert(info.number);
  for (std::uint32_t number = 0; number <= 336; ++number) EXPECT_EQ(numbers.count(number), 1U) << number;
  for (std::uint32_t number = 424; number <= 471; ++number) EXPECT_EQ(numbers.count(number), 1U) << number;
  EXPECT_EQ(numbers.size(), 337U + 48U);

  // 244-259 belong to other machines, 295-423 to 32-bit ones.
  numbers.clear();
  for (const SyscallInfo& info : Syscalls(Abi::kAarch64)) numbers.insert(info.number);
  EXPECT_EQ(numbers.size(), 244U + 35U + 48U);
  EXPECT_EQ(numbers.count(244) + numbers.count(259) + numbers.count(295) + numbers.count(423), 0U);
}

TEST(SyscallTable, AgreesWithTheHeadersInBothDirections) {
  std::map<Abi, std::uint32_t> last;
  for (const HeaderNumber& header : kHeaderNumbers) {
    const SyscallInfo* info = FindSyscall(header.abi, header.name);
    if (info == nullptr && header.number > 471) continue;  // headers newer than the table
    ASSERT_NE(info, nullptr) << header.name << " is in the headers only";
    EXPECT_EQ(info->number, header.number) << header.name;
    last[header.abi] = std::max(last[header.abi], header.number);
  }
  if (last.empty()) GTEST_SKIP() << "this system's headers list no numbers";
  std::set<std::pair<Abi, std::string_view>> known;
  for (const HeaderNumber& header : kHeaderNumbers) known.emplace(header.abi, header.name);
  const std::set<std::string_view> dropped = {"nfsservctl", "lookup_dcookie", "uretprobe", "uprobe"};
  for (const auto& [abi, highest] : last) {
    for (const SyscallInfo& info : Syscalls(abi)) {
      if (info.number > highest || dropped.count(info.name) > 0) continue;
      EXPECT_EQ(known.count({abi, info.name}), 1U) << info.name << " is in the table only";
    }
  }
}

// The kernel's own list for numbers above those of old headers.
TEST(SyscallTable, NewCallsHaveOneNumberOnBothAbis) {
  const std::map<std::uint32_t, std::string_view> numbers = {
      {451, "cachestat"},         {452, "fchmodat2"},        {453, "map_shadow_stack"},
      {454, "futex_wake"},        {455, "futex_wait"},       {456, "futex_requeue"},
      {457, "statmount"},         {458, "listmount"},        {459, "lsm_get_self_attr"},
      {460, "lsm_set_self_attr"}, {461, "lsm_list_modules"}, {462, "mseal"},
      {463, "setxattrat"},        {464, "getxattrat"},       {465, "listxattrat"},
      {466, "removexattrat"},     {467, "open_tree_attr"},   {468, "file_getattr"},
      {469, "file_setattr"},      {470, "listns"},           {471, "rseq_slice_yield"}};
  for (const Abi abi : kAbis) {
    for (const auto& [number, name] : numbers) EXPECT_EQ(Get(name, abi).number, number) << name;
  }
  for (const SyscallInfo& info : Syscalls(Abi::kX86_64)) {
    if (info.number < 424) continue;
    EXPECT_EQ(Get(info.name, Abi::kAarch64).number, info.number) << info.name;
  }
}

TEST(SyscallTable, LooksUpByNumberAndName) {
  for (const Abi abi : kAbis) {
    for (const SyscallInfo& info : Syscalls(abi)) {
      EXPECT_EQ(FindSyscall(abi, info.number), &info);
      EXPECT_EQ(FindSyscall(abi, info.name), &info);
    }
    for (const std::string_view name : Names{"", "rea", "readd", "zzz", "READ", "_"}) {
      EXPECT_EQ(FindSyscall(abi, name), nullptr) << name;
    }
    EXPECT_EQ(FindSyscall(abi, 400U), nullptr);
    EXPECT_EQ(FindSyscall(abi, 472U), nullptr);
    EXPECT_EQ(FindSyscall(abi, 0xffffffffU), nullptr);
  }
  EXPECT_EQ(FindSyscall(Abi::kX86_64, 0x40000000U), nullptr);  // x32
}

TEST(SyscallTable, RowsAreWellFormed) {
  for (const Abi abi : kAbis) {
    for (const SyscallInfo& info : Syscalls(abi)) {
      EXPECT_LE(info.tier, 4) << info.name;
      EXPECT_GE(info.reason.size(), 15U) << info.name;
      for (int i = 0; i < 6; ++i) {
        const bool used = i < info.arg_count;
        EXPECT_EQ(info.args[i].kind != ArgKind::kNone, used) << info.name;
        EXPECT_EQ(!info.args[i].name.empty(), used) << info.name;
      }
    }
  }
}

TEST(SyscallTable, AbisShareTheFacts) {
  const std::set<std::string_view> reordered = {"clone", "fadvise64"};
  for (const SyscallInfo& arm : Syscalls(Abi::kAarch64)) {
    const SyscallInfo& x86 = Get(arm.name);
    EXPECT_EQ(arm.group, x86.group) << arm.name;
    EXPECT_EQ(arm.tier, x86.tier) << arm.name;
    EXPECT_EQ(ArgsOf(arm) == ArgsOf(x86), reordered.count(arm.name) == 0) << arm.name;
  }
}

TEST(SyscallTable, Aarch64LacksTheOldCalls) {
  for (const std::string_view name :
       Names{"open",  "stat",       "lstat", "access",     "fork",  "vfork",    "pipe",
             "dup2",  "select",     "poll",  "epoll_wait", "mkdir", "unlink",   "rename",
             "chmod", "arch_prctl", "time",  "alarm",      "iopl",  "uretprobe"}) {
    EXPECT_EQ(FindSyscall(Abi::kAarch64, name), nullptr) << name;
  }
  EXPECT_EQ(Get("renameat", Abi::kAarch64).number, 38U);
  EXPECT_EQ(Get("mmap", Abi::kAarch64).number, 222U);
  EXPECT_EQ(Get("seccomp", Abi::kAarch64).number, 277U);
}

TEST(SyscallTable, SocketsTake32Bits) {
  EXPECT_EQ(KindsOf("socket"), "int int int");
  EXPECT_EQ(KindsOf("socketpair"), "int int int ptr");
  EXPECT_EQ(KindsOf("setsockopt"), "fd int int ptr int");
  EXPECT_EQ(KindsOf("bind"), "fd ptr int");
  EXPECT_EQ(KindsOf("accept4"), "fd ptr ptr int");
  EXPECT_EQ(KindsOf("sendto"), "fd ptr ulong uint ptr int");
}

TEST(SyscallTable, ArgumentsAreAsWideAsTheKernelReads) {
  EXPECT_EQ(ArgsOf(Get("ioctl")), "fd:fd uint:cmd ulong:arg");
  EXPECT_EQ(ArgsOf(Get("fcntl")), "fd:fd uint:cmd ulong:arg");
  EXPECT_EQ(ArgsOf(Get("mmap")), "ulong:addr ulong:length ulong:prot ulong:flags fd:fd ulong:offset");
  EXPECT_EQ(ArgsOf(Get("mprotect")), "ulong:addr ulong:len ulong:prot");
  EXPECT_EQ(ArgsOf(Get("openat")), "fd:dirfd ptr:pathname int:flags uint:mode");
  EXPECT_EQ(KindsOf("prctl"), "int ulong ulong ulong ulong");
  EXPECT_EQ(KindsOf("pread64"), "fd ptr ulong long");
  EXPECT_EQ(KindsOf("readv"), "fd ptr ulong");
  EXPECT_EQ(KindsOf("personality"), "uint");
  EXPECT_EQ(KindsOf("ptrace"), "long long ulong ulong");
  EXPECT_EQ(KindsOf("unshare"), "ulong");
  EXPECT_EQ(KindsOf("futex"), "ptr int uint ptr ptr uint");
  EXPECT_EQ(KindsOf("clock_gettime"), "int ptr");
  EXPECT_EQ(KindsOf("close_range"), "uint uint uint");
  EXPECT_EQ(KindsOf("getpid"), "");
  EXPECT_TRUE(Is32Bit(Get("socket").args[0].kind));
  EXPECT_TRUE(Is32Bit(Get("ioctl").args[1].kind));
  EXPECT_FALSE(Is32Bit(Get("mmap").args[2].kind));
}

TEST(SyscallTable, CloneHasAnOrderPerAbi) {
  EXPECT_EQ(ArgsOf(Get("clone", Abi::kX86_64)),
            "ulong:flags ulong:stack ptr:parent_tid ptr:child_tid ulong:tls");
  EXPECT_EQ(ArgsOf(Get("clone", Abi::kAarch64)),
            "ulong:flags ulong:stack ptr:parent_tid ulong:tls ptr:child_tid");
}

TEST(SyscallTable, Since) {
  EXPECT_EQ(Get("read").since, "");
  EXPECT_EQ(Get("seccomp").since, "3.17");
  EXPECT_EQ(Get("clone3").since, "5.3");
  EXPECT_EQ(Get("uprobe").since, "6.18");
  EXPECT_EQ(Get("listns").since, "6.19");
}

const std::set<std::string_view> kNever = {"mount",
                                           "umount2",
                                           "pivot_root",
                                           "open_tree",
                                           "open_tree_attr",
                                           "move_mount",
                                           "fsopen",
                                           "fsconfig",
                                           "fsmount",
                                           "fspick",
                                           "mount_setattr",
                                           "setns",
                                           "listns",
                                           "open_by_handle_at",
                                           "bpf",
                                           "init_module",
                                           "finit_module",
                                           "delete_module",
                                           "kexec_load",
                                           "kexec_file_load",
                                           "reboot",
                                           "swapon",
                                           "swapoff",
                                           "acct",
                                           "quotactl",
                                           "quotactl_fd",
                                           "vhangup",
                                           "syslog",
                                           "iopl",
                                           "ioperm",
                                           "settimeofday",
                                           "clock_settime",
                                           "adjtimex",
                                           "clock_adjtime",
                                           "sethostname",
                                           "setdomainname",
                                           "uselib",
                                           "_sysctl",
                                           "create_module",
                                           "get_kernel_syms",
                                           "query_module",
                                           "nfsservctl",
                                           "getpmsg",
                                           "putpmsg",
                                           "afs_syscall",
                                           "tuxcall",
                                           "security",
                                           "vserver",
                                           "epoll_ctl_old",
                                           "epoll_wait_old",
                                           "lookup_dcookie"};

TEST(SyscallTable, TierFourIsWhatRebuildsTheJailOrRulesTheHost) {
  for (const SyscallInfo& info : Syscalls(Abi::kX86_64)) {
    EXPECT_EQ(info.tier == 4, kNever.count(info.name) > 0) << info.name;
  }
}

const std::set<std::string_view> kGranted = {"clone3",
                                             "unshare",
                                             "seccomp",
                                             "io_uring_setup",
                                             "io_uring_enter",
                                             "io_uring_register",
                                             "io_setup",
                                             "io_submit",
                                             "io_cancel",
                                             "io_destroy",
                                             "io_getevents",
                                             "io_pgetevents",
                                             "ptrace",
                                             "process_vm_readv",
                                             "process_vm_writev",
                                             "pidfd_getfd",
                                             "kcmp",
                                             "process_madvise",
                                             "process_mrelease",
                                             "get_robust_list",
                                             "userfaultfd",
                                             "vmsplice",
                                             "remap_file_pages",
                                             "modify_ldt",
                                             "personality",
                                             "memfd_secret",
                                             "map_shadow_stack",
                                             "perf_event_open",
                                             "add_key",
                                             "request_key",
                                             "keyctl",
                                             "mbind",
                                             "get_mempolicy",
                                             "set_mempolicy",
                                             "set_mempolicy_home_node",
                                             "migrate_pages",
                                             "move_pages",
                                             "cachestat",
                                             "sched_setscheduler",
                                             "sched_setparam",
                                             "sched_setattr",
                                             "ioprio_set",
                                             "fanotify_init",
                                             "fanotify_mark",
                                             "sync",
                                             "syncfs",
                                             "ustat",
                                             "sysfs",
                                             "chroot",
                                             "file_setattr",
                                             "lsm_get_self_attr",
                                             "lsm_set_self_attr",
                                             "lsm_list_modules",
                                             "get_thread_area",
                                             "set_thread_area"};

TEST(SyscallTable, TierThreeNeedsAReason) {
  for (const SyscallInfo& info : Syscalls(Abi::kX86_64)) {
    EXPECT_EQ(info.tier == 3, kGranted.count(info.name) > 0) << info.name;
  }
}

TEST(SyscallGroups, PartitionTheTable) {
  std::set<std::string_view> names;
  for (const GroupInfo& group : Groups()) {
    EXPECT_TRUE(names.insert(group.name).second) << group.name;
    EXPECT_EQ(FindGroup(group.name), &group);
    EXPECT_FALSE(group.doc.empty()) << group.name;
  }
  std::set<std::string_view> used;
  for (const Abi abi : kAbis) {
    for (const SyscallInfo& info : Syscalls(abi)) {
      EXPECT_NE(FindGroup(info.group), nullptr) << info.name;
      used.insert(info.group);
    }
  }
  EXPECT_EQ(used, names);
  EXPECT_EQ(FindGroup("@io"), nullptr);
  EXPECT_EQ(FindGroup("nonsense"), nullptr);
}

TEST(SyscallGroups, NeverGrantDangerByTheWay) {
  std::map<std::string_view, std::set<int>> tiers;
  for (const SyscallInfo& info : Syscalls(Abi::kX86_64)) tiers[info.group].insert(info.tier);
  for (const GroupInfo& group : Groups()) {
    const std::set<int>& inside = tiers[group.name];
    ASSERT_FALSE(inside.empty()) << group.name;
    EXPECT_EQ(*inside.rbegin(), group.max_tier) << group.name;
    EXPECT_EQ(*inside.begin() >= 3, group.max_tier >= 3) << group.name;
  }
}

const std::vector<Names> kFamilies = {
    {"open", "openat", "openat2", "creat"},
    {"stat", "lstat", "fstat", "newfstatat", "statx"},
    {"access", "faccessat", "faccessat2"},
    {"rename", "renameat", "renameat2"},
    {"link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir"},
    {"fork", "vfork", "clone"},
    {"execve", "execveat"},
    {"nanosleep", "clock_nanosleep"},
    {"gettimeofday", "time", "clock_gettime"},
    {"chmod", "fchmod", "fchmodat", "fchmodat2"},
    {"chown", "lchown", "fchown", "fchownat"},
    {"mknod", "mknodat"},
    {"getxattr", "lgetxattr", "fgetxattr", "getxattrat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat",
     "listxattr", "llistxattr", "flistxattr", "listxattrat", "removexattr", "lremovexattr", "fremovexattr",
     "removexattrat"},
    {"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "process_madvise"},
    {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"},
    {"poll", "ppoll", "select", "pselect6"},
    {"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2"},
    {"dup", "dup2", "dup3"},
    {"pipe", "pipe2"},
    {"eventfd", "eventfd2"},
    {"signalfd", "signalfd4"},
    {"inotify_init", "inotify_init1"},
    {"mmap", "mprotect", "pkey_mprotect", "munmap", "mremap"},
    {"mlock", "mlock2", "mlockall"},
    {"futex", "futex_wait", "futex_wake", "futex_waitv", "futex_requeue"},
    {"setrlimit", "getrlimit", "prlimit64"},
    {"unshare", "setns"},
    {"sendmsg", "sendmmsg", "sendto", "recvmsg", "recvmmsg", "recvfrom"},
    {"mount", "umount2", "open_tree", "open_tree_attr", "move_mount", "fsopen", "fsmount", "mount_setattr"},
};

TEST(SyscallGroups, SiblingsStayTogether) {
  for (const Names& family : kFamilies) {
    for (const std::string_view name : family) EXPECT_EQ(Get(name).group, Get(family[0]).group) << name;
  }
}

TEST(SyscallGroups, Clone3StandsAloneSoThatItsAnswerIsItsOwn) {
  for (const SyscallInfo& info : Syscalls(Abi::kX86_64)) {
    EXPECT_EQ(info.group == "clone3", info.name == "clone3") << info.name;
  }
}

TEST(Abi, NamesAndAuditNumbers) {
  EXPECT_EQ(AuditArch(Abi::kX86_64), static_cast<std::uint32_t>(AUDIT_ARCH_X86_64));
  EXPECT_EQ(AuditArch(Abi::kAarch64), static_cast<std::uint32_t>(AUDIT_ARCH_AARCH64));
  for (const Abi abi : kAbis) EXPECT_EQ(AbiFromName(AbiName(abi)), abi);
  EXPECT_EQ(AbiFromName("amd64"), std::nullopt);
#if defined(__x86_64__)
  EXPECT_EQ(NativeAbi(), Abi::kX86_64);
#elif defined(__aarch64__)
  EXPECT_EQ(NativeAbi(), Abi::kAarch64);
#endif
}

}  // namespace
}  // namespace moat::bpf
