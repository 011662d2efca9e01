#!/usr/bin/env python3
"""renderserver serve: requests on standard input, a process for each.

    serve_test.py BUILD-FOLDER
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

import design

BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
PROGRAM = BUILD / "bin" / "renderserver"
TAKEN_OVER = BUILD / "tests" / "renderserver_test"


class Serve(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, frame="Red"):
        made = design.Design()
        made.frame(frame, (0, 0, 40, 30), design.solid(1, 0, 0))
        path = self.folder / name
        path.write_bytes(made.canvas())
        return path

    def serve(self, *lines, flags=(), program=PROGRAM, code=0, **more):
        """The answers, by the number of the request."""
        text = "\n".join(line if isinstance(line, str) else json.dumps([str(word) for word in line]) for line in lines)
        done = subprocess.run([program, "serve", *flags], input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300,
                              check=False, **more)
        self.assertEqual((done.returncode, done.stderr), (code, b""))
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len({answer["request"] for answer in answers}), len(answers))
        return {answer.pop("request"): answer for answer in answers}

    def test_pictures_are_those_of_the_command(self):
        source, wanted = self.file("a.fig"), self.folder / "wanted.png"
        subprocess.run([PROGRAM, "render", source, "-o", wanted], check=True)
        names = [self.folder / f"{i}.png" for i in range(6)]
        answers = self.serve(*(["render", *(["--sealed"] if i % 2 else []), source, "-o", name] for i, name in enumerate(names)), flags=["--jobs", "3"])
        self.assertEqual({number: answer["code"] for number, answer in answers.items()}, {i: 0 for i in range(1, 7)})
        self.assertTrue(all(answer["milliseconds"] > 0 and "said" not in answer for answer in answers.values()))
        self.assertEqual({name.read_bytes() for name in names}, {wanted.read_bytes()})

    def test_one_that_fails_is_answered_like_the_others(self):
        good, bad = self.file("a.fig"), self.folder / "bad.fig"
        bad.write_bytes(b"fig-kiwi" + bytes(100))
        out = self.folder / "x.png"
        answers = self.serve(["render", bad, "-o", out], "", ["render", good, "--node", "9:9", "-o", out], ["render", good, "-o", "-"], ["list", good],
                             "no json", '{"render": 1}', '["render", 1]', ["render", "--sealed", bad, "-o", out], ["render", good, "-o", out])
        self.assertEqual([answers[i]["code"] for i in sorted(answers)], [12, 19, 2, 2, 2, 2, 2, 12, 0])
        self.assertIn("bad.fig: compression: ", answers[1]["said"])
        self.assertIn("no node has that id", answers[2]["said"])

    def test_nothing_asked_for_is_no_failure(self):
        self.assertEqual(self.serve(), {})
        self.assertEqual(self.serve("", "  "), {})

    def test_a_request_without_end_is_no_request(self):
        self.serve("x" * (2 << 20), code=2)

    def test_one_that_takes_too_long_is_killed(self):
        fifo = self.folder / "fifo.png"
        os.mkfifo(fifo)  # nobody reads it: to open it takes for ever
        source, out = self.file("a.fig"), self.folder / "x.png"
        answers = self.serve(["render", source, "-o", fifo], ["render", source, "-o", out], flags=["--seconds", "1", "--jobs", "1"])
        self.assertEqual(answers[1]["signal"], signal.SIGKILL)
        self.assertGreaterEqual(answers[1]["milliseconds"], 1000)
        self.assertEqual(answers[2]["code"], 0)

    def test_one_that_is_taken_over_harms_no_other(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            taken, good, out = self.file("t.fig", "moat-test:compromise:connect"), self.file("a.fig"), self.folder / "x.png"
            answers = self.serve(["render", "--sealed", taken, "-o", out], ["render", "--sealed", good, "-o", out], program=TAKEN_OVER,
                                 env={**os.environ, "RENDERSERVER_PORT": str(listener.getsockname()[1])})
            listener.setblocking(False)
            self.assertRaises(BlockingIOError, listener.accept)
        self.assertEqual((answers[1]["signal"], answers[2]["code"]), (signal.SIGSYS, 0))


if __name__ == "__main__":
    unittest.main()
