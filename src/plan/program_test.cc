// Finding the program, and telling before the start why it would not.
#include <gtest/gtest.h>

#include "plan/testing.h"

namespace moat::plan {
namespace {

class ProgramTest : public testing::Test {
 protected:
  // The path inside, or the error.
  std::string Find(const std::string& program) {
    case_.program = program;
    const auto plan = case_.Compile();
    return plan.ok() ? std::string(plan->Text(plan->header().exec_path)) : plan.error().ToString();
  }
  void ExpectError(const std::string& program, const std::vector<std::string>& words) {
    const std::string error = Find(program);
    for (const std::string& word : words) EXPECT_NE(error.find(word), std::string::npos) << word << " in: " << error;
  }

  Case case_;
};

TEST_F(ProgramTest, IsLookedForInThePathOfTheJob) {
  EXPECT_EQ(Find("true"), "/usr/bin/true");
  EXPECT_EQ(Find("/bin/true"), "/bin/true");
  EXPECT_EQ(Find("/usr/bin/../bin/./true"), "/usr/bin/true");
}

TEST_F(ProgramTest, ThePolicysOwnPathComesFirst) {
  case_.host.File("/usr/opt/true", 0755);
  case_.model = PolicyOf(std::string(kSmallPolicy) + "[environment.set]\nPATH = \"/usr/opt:/usr/bin\"\n");
  EXPECT_EQ(Find("true"), "/usr/opt/true");
}

TEST_F(ProgramTest, ARelativePathStartsInTheCallersFolder) {
  case_.host.File("/home/user/run", 0755, Elf(""));
  EXPECT_EQ(Find("./run"), "/home/user/run");
  EXPECT_EQ(Find("../user/run"), "/home/user/run");
}

TEST_F(ProgramTest, OneOutsideTheRulesIsShownInAddition) {
  case_.host.File("/opt/tool/run", 0755, Elf("/lib64/ld-linux-x86-64.so.2"));
  case_.path = "/opt/tool:/usr/bin";
  EXPECT_EQ(Find("/opt/tool/run"), "/opt/tool/run");
  EXPECT_EQ(Find("run"), "/opt/tool/run");
}

TEST_F(ProgramTest, FoldersThatAreNotAbsoluteAreNoPath) {
  case_.host.File("/home/user/odd", 0755, Elf(""));
  case_.path = ":.:bin";
  ExpectError("odd", {"there is no program `odd` in $PATH"});
}

TEST_F(ProgramTest, ScriptsNeedTheirInterpreter) {
  case_.host.File("/usr/bin/script", 0755, "#! /bin/sh -e\necho\n");
  EXPECT_EQ(Find("script"), "/usr/bin/script");
  case_.host.File("/opt/bin/perl5", 0755).File("/usr/bin/other", 0755, "#!/opt/bin/perl5\n");
  ExpectError("other", {"/usr/bin/other", "interpreter", "/opt/bin/perl5", "add it to `read`"});
}

TEST_F(ProgramTest, AMissingLoaderIsNamed) {
  case_.host.File("/usr/bin/odd", 0755, Elf("/lib/ld-musl-x86_64.so.1"));
  ExpectError("odd", {"/usr/bin/odd", "loader", "/lib/ld-musl-x86_64.so.1", "@libs"});
}

TEST_F(ProgramTest, StaticOnesNeedNone) {
  case_.host.File("/usr/bin/alone", 0755, Elf(""));
  EXPECT_EQ(Find("alone"), "/usr/bin/alone");
}

TEST_F(ProgramTest, DamagedHeadersAreNoReasonToReadBeyondThem) {
  std::string damaged = Elf("/lib64/ld-linux-x86-64.so.2");
  damaged.resize(70);
  case_.host.File("/usr/bin/short", 0755, damaged).File("/usr/bin/shebang", 0755, "#!").File("/usr/bin/blank", 0755, "#!  \n");
  EXPECT_EQ(Find("short"), "/usr/bin/short");
  EXPECT_EQ(Find("shebang"), "/usr/bin/shebang");
  EXPECT_EQ(Find("blank"), "/usr/bin/blank");
  std::string far = Elf("/lib64/ld-linux-x86-64.so.2");
  far[64 + 8] = '\x7f';  // the segment's offset, far behind the end
  far[64 + 14] = '\x7f';
  case_.host.File("/usr/bin/far", 0755, far);
  EXPECT_EQ(Find("far"), "/usr/bin/far");
}

TEST_F(ProgramTest, WhatIsNotExecutableIsNoProgram) {
  ExpectError("/usr/bin/data", {"`/usr/bin/data` is not executable", "chmod +x"});
  ExpectError("data", {"there is no program `data` in $PATH"});
  ExpectError("/usr/share", {"there is no program"});
}

TEST_F(ProgramTest, WhatIsNotThereIsNamed) {
  ExpectError("/usr/bin/none", {"there is no program `/usr/bin/none`"});
  ExpectError("", {"no program was named"});
}

TEST_F(ProgramTest, ALinkThatTheJobCannotFollowIsNoProgram) {
  case_.host.Link("/usr/bin/away", "/nowhere/away");
  ExpectError("away", {"there is no program `away`"});
}

}  // namespace
}  // namespace moat::plan
