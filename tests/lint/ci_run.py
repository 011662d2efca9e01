#!/usr/bin/env python3
""".ci/run adds what its steps counted, and ends with every failure and its step."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RESULTS = "mkdir -p build/%s/results; echo %s >build/%s/results/counts; printf '%s' >build/%s/results/failures"


class CiRun(unittest.TestCase):
    def run_with(self, **steps):
        """(exit code, lines from the summary on) of .ci/run where `make STEP` runs these scripts."""
        with tempfile.TemporaryDirectory(prefix="moat-ci-run.") as folder:
            root = pathlib.Path(folder)
            (root / ".ci").mkdir()
            shutil.copy(ROOT / ".ci" / "run", root / ".ci")
            for name, preset in (("test", "release"), ("clang", "clang"), ("asan", "asan"), ("tsan", "tsan")):
                (root / name).write_text(steps.get(name, good(preset)))
            (root / "lint").write_text(steps.get("lint", "true"))
            (root / "Makefile").write_text("test lint:\n\t@sh ./$@\npreset:\n\t@sh ./$(PRESET)\n.PHONY: test lint preset\n")
            done = subprocess.run([root / ".ci" / "run"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False)
            lines = done.stdout.splitlines()
            self.assertIn("== all steps, and what failed in them", lines, done.stdout)
            return done.returncode, lines[lines.index("== all steps, and what failed in them") + 1:]

    def test_all_good(self):
        code, lines = self.run_with()
        self.assertEqual((code, lines[-1]), (0, "11 passed, 0 failed, 1 skipped"))
        self.assertEqual([line.split()[1:3] for line in lines[:-1]],
                         [[f"{step}:", "good"] for step in ("test", "lint", "clang", "asan", "tsan")])

    def test_failures_are_repeated_with_their_step(self):
        code, lines = self.run_with(test=counted("release", "7 2 0", "failed: a: x\\nfailed: b: y\\n") + "; exit 1")
        self.assertEqual((code, lines[-1]), (1, "8 passed, 2 failed, 0 skipped"))
        at = next(i for i, line in enumerate(lines) if line.startswith("== test: FAILED (2)"))
        self.assertEqual(lines[at + 1:at + 3], ["failed: a: x", "failed: b: y"])
        self.assertTrue(lines[at + 3].startswith("== lint: good"))

    def test_a_step_that_counted_nothing_has_failed_and_says_why(self):
        for script, word in (("echo no compiler; exit 2", "no compiler"), ("true", "exit 0")):
            code, lines = self.run_with(test=script)
            self.assertEqual((code, lines[-1]), (1, "1 passed, 1 failed, 0 skipped"))
            self.assertIn("failed: test as a whole", "\n".join(lines))
            self.assertIn(word, "\n".join(lines))

    def test_a_command_that_fails_after_good_tests_has_failed(self):
        code, lines = self.run_with(test=good("release") + "; exit 3")
        self.assertEqual((code, lines[-1]), (1, "11 passed, 1 failed, 1 skipped"))

    def test_a_failed_lint_is_one_failure(self):
        code, lines = self.run_with(lint="echo x.cc is too long; exit 1")
        self.assertEqual((code, lines[-1]), (1, "10 passed, 1 failed, 1 skipped"))
        self.assertIn("    x.cc is too long", lines)

    def test_what_a_step_leaves_behind_does_not_hold_us(self):
        code, _ = self.run_with(lint="setsid sh -c 'while [ -e lint ]; do sleep 0.1; done' & exit 0")
        self.assertEqual(code, 0)


def counted(preset, counts, failures):
    return RESULTS % (preset, counts, preset, failures, preset)


def good(preset):
    return counted(preset, "10 0 1", "")


if __name__ == "__main__":
    unittest.main()
