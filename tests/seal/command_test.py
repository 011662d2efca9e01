#!/usr/bin/env python3
"""`moat seal -- COMMAND` and `moat explain`, as somebody at a shell uses them.

    command_test.py BUILD-FOLDER [CLASS]...
"""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv.pop(1))
MOAT = BUILD / "bin" / "moat"
PYTHON = "/usr/bin/python3"


def moat(*words, data=b"", pass_fds=()):
    return subprocess.run([MOAT, *map(str, words)], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                          check=False, pass_fds=pass_fds)


def python(code, *flags, data=b"input\n"):
    return moat("seal", *flags, "--", PYTHON, "-S", "-c", code, data=data)


class Works(unittest.TestCase):
    def test_filters(self):
        data = bytes(range(256)) * 5000
        done = moat("seal", "--", "gzip", "-c", data=data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(gzip.decompress(done.stdout), data)

    def test_reads_that_are_none(self):
        """cat copies from file to file by one call, which is put off, refused, and done by reading."""
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(b"text\n" * 10000)
            source.seek(0)
            code = ("import os\ntry: os.copy_file_range(0, 1, 4)\nexcept OSError as e: print(e.errno)\n"
                    "print(os.read(0, 4))\nopen('/etc/passwd')")
            for words, status in ((["cat"], 0), ([PYTHON, "-S", "-c", code], 159),
                                  ([PYTHON, "-S", "-c", "import mmap; mmap.mmap(0, 0, prot=1); open('/etc/passwd')"], 159)):
                source.seek(0)
                done = subprocess.run([MOAT, "seal", "--", *words], stdin=source, stdout=target, stderr=subprocess.PIPE,
                                      check=False, timeout=300)
                self.assertEqual(done.returncode, status, done.stderr)
            target.seek(0)
            self.assertEqual(target.read(), b"text\n" * 10000 + b"38\nb'text'\n")

    def test_exit_codes_are_the_programs(self):
        self.assertEqual(python("import sys; sys.stdin.read(); sys.exit(3)").returncode, 3)
        self.assertEqual(python("import sys, os; sys.stdin.read(); os.abort()").returncode, 128 + 6)

    def test_signals_and_threads(self):
        code = ("import sys, threading\n"
                "go = threading.Event()\n"
                "t = threading.Thread(target=lambda: (go.wait(), print('thread', flush=True)))\n"
                "t.start(); sys.stdin.read(); go.set(); t.join(); print('done')")
        done = python(code)
        self.assertEqual(done.stdout, b"thread\ndone\n", done.stderr)
        code = "import sys, threading; sys.stdin.read(); t = threading.Thread(target=print, args=('new',)); t.start(); t.join()"
        self.assertEqual(python(code, "--threads", "new").stdout, b"new\n")
        self.assertEqual(python(code).returncode, 128 + 31)

    def test_marker(self):
        code = "import sys; print('ready', flush=True); open('/etc/passwd')"
        done = python(code, "--marker", "ready")
        self.assertEqual(done.returncode, 128 + 31, done.stderr)
        code = "import sys; open('/etc/passwd'); print('ready', flush=True); print('after')"
        self.assertEqual(python(code, "--marker", "ready").stdout, b"ready\nafter\n")

    def test_marker_in_pieces(self):
        """musl's stdio writes what is in its buffer and what is not by one writev."""
        code = "import os; os.writev(1, [b're', b'ady', b'\\n']); open('/etc/passwd')"
        done = python(code, "--marker", "ready")
        self.assertEqual((done.returncode, done.stdout), (128 + 31, b"ready\n"), done.stderr)

    def test_threads_that_were_not_allowed(self):
        code = ("import sys, threading\n"
                "go = threading.Event(); t = threading.Thread(target=go.wait, daemon=True); t.start()\n"
                "sys.stdin.read(); print('went on')")
        done = python(code, "--threads", "none")
        self.assertEqual((done.returncode, done.stdout), (125, b""), done.stderr)
        self.assertIn(b"for one thread", done.stderr)

    def test_policy_of_a_jail(self):
        with tempfile.TemporaryDirectory() as folder:
            policy = pathlib.Path(folder) / "p.toml"
            policy.write_text('moat = 1\n[syscalls]\nallow = ["@io", "@memory", "@time", "@threads", "@files"]\ndefault = "kill"\n')
            done = moat("seal", "--verbose", "-p", policy, "--", "cat", data=b"x")
            self.assertEqual((done.returncode, done.stdout), (0, b"x"), done.stderr)
            self.assertIn(b"@files", done.stderr)

    def test_nothing_is_inherited(self):
        with open("/etc/passwd", "rb") as secret:
            os.set_inheritable(secret.fileno(), True)
            done = subprocess.run([MOAT, "seal", "--verbose", "--", "cat"], input=b"", stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, check=False, pass_fds=(secret.fileno(),))
        self.assertNotIn(b"passwd", done.stderr)


class Holds(unittest.TestCase):
    ATTACKS = {
        "open": "open('/etc/passwd')",
        "socket": "import socket; socket.socket()",
        "fork": "import os; os.fork()",
        "exec": "import os; os.execv('/bin/true', ['true'])",
        "kill": "import os; os.kill(os.getppid(), 0)",
        "mmap_exec": "import mmap; mmap.mmap(-1, 4096, prot=7)",
    }

    def test_attacks_with_controls(self):
        for name, code in self.ATTACKS.items():
            with self.subTest(name):
                before = "import sys, os, socket, mmap; sys.stdin.read(); "
                bare = subprocess.run([PYTHON, "-S", "-c", before + code], input=b"", check=False, timeout=300)
                self.assertEqual(bare.returncode, 0)
                sealed = python(before + code)
                self.assertEqual(sealed.returncode, 128 + 31, sealed)
                self.assertIn(b"died of: ", sealed.stderr)

    def test_errno(self):
        done = python("import sys; sys.stdin.read()\ntry: open('/etc/passwd')\nexcept OSError as e: print(e.errno)", "--on", "EXDEV")
        self.assertEqual(done.stdout, b"18\n", done.stderr)

    def test_own_handler_does_not_save_it(self):
        code = ("import sys, signal; signal.signal(signal.SIGSYS, lambda *a: print('handled', flush=True)); sys.stdin.read()\n"
                "open('/etc/passwd'); print('survived')")
        done = python(code)
        self.assertEqual((done.returncode, done.stdout), (128 + 31, b""))

    def test_what_cannot_be_sealed_is_refused(self):
        done = moat("seal", "--", "true")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"never sealed", done.stderr)
        done = python("import subprocess, sys; subprocess.run(['true']); sys.stdin.read()")
        self.assertEqual(done.returncode, 125)
        self.assertIn(b"starts other processes", done.stderr)
        for code in ("import os, sys; os.open('/', os.O_RDONLY); sys.stdin.read(); print('went on')",
                     "import socket, sys; s = socket.socket(); sys.stdin.read(); print('went on')",
                     "import sys; f = open('/proc/self/comm', 'w'); sys.stdin.read(); print('went on')"):
            done = python(code)
            self.assertEqual((done.returncode, done.stdout), (125, b""), done)
        self.assertEqual(moat("seal", "--", "/nonexistent/program").returncode, 125)

    def test_wrong_flags(self):
        for flags in (["--prest", "pure"], ["--preset", "loose"], ["--promise", "stdio internet"], ["--on", "EWHAT"],
                      ["--threads", "many"], ["--marker"], ["--preset", "pure", "--promise", "stdio"]):
            with self.subTest(flags=flags):
                self.assertEqual(moat("seal", *flags, "--", "cat").returncode, 125)


