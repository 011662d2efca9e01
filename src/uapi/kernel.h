// Kernel constants and structures that the distribution's headers lack, or that cannot be
// included beside libc's. Values are the kernel's ABI: include/uapi/linux of Linux 6.18.
#pragma once

#include <cstdint>

namespace moat::uapi {

// clone3(2)
struct CloneArgs {
  std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
      set_tid_size, cgroup;
};
inline constexpr std::uint64_t kCloneVm = 0x100;
inline constexpr std::uint64_t kCloneFiles = 0x400;
inline constexpr std::uint64_t kCloneVfork = 0x4000;
inline constexpr std::uint64_t kClonePidfd = 0x1000;
inline constexpr std::uint64_t kCloneParent = 0x8000;
inline constexpr std::uint64_t kCloneNewTime = 0x80;
inline constexpr std::uint64_t kCloneNewNs = 0x20000;
inline constexpr std::uint64_t kCloneNewCgroup = 0x02000000;
inline constexpr std::uint64_t kCloneNewUts = 0x04000000;
inline constexpr std::uint64_t kCloneNewIpc = 0x08000000;
inline constexpr std::uint64_t kCloneNewUser = 0x10000000;
inline constexpr std::uint64_t kCloneNewPid = 0x20000000;
inline constexpr std::uint64_t kCloneNewNet = 0x40000000;
inline constexpr std::uint64_t kCloneClearSighand = 0x100000000ULL;
inline constexpr std::uint64_t kCloneIntoCgroup = 0x200000000ULL;

// openat2(2)
struct OpenHow {
  std::uint64_t flags, mode, resolve;
};
inline constexpr std::uint64_t kResolveNoXdev = 1;
inline constexpr std::uint64_t kResolveNoMagiclinks = 2;
inline constexpr std::uint64_t kResolveNoSymlinks = 4;
inline constexpr std::uint64_t kResolveBeneath = 8;
inline constexpr std::uint64_t kResolveInRoot = 16;

// mount API
inline constexpr unsigned kOpenTreeClone = 1;
inline constexpr unsigned kOpenTreeCloexec = 02000000;
inline constexpr unsigned kAtEmptyPath = 0x1000;
inline constexpr unsigned kAtRecursive = 0x8000;
inline constexpr unsigned kAtSymlinkNofollow = 0x100;
inline constexpr unsigned kFsopenCloexec = 1;
inline constexpr unsigned kFsmountCloexec = 1;
inline constexpr unsigned kFsconfigSetFlag = 0;
inline constexpr unsigned kFsconfigSetString = 1;
inline constexpr unsigned kFsconfigSetFd = 5;
inline constexpr unsigned kFsconfigCreate = 6;
inline constexpr unsigned kMoveMountFromEmptyPath = 0x4;
inline constexpr unsigned kMoveMountToEmptyPath = 0x40;
inline constexpr std::uint64_t kMountAttrRdonly = 0x1;
inline constexpr std::uint64_t kMountAttrNosuid = 0x2;
inline constexpr std::uint64_t kMountAttrNodev = 0x4;
inline constexpr std::uint64_t kMountAttrNoexec = 0x8;
inline constexpr std::uint64_t kMountAttrNosymfollow = 0x200000;
inline constexpr std::uint64_t kMountAttrIdmap = 0x100000;
inline constexpr std::uint64_t kMsPrivate = 1 << 18;
struct MountAttr {
  std::uint64_t attr_set, attr_clr, propagation, userns_fd;
};
inline constexpr int kMntDetach = 2;

// landlock(7), ABI 1..7
struct LandlockRulesetAttr {
  std::uint64_t handled_access_fs, handled_access_net, scoped;
};
struct __attribute__((packed)) LandlockPathBeneath {
  std::uint64_t allowed_access;
  std::int32_t parent_fd;
};
inline constexpr std::uint64_t kLandlockExecute = 1ULL << 0;
inline constexpr std::uint64_t kLandlockWriteFile = 1ULL << 1;
inline constexpr std::uint64_t kLandlockReadFile = 1ULL << 2;
inline constexpr std::uint64_t kLandlockReadDir = 1ULL << 3;
inline constexpr std::uint64_t kLandlockRemoveDir = 1ULL << 4;
inline constexpr std::uint64_t kLandlockRemoveFile = 1ULL << 5;
inline constexpr std::uint64_t kLandlockMakeChar = 1ULL << 6;
inline constexpr std::uint64_t kLandlockMakeDir = 1ULL << 7;
inline constexpr std::uint64_t kLandlockMakeReg = 1ULL << 8;
inline constexpr std::uint64_t kLandlockMakeSock = 1ULL << 9;
inline constexpr std::uint64_t kLandlockMakeFifo = 1ULL << 10;
inline constexpr std::uint64_t kLandlockMakeBlock = 1ULL << 11;
inline constexpr std::uint64_t kLandlockMakeSym = 1ULL << 12;
inline constexpr std::uint64_t kLandlockRefer = 1ULL << 13;     // ABI 2
inline constexpr std::uint64_t kLandlockTruncate = 1ULL << 14;  // ABI 3
inline constexpr std::uint64_t kLandlockIoctlDev = 1ULL << 15;  // ABI 5
inline constexpr std::uint64_t kLandlockBindTcp = 1ULL << 0;    // ABI 4
inline constexpr std::uint64_t kLandlockConnectTcp = 1ULL << 1;
inline constexpr std::uint64_t kLandlockScopeAbstractUnix = 1ULL << 0;  // ABI 6
inline constexpr std::uint64_t kLandlockScopeSignal = 1ULL << 1;
inline constexpr unsigned kLandlockCreateRulesetVersion = 1;
inline constexpr unsigned kLandlockRulePathBeneath = 1;

}  // namespace moat::uapi
