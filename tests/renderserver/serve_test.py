#!/usr/bin/env python3
"""renderserver serve: in the pool as examples/renderserver has it, by both doors.

    serve_test.py BUILD-FOLDER CORPUS [CLASS]...
"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import design

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
CORPUS = pathlib.Path(sys.argv.pop(1))
EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "examples" / "renderserver"
PROGRAM = BUILD / "bin" / "renderserver"
TAKEN_OVER = BUILD / "tests" / "renderserver_test"
FIGGEN = BUILD / "bin" / "figgen"
MOAT = BUILD / "bin" / "moat"
IMAGE = design.png(8, 8, (10, 200, 30))


def run(*words, **more):
    return subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=600,
                          check=False, **more)


def begin(command, config, before=(), **more):
    """A daemon that has said it is ready; (process, what it said)."""
    read, write = os.pipe()
    words = [*before, MOAT, command, "--ready-fd", str(write), config]
    process = subprocess.Popen([str(word) for word in words], pass_fds=[write], stdin=subprocess.DEVNULL, **more)
    os.close(write)
    with os.fdopen(read) as ready:
        said = ready.readline()  # a tracer has the other end, too: there is no end of it
    if not said:
        process.wait()
        raise AssertionError(f"{words} did not begin")
    return process, said.strip()


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def file(self, name, frame="Red"):
        made = design.Design()
        made.frame(frame, (0, 0, 40, 30), design.solid(1, 0, 0))
        made.frame("Picture", (70, 0, 20, 20), design.picture(IMAGE))
        path = self.folder / name
        path.write_bytes(made.zip([IMAGE]))
        return path

    def samples(self):
        folder = self.folder / "samples"
        folder.mkdir()
        self.assertEqual(run(FIGGEN, "--all", folder).returncode, 0)
        return sorted(folder.iterdir())

    def example(self, name):
        """As it is shipped, but for where things are."""
        text = (EXAMPLES / name).read_text().replace("/usr/local/bin", str(BUILD / "bin")).replace("/run/moat", str(self.folder))
        return text.replace("/var/lib/moat", str(self.folder / "spool")).replace("127.0.0.1:7890", "127.0.0.1:0")

    def pool(self, more="", before=(), memory="1G"):
        config = self.folder / "pool.toml"
        config.write_text(self.example("pool.toml").replace('memory = "1G"', f'memory = "{memory}"') + more)
        return begin("serve", config, before, stderr=subprocess.DEVNULL)[0]

    def end(self, process):
        process.terminate()
        self.assertEqual(process.wait(120), 0)

    def start(self, more="", **limits):
        self.addCleanup(self.end, self.pool(more, **limits))

    def submit(self, *words, profile="renderserver", draw=()):
        return run(MOAT, "submit", "--socket", self.folder / "pool.sock", *words, profile, "--", *draw)


class Doors(Case):
    NAMES = ["a.png", "b.png", "a.svg", "b.svg"]
    DRAW = ["--thumbnail", "--page", "1", "--thumbnail", "--page", "1"]

    def outputs(self, name):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return [word for output in self.NAMES for word in ("-o", str(folder / output))]

    def pictures(self, name):
        made = {output: (self.folder / name / output).read_bytes() for output in self.NAMES}
        shutil.rmtree(self.folder / name)
        return made

    def check(self, file):
        """Byte for byte the same bare, sealed, and from the pool."""
        done = run(PROGRAM, "render", file, *self.DRAW, *self.outputs("bare"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        wanted = self.pictures("bare")
        self.assertTrue(all(wanted.values()))
        done = run(PROGRAM, "render", "--sealed", file, *self.DRAW, *self.outputs("sealed"))
        self.assertEqual((done.returncode, done.stderr, self.pictures("sealed")), (0, b"", wanted))
        formats = [word for name in self.NAMES for word in ("--format", name[2:])]
        done = self.submit("-i", file, *self.outputs("pool"), draw=[*self.DRAW, *formats])
        self.assertEqual((done.returncode, done.stdout, done.stderr, self.pictures("pool")), (0, b"", b"", wanted))

    def test_pictures_are_those_of_the_command(self):
        self.start()
        self.check(self.file("a.fig"))
        for file in self.samples():
            if "endless" not in file.name:
                with self.subTest(file.name):
                    self.check(file)

    def test_corpus(self):
        files = sorted(path for path in CORPUS.glob("*") if path.suffix in (".fig", ".deck", ".jam"))
        if not files:
            print("SKIP: no corpus of design files beside the source")
            self.skipTest("no corpus")
        self.start()
        for file in files:
            with self.subTest(file.name):
                self.check(file)

    def test_what_to_draw_is_said_by_arguments(self):
        self.start()
        file, wanted, out = self.file("a.fig"), self.folder / "wanted.svg", self.folder / "out"
        for draw in (["--node", "Red"], ["--node", "1:3", "--scale", "2"], ["--page", "1"], ["--scale", "0.5"]):
            with self.subTest(draw):
                self.assertEqual(run(PROGRAM, "render", file, *draw, "-o", wanted).returncode, 0)
                self.assertEqual(self.submit("-i", file, "-o", out, draw=[*draw, "--format", "svg"]).returncode, 0)
                self.assertEqual(out.read_bytes(), wanted.read_bytes())

    def test_what_is_wrong_is_one_line_and_a_code(self):
        self.start()
        good, bad, out = self.file("a.fig"), self.folder / "bad.fig", self.folder / "x.png"
        bad.write_bytes(b"fig-kiwi" + bytes(100))
        for words, draw, code, said in (
                (["-i", bad, "-o", out], [], 12, "bad.fig: compression: "), (["-i", good, "-o", out], ["--node", "9:9"], 19, "no node has that id"),
                (["-i", good, "-o", "/dev/full"], [], 20, "ENOSPC"), (["-i", good], [], 2, "1 pictures do not go into 0 outputs"),
                (["-o", out], [], 2, "one input"), (["-i", good, "-i", good, "-o", out], [], 2, "one input"),
                (["-i", good, "-o", out], ["--page", "1", "--page", "2"], 2, "2 pictures do not go into 1 outputs"),
                (["-i", good, "-o", out], ["--format", "png", "--format", "svg"], 2, "--format"), (["-i", good, "-o", out], ["--format", "gif"], 2, "gif"),
                (["-i", good, "-o", out], ["--scale", "0"], 2, "--scale"), (["-i", good, "-o", out], ["-o", "/tmp/x"], 2, "-o"),
                (["-i", good, "-o", out], ["--help"], 2, "--help"), (["-i", good, "-o", out], ["/etc/passwd"], 2, "/etc/passwd"),
                (["-i", good, "-o", out], ["--sealed"], 2, "--sealed"), (["-i", good, "-o", out], ["\x1b[2J"], 2, "[2J"),
                (["-i", good, "-o", out, "--request", "render"], [], 2, "not a request")):
            with self.subTest(draw or words):
                done = self.submit(*words, draw=draw)
                self.assertEqual((done.returncode, done.stdout), (code, b""), done)
                self.assertRegex(done.stderr.decode(), r"\Arenderserver: [^\n\x1b]*\n\Z")
                self.assertIn(said, done.stderr.decode())
        self.assertEqual(self.submit("-i", good, "-o", out).returncode, 0)

    def test_memory_that_is_missing_is_a_cause_of_its_own(self):
        self.start(memory="24M")
        poster = next(file for file in self.samples() if file.name == "poster.fig")
        report = self.folder / "report.json"
        for scale, code, cause in (("8", 1, "memory"), ("1", 0, "exit")):
            done = self.submit("-i", poster, "-o", self.folder / "x.png", "--report", report, draw=["--page", "1", "--scale", scale])
            told = json.loads(report.read_text())
            self.assertEqual((done.returncode, told["cause"], told["exit_code"], told["denials"]["count"]), (code, cause, code, 0), (done, told))
            report.unlink()
            if code != 0:
                self.assertRegex(done.stderr.decode(), r"\Arenderserver: poster.fig: output 1: memory: ")
                self.assertIn("limit is 24 MiB", told["detail"])

    def test_remarks_are_in_the_log(self):
        self.start()
        file = self.file("a.fig")
        file.write_bytes(file.read_bytes().replace(IMAGE, b"x" * len(IMAGE)))
        done = self.submit("-i", file, "-o", self.folder / "x.png", draw=["-v"])
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"renderserver: output 1: ", done.stderr)

    def test_many_at_once(self):
        self.start()
        file, wanted = self.file("a.fig"), self.folder / "wanted.png"
        self.assertEqual(run(PROGRAM, "render", file, "-o", wanted).returncode, 0)
        outputs = [self.folder / f"{i}.png" for i in range(12)]
        clients = [subprocess.Popen([MOAT, "submit", "--socket", self.folder / "pool.sock", "-i", file, "-o", output, "renderserver"]) for output in outputs]
        self.assertEqual({client.wait() for client in clients}, {0})
        self.assertEqual({output.read_bytes() for output in outputs}, {wanted.read_bytes()})

    def test_by_http(self):
        self.start()
        config = self.folder / "http.toml"
        config.write_text(self.example("http.toml"))
        with open(self.folder / "log", "wb") as log:
            process, port = begin("http", config, stderr=log)
        self.addCleanup(self.end, process)
        file, wanted = self.file("a.fig"), self.folder / "wanted.png"
        self.assertEqual(run(PROGRAM, "render", file, "--scale", "2", "-o", wanted).returncode, 0)
        self.assertEqual(self.post(port, "?output=thumbnail.png&p.scale=2", file.read_bytes()), (200, wanted.read_bytes()))
        status, told = self.post(port, "", b"no design")
        self.assertEqual((status, json.loads(told)["report"]["exit_code"], json.loads(told)["stderr"][:30]), (200, 10, "renderserver: strange.fig: not"), told)
        self.assertEqual(self.post(port, "?output=thumbnail.png", b"no design")[0], 422)

    def post(self, port, query, data):
        body = (b'--limit\r\nContent-Disposition: form-data; name="file"; filename="strange.fig"\r\n'
                b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--limit--\r\n")
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", int(port), timeout=300)) as client:
            client.request("POST", "/v1/jobs/renderserver" + query, body, {"Content-Type": "multipart/form-data; boundary=limit"})
            answer = client.getresponse()
            return answer.status, answer.read()


class Sealed(Case):
    MOST_CALLS = 12

    def traced(self, *submissions):
        """Of each job: [(call, the rest of the line)], up to when its process forgot what it was, and from then on."""
        log = self.folder / "trace"
        strace = self.pool(before=["strace", "-f", "-o", log])
        with open(f"/proc/{strace.pid}/task/{strace.pid}/children") as children:
            daemon = int(children.read().split()[0])
        for words, draw, code in submissions:
            done = self.submit(*words, draw=draw)
            self.assertEqual(done.returncode, code, done)
        os.kill(daemon, signal.SIGTERM)
        strace.wait(120)
        # A call that was interrupted in the log has its arguments where it begins.
        lines = [match.groups() for match in (re.match(r"(\d+) +(\w+)(\(.*)", line) for line in log.read_text().splitlines()) if match]
        jobs = {pid: [line[1:] for line in lines if line[0] == pid] for pid, call, rest in lines if call == "read" and rest.startswith("(32,")}
        self.assertEqual(len(jobs), len(submissions))
        for calls in jobs.values():
            last = max(i for i, (call, rest) in enumerate(calls) if call == "rt_sigprocmask" and "SIG_SETMASK" in rest)
            yield calls[:last], calls[last + 1:]

    def test_calls_are_few_and_nothing_of_the_file_is_read_before(self):
        if not shutil.which("strace"):
            self.skipTest("no strace")
        good, bad = self.file("a.fig"), self.folder / "bad.fig"
        bad.write_bytes(b"fig-kiwi" + bytes(100))
        out = ["-o", self.folder / "a", "-o", self.folder / "b"]
        samples = [(["-i", file, *out], ["--format", "png", "--format", "svg"], 0) for file in self.samples()
                   if file.stem in ("blends", "dashboard", "images", "instances-nested", "shadows", "text")]
        self.assertEqual(len(samples), 6)
        for before, after in self.traced((["-i", good, *out], ["--format", "png", "--format", "svg"], 0), (["-i", good, *out], ["--node", "9:9"], 19),
                                         (["-i", bad, *out], [], 12), *samples):
            self.assertFalse([call for call, rest in before if call in ("read", "pread64", "mmap", "readv") and "(32," in rest])
            names = {call for call, _ in after}
            self.assertLessEqual(len(names), self.MOST_CALLS, names)
            self.assertLessEqual({"read", "exit_group"}, names)
            self.assertFalse(names & {"clone", "openat", "socket", "recvmsg", "dup3"}, names)


class Compromise(Case):
    """A document takes a job over: it reaches nothing, and the next job is as good as any."""

    ATTEMPTS = {"read": "openat", "connect": "socket", "exec": "clone", "write": "openat", "kill": "kill"}

    def test_nothing_is_reached(self):
        secret, elsewhere, program, marker = (self.folder / name for name in ("secret", "elsewhere", "program", "marker"))
        secret.write_text("secret")
        program.write_text(f"#!/bin/sh\necho here > {marker}\n")
        program.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.setblocking(False)
            variables = [f"RENDERSERVER_SECRET={secret}", f"RENDERSERVER_ELSEWHERE={elsewhere}", f"RENDERSERVER_PROGRAM={program}",
                         f"RENDERSERVER_PORT={listener.getsockname()[1]}"]
            profiles = "".join(f'[profile.{name}]\nprogram = {json.dumps([str(TAKEN_OVER), "serve", *flags])}\nenvironment = {json.dumps(variables)}\n'
                               for name, flags in (("taken", []), ("apart", ["--apart"])))
            self.start(profiles)
            for profile in ("taken", "apart"):
                for attempt, call in self.ATTEMPTS.items():
                    with self.subTest((profile, attempt)):
                        self.check(profile, attempt, call, {"read": secret, "write": elsewhere}.get(attempt, ""))
            self.assertFalse(elsewhere.exists() or marker.exists())
            self.assertRaises(BlockingIOError, listener.accept)

    def check(self, profile, attempt, call, path):
        report, out = self.folder / "report.json", self.folder / "x.png"
        done = self.submit("--report", report, "-i", self.file("t.fig", "moat-test:compromise:" + attempt), "-o", out, profile=profile)
        self.assertEqual(done.returncode, 128 + signal.SIGSYS, done)
        self.assertNotIn(b"tried", done.stderr)
        told = json.loads(report.read_text())
        self.assertEqual((told["cause"], told["denials"]["kinds"][0]["call"]), ("denied", call))
        self.assertIn(str(path), told["denials"]["kinds"][0]["arguments"])
        self.assertEqual(out.read_bytes(), b"")
        self.assertEqual(self.submit("-i", self.file("a.fig"), "-o", out, profile=profile).returncode, 0)
        self.assertTrue(out.read_bytes())


class Alone(Case):
    def test_without_a_pool_it_says_so(self):
        done = run(PROGRAM, "serve")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertRegex(done.stderr.decode(), r"\Arenderserver: cannot serve: [^\n]*moat serve[^\n]*\n\Z")


if __name__ == "__main__":
    unittest.main()
