// Policies of real programs, learned on one half of a corpus: they hold on the other half, and they know what
// others have measured of these programs with strace.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "policy/load.h"
#include "profile/find_profile.h"
#include "testkit/caller_test.h"
#include "watch/rules.h"

namespace moat {
namespace {

namespace fs = std::filesystem;
using Files = std::vector<std::string>;

class Programs : public testkit::RootTest {
 protected:
  void SetUp() override {
    RootTest::SetUp();
    if (!IsSkipped() && !fs::exists(MOAT_CORPUS)) GTEST_SKIP() << "no corpus of pictures and documents beside the source";
  }
  static testkit::Finished Ask(std::vector<std::string> words) {
    testkit::Command command = testkit::Moat().ToCommand({});
    words.insert(words.begin(), testkit::MoatPath());
    command.argv = std::move(words);
    command.timeout = std::chrono::minutes(2);
    return testkit::Process(command).Finish();
  }
  // Every second file into one half, the rest into the other.
  void Halve(Files files) {
    std::sort(files.begin(), files.end());
    for (const char* half : {"learned", "tested"}) folder_.Folder(half);
    for (std::size_t i = 0; i < files.size(); ++i) {
      fs::copy_file(files[i], folder_ / (i % 2 == 0 ? "learned" : "tested") / fs::path(files[i]).filename());
    }
  }
  static Files In(const std::string& folder, const std::string& ending = "") {
    Files files;
    for (const auto& file : fs::directory_iterator(std::string(MOAT_CORPUS) + "/" + folder)) {
      const std::string name = file.path().filename().string();
      if (name.size() >= ending.size() && name.substr(name.size() - ending.size()) == ending) files.push_back(file.path().string());
    }
    return files;
  }
  void LearnAndTest(const std::vector<std::string>& command) {
    if (!fs::exists(command.front())) GTEST_SKIP() << "there is no " << command.front();
    std::vector<std::string> words = {"learn", "--corpus", folder_ / "learned", "-o", policy(), "--"};
    words.insert(words.end(), command.begin(), command.end());
    const testkit::Finished learned = Ask(words);
    ASSERT_EQ(learned.exit_code(), 0) << learned.err;
    const testkit::Finished tested = Ask({"test", policy(), "--corpus", folder_ / "tested"});
    EXPECT_EQ(tested.exit_code(), 0) << learned.out << tested.out << tested.err << testkit::ReadFile(policy());
    EXPECT_NE(tested.out.find(", 0 stopped or hindered"), std::string::npos) << tested.out;
  }
  // Calls that strace saw of the tool over other inputs, and that the learned policy refuses.
  std::vector<std::string> MeasuredAndRefused(const std::string& tool) {
    const auto read = policy::ProfilesIn({testkit::BuildFolder() + "/share/moat/profiles"});
    const policy::Model model = *policy::Load(policy(), read);
    const watch::Rules rules = *watch::Rules::Of(model);
    std::istringstream rows(testkit::ReadFile(std::string(MOAT_CORPUS) + "/measured/syscalls.tsv"));
    std::vector<std::string> refused;
    for (std::string row; std::getline(rows, row);) {
      if (row.rfind(tool + "\t", 0) != 0) continue;
      std::istringstream names(row.substr(row.rfind('\t') + 1));
      for (std::string name; names >> name;) {
        if (name == "arch_prctl") continue;  // with one argument, by a rule that every policy has
        const bpf::SyscallInfo* call = bpf::FindSyscall(bpf::NativeAbi(), name);
        seccomp_data data{};
        data.arch = bpf::AuditArch(bpf::NativeAbi());
        data.nr = call != nullptr ? static_cast<int>(call->number) : 9999;
        const watch::Judgement judged = rules.Judge(data);
        const bool by_argument = judged.looked_at != 0;  // zeros stand for what strace's table does not tell
        const bool falls_back = judged.action.kind == bpf::ActionKind::kErrno && judged.action.data == ENOSYS;
        if (judged.action != bpf::Allow() && !by_argument && !falls_back) refused.push_back(name);
      }
    }
    return refused;
  }
  void ExpectMeasured(const std::string& tool, const std::vector<std::string>& but) {
    if (IsSkipped()) return;
    EXPECT_EQ(MeasuredAndRefused(tool), but) << tool;
  }
  std::string policy() const { return folder_ / "learned.toml"; }
};

using Names = std::vector<std::string>;

// What the tables have beyond the learned half is what its inputs did: SVGs through a delegate, caches that are
// written, a tracer's own environment.
TEST_F(Programs, Convert) {
  Files files = In("img");
  const Files vectors = In("svg", ".svg");
  files.insert(files.end(), vectors.begin(), vectors.end());
  Halve(files);
  LearnAndTest({"/usr/bin/convert", "{in}", "-resize", "64x64", "{out}/t.png"});
  ExpectMeasured("convert", Names());
}

TEST_F(Programs, RsvgConvert) {
  Halve(In("svg", ".svg"));
  LearnAndTest({"/usr/bin/rsvg-convert", "{in}", "-o", "{out}/t.png"});
  ExpectMeasured("rsvg-convert", Names());
}

TEST_F(Programs, Pdftoppm) {
  Halve(In("pdf"));
  LearnAndTest({"/usr/bin/pdftoppm", "-r", "40", "-png", "{in}", "{out}/p"});
  ExpectMeasured("pdftoppm", Names());
}

TEST_F(Programs, Ghostscript) {
  Halve(In("pdf"));
  LearnAndTest({"/usr/bin/gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=png16m", "-r40", "-sOutputFile={out}/p%d.png", "{in}"});
  ExpectMeasured("gs", Names());
}

// One film is no corpus: the same in other containers.
TEST_F(Programs, Ffmpeg) {
  if (!fs::exists("/usr/bin/ffmpeg")) GTEST_SKIP() << "there is no /usr/bin/ffmpeg";
  Files films = In("av", ".mp4");
  for (const char* ending : {"avi", "mkv", "mov", "mpg", "gif"}) {
    films.push_back(folder_ / (std::string("film.") + ending));
    testkit::Command command;
    command.argv = {"/usr/bin/ffmpeg", "-v", "quiet", "-i", films.front(), "-r", "25", films.back()};
    ASSERT_EQ(testkit::Process(command).Finish().exit_code(), 0) << ending;
  }
  Halve(films);
  LearnAndTest({"/usr/bin/ffmpeg", "-v", "error", "-i", "{in}", "-vf", "scale=32:32", "{out}/t.mp4"});
  ExpectMeasured("ffmpeg", Names());
}

TEST_F(Programs, Bsdtar) {
  Files archives = In("arc");
  for (const char* ending : {".tar", ".zip"}) {
    for (const std::string& file : In("probes", ending)) archives.push_back(file);
  }
  Halve(archives);
  LearnAndTest({"/usr/bin/bsdtar", "-C", "{out}", "-xf", "{in}"});
  ExpectMeasured("bsdtar", {"mknodat"});  // of archives with pipes in them
}

TEST_F(Programs, Python) {
  const Names scripts = {
      "import json, re, hashlib; print(hashlib.sha256(json.dumps(re.findall('a', 'abca')).encode()).hexdigest())",
      "import csv, io, random, decimal; random.seed(1); csv.writer(io.StringIO()).writerow([random.random(), decimal.Decimal('1.1') * 3])",
      "import zlib, tempfile\nwith tempfile.TemporaryFile() as f: f.write(zlib.compress(b'a' * 9999)); f.seek(0); print(len(f.read()))",
      "import base64, tempfile\nwith tempfile.NamedTemporaryFile() as f: f.write(base64.b64encode(b'x')); f.flush(); print(f.tell())",
      "import threading, queue; q = queue.Queue(); t = threading.Thread(target=q.put, args=(1,)); t.start(); t.join(); print(q.get())",
      "import threading; t = [threading.Thread(target=print, args=(i,)) for i in range(4)]; [x.start() for x in t]; [x.join() for x in t]",
  };
  Files files;
  for (std::size_t i = 0; i < scripts.size(); ++i) files.push_back(folder_.File(std::to_string(i) + ".py", scripts[i]));
  Halve(files);
  LearnAndTest({"/usr/bin/python3", "{in}"});
  // The table's scripts fork, and connect to somewhere.
  ExpectMeasured("python3", {"connect", "epoll_create1"});
}

TEST_F(Programs, Node) {
  const std::string worker = "const { Worker, isMainThread, parentPort } = require('worker_threads');\n"
                             "if (isMainThread) new Worker(__filename).on('message', console.log); else parentPort.postMessage(";
  const Names scripts = {
      "console.log(require('crypto').createHash('sha256').update('a').digest('hex'));",
      "setTimeout(() => console.log(new WebAssembly.Memory({ initial: 1 }).buffer.byteLength), 5);",
      "const fs = require('fs'); fs.writeFileSync('/tmp/x', require('zlib').gzipSync('a')); console.log(fs.readFileSync('/tmp/x').length);",
      "const fs = require('fs'); fs.writeFileSync('/tmp/y', 'a'); console.log(fs.readFileSync('/tmp/y').toString('base64'));",
      worker + "[3, 1].sort());",
      worker + "Buffer.from('b'));",
  };
  Files files;
  for (std::size_t i = 0; i < scripts.size(); ++i) files.push_back(folder_.File(std::to_string(i) + ".js", scripts[i]));
  Halve(files);
  LearnAndTest({"/usr/bin/node", "{in}"});
  ExpectMeasured("node", Names());
}

}  // namespace
}  // namespace moat
