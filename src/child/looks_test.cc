#include "child/looks.h"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <string_view>

#include "bpf/syscall_table.h"
#include "uapi/syscall.h"

namespace moat::child {
namespace {

// What the table of all calls names a path is one here, and nothing else is.
TEST(Looks, KnowsThePathsOfEveryCall) {
  const std::set<std::string_view> names = {"pathname", "path",      "filename", "oldpath",  "newpath", "linkpath",
                                            "target",   "from_path", "to_path",  "new_root", "put_old", "source"};
  unsigned with_paths = 0;
  for (const bpf::SyscallInfo& call : bpf::Syscalls(bpf::NativeAbi())) {
    unsigned expected = 0;
    for (unsigned i = 0; i < call.arg_count; ++i) {
      if (call.args[i].kind == bpf::ArgKind::kPointer && names.count(call.args[i].name) != 0) expected |= 1U << i;
    }
    EXPECT_EQ(PathArguments(call.number), expected) << call.name;
    with_paths += expected != 0 ? 1 : 0;
  }
  EXPECT_GT(with_paths, 40U);
}

bool Leads(const std::string& path, Within within = Within::kNo, const char* folder = "in") {
  return MayLeadTo(path.c_str(), path.size() + 1, folder, within);
}

TEST(Looks, APathLeadsThereByTheNameOfItsFirstFolder) {
  for (const char* path : {"/in", "/in/a.png", "//in", "/./in/x", "in/x", "../in", "/proc/self/root/in/x", "/x/../in"}) {
    EXPECT_TRUE(Leads(path)) << path;
  }
  for (const char* path : {"", "/", ".", "/int", "/i", "/usr/lib/in.so", "/main/x", "x", "/usr//lib/", "/In"}) {
    EXPECT_FALSE(Leads(path)) << path;
  }
}

TEST(Looks, WithinTheFolderWhateverIsRelativeLeadsThere) {
  EXPECT_TRUE(Leads("a.png", Within::kYes));
  EXPECT_TRUE(Leads("./a", Within::kYes));
  EXPECT_FALSE(Leads("/usr/lib", Within::kYes));
  EXPECT_FALSE(Leads("", Within::kYes));
}

TEST(Looks, WhatIsNotKnownToItsEndMayLeadAnywhere) {
  EXPECT_TRUE(MayLeadTo("/usr/lib", 8, "in", Within::kNo));
  EXPECT_FALSE(MayLeadTo("/usr/lib", 9, "in", Within::kNo));
  EXPECT_TRUE(MayLeadTo("", 0, "in", Within::kNo));
}

TEST(Looks, StandardInputIsReadByDescriptor) {
  const std::array<std::uint64_t, 6> zero{}, three{3, 0, 0, 0, 0, 0}, wide{0x100000000, 0, 0, 0, 0, 0};
  EXPECT_TRUE(ReadsStandardInput(__NR_read, zero.data()));
  EXPECT_TRUE(ReadsStandardInput(__NR_read, wide.data())) << "the kernel looks at 32 bits";
  EXPECT_FALSE(ReadsStandardInput(__NR_read, three.data()));
  EXPECT_FALSE(ReadsStandardInput(__NR_write, zero.data()));
  EXPECT_TRUE(ReadsStandardInput(__NR_sendfile, three.data())) << "from its second";
}

TEST(Looks, CallsThatMakeAnother) {
  EXPECT_TRUE(MakesAnother(__NR_clone));
  EXPECT_TRUE(MakesAnother(__NR_clone3));
  EXPECT_FALSE(MakesAnother(__NR_execve));
}

}  // namespace
}  // namespace moat::child
