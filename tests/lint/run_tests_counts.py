#!/usr/bin/env python3
"""tools/run-tests counts truthfully: a project of its own with every way to pass and to fail."""
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Scripts stand in for GoogleTest programs: what counts is the XML file and the exit code.
CMAKE = """
cmake_minimum_required(VERSION 3.25)
project(x NONE)
enable_testing()
function(script name)
  add_test(NAME ${name} COMMAND sh ${CMAKE_SOURCE_DIR}/${name}.sh)
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77
    ENVIRONMENT OUT=${CMAKE_BINARY_DIR}/results/${name}.xml)
endfunction()
"""
PRESETS = """{"version": 6,
  "configurePresets": [{"name": "p", "generator": "Ninja", "binaryDir": "${sourceDir}/build/p"}],
  "testPresets": [{"name": "p", "configurePreset": "p", "filter": {"exclude": {"label": "^other$"}}}]}"""
XML = """cat >"$OUT" <<'X'
<testsuites><testsuite name="S">%s</testsuite></testsuites>
X
"""
PASSED = '<testcase name="a" classname="S" status="run" result="completed"/>'
FAILED = '<testcase name="b" classname="S" status="run"><failure message="no"/></testcase>'
SKIPPED = '<testcase name="c" classname="S" status="run"><skipped message="x_test.cc:3&#x0A;no cgroup"/></testcase>'
DISABLED = '<testcase name="d" classname="S" status="notrun"/>'


