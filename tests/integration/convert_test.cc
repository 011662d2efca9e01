// The main job: people's pictures through ImageMagick.
#include <algorithm>
#include <filesystem>

#include "testkit/caller_test.h"
#include "testkit/png.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using testkit::ReadFile;

class Convert : public testkit::CallerTest {
 protected:
  void SetUp() override {
    CallerTest::SetUp();
    if (!IsSkipped() && !fs::exists("/usr/bin/convert")) GTEST_SKIP() << "ImageMagick is not installed";
  }
  testkit::Job Thumbnail(const std::string& picture) {
    return AsCaller().Profile("imagemagick").Input(picture).Output(out()).Run(
        {"convert", "{in}[0]", "-resize", "37x21!", "{out}/thumb.png"});
  }
  std::string out() const { return folder_ / "out"; }
};

void ExpectThumbnail(const testkit::Job& job, const std::string& file) {
  ASSERT_EQ(job.exit_code(), 0) << job;
  EXPECT_EQ(job.Cause(), "exit") << job;
  const auto size = testkit::ReadPng(ReadFile(file));
  ASSERT_TRUE(size.has_value()) << file << " is no PNG\n" << job;
  EXPECT_EQ(size->width, 37U);
  EXPECT_EQ(size->height, 21U);
}

TEST_P(Convert, MakesAThumbnailOfTheSample) {
  const testkit::Job job = Thumbnail(testkit::SourceFolder() + "/samples/photo.png");
  ExpectThumbnail(job, out() + "/thumb.png");
  EXPECT_EQ(job.err, "");
  ASSERT_EQ(job.report["outputs"].size(), 1U) << job;
  const auto output = job.OutputNamed("thumb.png");
  EXPECT_EQ(output["type"], "file");
  EXPECT_EQ(output["size"], fs::file_size(out() + "/thumb.png"));
  EXPECT_EQ(output["sha256"].get<std::string>().size(), 64U);
  EXPECT_FALSE(output["truncated"].get<bool>());
  EXPECT_TRUE(job.report["refused"].empty()) << job;
}

TEST_P(Convert, ReportSaysWhatItTookAndHowItWasConfined) {
  const testkit::Job job = Thumbnail(testkit::SourceFolder() + "/samples/photo.png");
  ASSERT_EQ(job.Cause(), "exit") << job;
  EXPECT_EQ(job.report["exit_code"], 0);
  EXPECT_TRUE(job.report["signal"].is_null());
  EXPECT_GT(job.report["wall"].get<std::uint64_t>(), 0U);
  EXPECT_GT(job.report["cpu"]["user"].get<std::uint64_t>() + job.report["cpu"]["system"].get<std::uint64_t>(), 0U);
  EXPECT_GT(job.report["memory_peak"]["total"].get<std::uint64_t>(), 1U << 20);
  EXPECT_EQ(job.report["policy"]["name"], "imagemagick");
  EXPECT_EQ(job.report["policy"]["hash"].get<std::string>().size(), 64U);
  EXPECT_EQ(job.report["denials"]["count"], 0);
  const auto enforced = job.Layers("enforced");
  for (const char* layer : {"user namespace", "mount namespace", "pid namespace", "network namespace", "capabilities",
                            "no_new_privs", "seccomp"}) {
    EXPECT_NE(std::find(enforced.begin(), enforced.end(), layer), enforced.end()) << layer << " in " << job;
  }
}

// The test says which pictures it has seen; without the corpus it has seen none of them.
TEST_P(Convert, EveryPictureOfTheCorpus) {
  const fs::path corpus = fs::path(MOAT_CORPUS) / "img";
  if (!fs::is_directory(corpus)) GTEST_SKIP() << "no corpus of pictures beside the source";
  int seen = 0;
  for (const auto& picture : fs::directory_iterator(corpus)) {
    if (picture.path().filename().string().rfind("xc", 0) == 0) continue;  // broken on purpose
    SCOPED_TRACE(picture.path());
    ExpectThumbnail(Thumbnail(picture.path()), out() + "/thumb.png");
    fs::remove_all(out());
    ++seen;
  }
  EXPECT_GT(seen, 0);
}

TEST_P(Convert, ABrokenPictureIsTheProgramsFailureAndNotOurs) {
  std::string broken = ReadFile(testkit::SourceFolder() + "/samples/photo.png");
  broken.resize(60);
  const testkit::Job job = Thumbnail(folder_.File("broken.png", broken));
  EXPECT_EQ(job.Cause(), "exit") << job;
  EXPECT_NE(job.exit_code(), 0);
  EXPECT_NE(job.exit_code(), 125);
  EXPECT_NE(job.err, "") << "the program's own words are passed on";
}

TEST_P(Convert, NoOtherProgramIsVisible) {
  for (const char* program : {"sh", "gs", "curl"}) {
    const testkit::Job job = AsCaller().Profile("imagemagick").Run({"convert", std::string("msl:/usr/bin/") + program, "x:"});
    EXPECT_NE(job.exit_code(), 0) << program;
  }
  // A picture that asks for another file, as in CVE-2016-3717.
  const std::string script = folder_.File("label.mvg",
                                          "push graphic-context\nviewbox 0 0 90 90\nimage over 0,0 0,0 'label:@/etc/passwd'\n"
                                          "pop graphic-context\n");
  const testkit::Job job = AsCaller().Profile("imagemagick").Input(script).Output(out()).Run({"convert", "mvg:{in}", "{out}/a.txt"});
  EXPECT_EQ(ReadFile(out() + "/a.txt").find("root:"), std::string::npos) << job;
}

MOAT_AS_BOTH_CALLERS(Convert);

}  // namespace
}  // namespace moat
