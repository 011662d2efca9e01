"""A `moat http` for a test: its configuration, its life, and clients for it."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

MOAT = pathlib.Path(os.environ["MOAT_BINARY_DIR"]) / "bin" / "moat"

PROFILES = """
[profile.upper]
command = ["/bin/sh", "-c", "tr a-z A-Z < $0 > $1/upper; echo said; echo complained >&2", "{in}", "{out}"]
upload = "1M"
[profile.count]
command = ["/bin/sh", "-c", "cat $0 /in/* | wc -c; echo $1-$2", "/dev/null", "{size}", "{kind}"]
parameters = { size = { least = 1, usual = 5, most = 9 }, kind = ["a", "b c"] }
upload = "8M"
[profile.nap]
command = ["/bin/sleep", "1000"]
queue = 4
[profile.again]
command = ["/bin/sleep", "1000"]
repeat = "when-lost"
[profile.large]
command = ["/bin/sh", "-c", "head -c 20000000 /dev/zero > $0/large", "{out}"]
[profile.html]
command = ["/bin/sh", "-c", "mkdir $0/d; echo '<script>alert(1)</script>' > $0/d/x.html; echo two > $0/two; : > $0/empty", "{out}"]
"""


class Daemon:
    """`server` goes into [server], `rest` behind the profiles. The folder stays over a restart."""

    def __init__(self, server="", rest="", profiles=PROFILES, listen="127.0.0.1:0"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="moat-http-"))
        self.log = self.folder / "log"
        (self.folder / "http.toml").write_text(
            f'moat = 1\n[server]\nlisten = "{listen.format(folder=self.folder)}"\nspool = "{self.folder}/spool"\n{server}\n'
            f"{profiles}\n{rest}\n")
        self.process = None

    def spawn(self, *words):
        """(process, the end of the pipe that tells its port)"""
        read, write = os.pipe()
        with self.log.open("ab") as log:
            process = subprocess.Popen([MOAT, "http", *words, "--ready-fd", str(write), self.folder / "http.toml"],
                                       pass_fds=[write], stderr=log, stdin=subprocess.DEVNULL)
        os.close(write)
        return process, os.fdopen(read)

    def begin_take_over(self):
        process, ready = self.spawn("--take-over")
        ready.close()
        return process

    def take_over(self):
        """Another process in its place; the exit code of the former one."""
        former = self.process
        self.process, ready = self.spawn("--take-over")
        with ready:
            assert ready.read() == f"{self.port}\n", self.log.read_text()
        return former.wait(120)

    def start(self, *words):
        self.process, ready = self.spawn(*words)
        with ready:
            port = ready.read()
        if not port:
            raise AssertionError("the daemon did not start: " + self.log.read_text())
        self.port = int(port)
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            code = self.process.wait(200)
            self.process = None
            return code

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        self.stop(signal.SIGKILL if kind else signal.SIGTERM)
        if kind:
            sys.stderr.write(self.log.read_text()[-4000:])
        shutil.rmtree(self.folder)

    def ask(self, method, path, body=None, headers=None, timeout=200):
        """(status, headers, body)"""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as client:
            client.request(method, path, body, headers or {})
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def job(self, path, body=None, **more):
        """A submission's answer as JSON, and its status."""
        status, _, text = self.ask("POST", "/v1/jobs/" + path, body, **more)
        return status, json.loads(text)

    def raw(self, data=b"", timeout=200):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        client.sendall(data)
        return client

    def events(self, name):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["event"] == name]


def read_all(client):
    """Until the other side closes."""
    parts = []
    while True:
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


def run(cases):
    """Each case by its name; the process fails when one did."""
    failed = []
    wanted = sys.argv[1:]
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        try:
            case()
            print("good", case.__name__, flush=True)
        except Exception:
            traceback.print_exc()
            failed.append(case.__name__)
    if failed:
        sys.exit("failed: " + ", ".join(failed))
