"""`moat http` and `moat serve` for tests that make trouble for them, and what such tests ask of processes."""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "http"))
import daemon  # noqa: E402
from daemon import MOAT, Daemon  # noqa: E402

PATIENCE = 100  # seconds, for what only a broken daemon never does


def until(holds, what):
    """Asked for again and again: nobody tells."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(.01)


def deaf():
    """A pipe that is full, and its two ends."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETFL, os.O_NONBLOCK)
    for size in (4096, 1):
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write, b"\n" * size)
    fcntl.fcntl(write, fcntl.F_SETFL, 0)
    return read, write


class Door(Daemon):
    """`moat http` with its log where we want it, and words before its command."""

    def begin(self, log=None, before=()):
        read, write = os.pipe()
        self.process = subprocess.Popen([*before, MOAT, "http", "--ready-fd", str(write), self.folder / "http.toml"], pass_fds=[write],
                                        stderr=log if log is not None else self.log.open("ab"), stdin=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as ready:
            port = ready.readline()  # strace has the other end, too
        self.port = int(port) if port else 0
        return self

    def state(self, job, wait="1ms"):
        return json.loads(self.get(f"/v1/jobs/{job}?wait={wait}")[2])

    def ended(self, job):
        until(lambda: self.state(job, "1s")["state"] == "done", f"job {job} never ends")
        return self.state(job)


def words(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def descendants(pid):
    """It and all of its children, oldest first."""
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def find_sleeper(seconds):
    """The one process of a job that sleeps for so long."""
    found = []

    def there():
        found[:] = [pid for pid in descendants(os.getpid()) if words(pid).endswith(b"sleep\0%d\0" % seconds)]
        return found

    until(there, "the job never starts")
    return found[0]


def family():
    """All that we have started, helpers that went away from their parents too."""
    return [os.pidfd_open(pid) for pid in descendants(os.getpid())[1:] if pathlib.Path(f"/proc/{pid}").exists()]


def all_end(pidfds):
    for pidfd in pidfds:
        assert select.select([pidfd], [], [], PATIENCE)[0], "a process outlived its daemon"
        os.close(pidfd)


def kill_traced(tracer):
    """The daemon that strace has started, if it still is there."""
    for pid in descendants(tracer.pid)[1:2]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    tracer.wait(PATIENCE)


class Pool:
    """`moat serve`, and jobs for it by `moat submit`."""

    def __init__(self, more=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="moat-serve-"))
        self.config = self.folder / "pool.toml"
        guest = MOAT.parents[1] / "tests" / "pool_zygote"
        self.config.write_text(f'moat = 1\n[daemon]\nrunning = 2\n[door.local]\nsocket = "{self.folder}/s"\n'
                               f'[profile.guest]\nprogram = ["{guest}"]\n'
                               f'[profile.sh]\npolicy = "default"\ncommand = ["sh", "-c"]\narguments = true\n{more}')
        self.process = None

    def start(self, log=None, before=(), program=MOAT):
        read, write = os.pipe()
        self.process = subprocess.Popen([*before, program, "serve", "--ready-fd", str(write), self.config], pass_fds=[write],
                                        stderr=log if log is not None else (self.folder / "log").open("ab"), stdin=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as ready:
            return ready.readline() == "ready\n"

    def metrics(self):
        return subprocess.run([MOAT, "serve", "--metrics", self.config], stdout=subprocess.PIPE, timeout=PATIENCE, check=True).stdout.decode()

    def metric(self, name):
        return float(next(line.rsplit(" ", 1)[1] for line in self.metrics().splitlines() if line.startswith(name + " ")))

    def submit(self, *arguments, **more):
        return subprocess.run([MOAT, "submit", "--socket", self.folder / "s", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=PATIENCE, check=False, **more)

    def __enter__(self):
        assert self.start(), (self.folder / "log").read_text()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        shutil.rmtree(self.folder)


def needs_root():
    if os.geteuid() != 0:
        print("without root: left out", flush=True)
    return os.geteuid() != 0


def adopt_orphans():
    """Whoever outlives a parent is ours then, and is found by family()."""
    PR_SET_CHILD_SUBREAPER = 36
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