class RunTests(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="moat-run-tests."))
        self.addCleanup(shutil.rmtree, self.root)
        (self.root / "tools").mkdir()
        (self.root / "tests").mkdir()
        for name in ("run-tests", "test_world.py"):
            shutil.copy(ROOT / "tools" / name, self.root / "tools")
        (self.root / "CMakePresets.json").write_text(PRESETS)
        self.allow("")

    def allow(self, text):
        (self.root / "tests" / "allowed-skips.txt").write_text(text)

    def run_project(self, ci=False, extra="", begin=None, **scripts):
        """(exit code, last line, whole output) of run-tests on a project of these scripts."""
        lists = CMAKE + extra
        for name, text in scripts.items():
            (self.root / f"{name}.sh").write_text(text)
            lists += f"script({name})\n"
        (self.root / "CMakeLists.txt").write_text(lists)
        environment = {name: value for name, value in os.environ.items() if name != "CI"}
        if ci:
            environment["CI"] = "true"
        subprocess.run(["cmake", "--preset", "p"], cwd=self.root, check=True, stdout=subprocess.DEVNULL)
        result = subprocess.run([sys.executable, "tools/run-tests", "p"], cwd=self.root, env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                preexec_fn=begin)
        return result.returncode, result.stdout.splitlines()[-1], result.stdout

    def test_passes(self):
        code, last, _ = self.run_project(script="exit 0", gtest=XML % (PASSED * 3))
        self.assertEqual((code, last), (0, "4 passed, 0 failed, 0 skipped"))

    def test_counts_cases(self):
        code, last, output = self.run_project(gtest=XML % (PASSED + FAILED + SKIPPED + DISABLED) + "exit 1")
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 2 skipped"))
        self.assertIn("skipped: gtest/S.c: no cgroup", output)

    def test_failures_are_left_with_their_last_words(self):
        sanitizer = "echo 'SUMMARY: ThreadSanitizer: data race x.cc:3'; echo more; exit 66"
        self.run_project(gtest=XML % (PASSED + FAILED) + "exit 1", talker="echo the reason; exit 1", race=sanitizer)
        lines = (self.root / "build/p/results/failures").read_text().splitlines()
        self.assertEqual(len(lines), 3)
        self.assertIn("failed: gtest/S.b: no", lines)
        self.assertTrue(any(re.fullmatch("failed: talker: .*: the reason", line) for line in lines), lines)
        self.assertTrue(any(re.fullmatch(r"failed: race: .*: SUMMARY: .* x\.cc:3", line) for line in lines), lines)

    def test_a_crash_after_good_cases_is_a_failure(self):
        code, last, _ = self.run_project(gtest=XML % (PASSED * 2) + "kill -SEGV $$")
        self.assertEqual((code, last), (1, "2 passed, 1 failed, 0 skipped"))

    def test_a_crash_before_the_file_is_a_failure(self):
        code, last, _ = self.run_project(good="exit 0", gtest="kill -SEGV $$")
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_torn_file_is_a_failure(self):
        code, last, _ = self.run_project(good="exit 0", gtest='echo "<testsuites" >"$OUT"; exit 3')
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"))

    def test_a_time_limit_is_a_failure(self):
        extra = """add_test(NAME slow COMMAND sh -c "echo begun; sleep 1000")
            set_tests_properties(slow PROPERTIES TIMEOUT 1)\n"""
        code, last, output = self.run_project(good="exit 0", extra=extra)
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"))
        self.assertRegex(output, "failed: slow: .*begun")

    def test_a_missing_program_is_a_failure(self):
        code, last, _ = self.run_project(good="exit 0", extra="add_test(NAME gone COMMAND /nonexistent/gone)\n")
        self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"))

    def test_nothing_ran(self):
        self.assertEqual(self.run_project()[0], 1)
        self.assertEqual(self.run_project(all_skip="echo SKIP: because; exit 77")[0], 1)
        self.assertEqual(self.run_project(empty=XML % "")[0], 1)

    def test_skips(self):
        scripts = {"good": "exit 0", "skipper": "echo SKIP: no cgroup; exit 77", "gtest": XML % (PASSED + SKIPPED)}
        code, last, output = self.run_project(**scripts)
        self.assertEqual((code, last), (0, "2 passed, 0 failed, 2 skipped"))
        self.assertIn("skipped: skipper: no cgroup", output)

        code, last, output = self.run_project(ci=True, **scripts)
        self.assertEqual((code, last), (1, "2 passed, 2 failed, 0 skipped"))
        self.assertIn("does not list: no cgroup", output)

        self.allow("# comment\nskipper: no c.*\ngtest/S\\.c: no cgroup\n")
        code, last, _ = self.run_project(ci=True, **scripts)
        self.assertEqual((code, last), (0, "2 passed, 0 failed, 2 skipped"))

        self.allow("skipper: another reason\ngtest/S\\.c: no cgroup\n")
        self.assertEqual(self.run_project(ci=True, **scripts)[0], 1)

    def test_results_of_an_older_run_are_not_counted(self):
        self.run_project(gtest=XML % (PASSED * 5))
        code, last, _ = self.run_project(gtest="exit 0")
        self.assertEqual((code, last), (0, "1 passed, 0 failed, 0 skipped"))

    def test_what_the_preset_leaves_out_is_named(self):
        extra = "add_test(NAME elsewhere COMMAND false)\nset_tests_properties(elsewhere PROPERTIES LABELS other)\n"
        code, last, output = self.run_project(good="exit 0", extra=extra)
        self.assertEqual((code, last), (0, "1 passed, 0 failed, 0 skipped"))
        self.assertIn("not in preset p: elsewhere", output)

    def test_what_is_left_behind_is_a_failure(self):
        for what, script in (("file ", "mktemp"), ("process ", "setsid sleep 1000 >/dev/null 2>&1 & exit 0")):
            code, last, output = self.run_project(leaver=script)
            self.assertEqual((code, last), (1, "1 passed, 1 failed, 0 skipped"), output)
            self.assertIn(f"left behind: {what}", output)
        # What ends by itself in time is not left.
        code, last, _ = self.run_project(leaver="setsid sleep 0.5 >/dev/null 2>&1 & exit 0")
        self.assertEqual((code, last), (0, "1 passed, 0 failed, 0 skipped"))

    def test_every_run_begins_in_the_same_state(self):
        script = """grep -E '^Sig(Blk|Ign):' /proc/self/status; umask; ulimit -Sc; ulimit -Ss; ulimit -Sn
            readlink /proc/self/fd/0; exit 1"""
        _, _, normal = self.run_project(state=script)
        _, _, careless = self.run_project(state=script, begin=be_careless)
        pick = re.compile(r"^(?:Sig.*|[0-9]+|/.*)$", re.M)
        self.assertEqual(pick.findall(careless), pick.findall(normal))
        ignored = int(re.search(r"SigIgn:\t([0-9a-f]+)", normal).group(1), 16)
        # 32 and 33 are the C library's own: whoever started us may ignore them, and nobody can change that by its calls.
        self.assertEqual(ignored & ~(1 << 31 | 1 << 32), 0)

    def test_lost_exit_codes_are_not_read_as_success(self):
        code, _, _ = self.run_project(bad="exit 1", good="exit 0", begin=be_careless)
        self.assertEqual(code, 1)


def be_careless():
    os.umask(0o077)
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR2, signal.SIGCHLD})
    for number, soft in ((resource.RLIMIT_CORE, -1), (resource.RLIMIT_STACK, -1), (resource.RLIMIT_NOFILE, 256)):
        _, hard = resource.getrlimit(number)
        resource.setrlimit(number, (hard if soft == -1 else soft, hard))
    os.close(0)


if __name__ == "__main__":
    unittest.main()