class Tells(unittest.TestCase):
    def test_report_and_explain(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "report.json"
            done = python("import sys; sys.stdin.read(); open('/etc/passwd')", "--report", file)
            report = json.loads(file.read_text())
            self.assertEqual(report["cause"], "denied")
            self.assertEqual(report["denials"]["kinds"][0]["call"], "openat")
            self.assertIn("/etc/passwd", report["denials"]["kinds"][0]["arguments"])
            explained = moat("explain", file)
            self.assertEqual(explained.returncode, 0, explained.stderr)
            self.assertIn(b'openat(dirfd=AT_FDCWD, pathname="/etc/passwd"', explained.stdout)
            self.assertIn(b"would be allowed by: ", explained.stdout)
            self.assertEqual(done.returncode, 159)

    def test_explain_reads_records_among_other_lines(self):
        record = {"moat": "violation", "mode": "trap", "call": "openat", "arguments": 'pathname="\\x1b[31m"', "rule": "seal: not declared",
                  "edit": "open it before", "backtrace": ["libx.so+0x10", 7, "\u001b[2J"]}
        text = "log line\n" + json.dumps(record) + "\n{\"moat\":\"violation\n" + json.dumps({"moat": "violation", "call": 5}) + "\n"
        done = moat("explain", "-", data=text.encode())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"libx.so+0x10", done.stdout)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertIn(b"as the process itself told it", done.stdout)

    def test_explain_refuses_what_is_neither(self):
        self.assertEqual(moat("explain", "-", data=b"hello\n").returncode, 125)
        self.assertEqual(moat("explain", "/nonexistent").returncode, 125)
        self.assertEqual(moat("explain").returncode, 125)


class BehindAJail(unittest.TestCase):
    """Both walls: the example seals itself in a job whose policy lets it."""

    RULE = """moat = 1
base = "default"
[files]
read = ["{folder}"]
[[syscalls.rule]]
call = "seccomp"
when = "operation == SECCOMP_SET_MODE_FILTER && flags == SECCOMP_FILTER_FLAG_TSYNC"
do = "allow"
reason = "the program seals itself"
"""

    def run_in(self, text, data, *flags):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            program = pathlib.Path(folder) / "program"
            program.write_bytes((BUILD / "examples" / "json_validate_test").read_bytes())
            program.chmod(0o755)
            policy = pathlib.Path(folder) / "p.toml"
            policy.write_text(text.format(folder=folder))
            policy.chmod(0o644)
            return moat("run", "--no-cache", *flags, "-p", policy, "--", program, data=data)

    def test_works_and_dies(self):
        done = self.run_in(self.RULE, b"[1]")
        self.assertEqual((done.returncode, done.stdout), (0, b"valid: array with 1 members\n"), done.stderr)
        self.assertEqual(self.run_in(self.RULE, b'["MOAT-COMPROMISE:open"]').returncode, 128 + 31)

    def test_report_passes_the_record_on(self):
        rule = self.RULE
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            report = pathlib.Path(folder) / "report.json"
            done = self.run_in(rule, b'["MOAT-COMPROMISE:open"]', "--report", report)
            self.assertEqual(done.returncode, 128 + 31)
            told = json.loads(report.read_text())
            self.assertEqual((told["cause"], told["denials"]["count"]), ("signal", 0))
            kind = told["denials"]["kinds"][0]
            self.assertEqual(kind["call"], "openat")
            self.assertIn("as the program told", kind["rule"])
            explained = moat("explain", report)
            self.assertIn(b"openat(", explained.stdout, explained.stderr)

    def test_says_what_the_policy_lacks(self):
        done = self.run_in(self.RULE.split("[[")[0], b"[1]")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"allow `seccomp`", done.stderr)


if __name__ == "__main__":
    unittest.main()
