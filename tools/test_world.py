"""Where a test run begins and what it leaves: used by tools/run-tests.

begin_as_always() gives every run the same umask, signals and soft limits, however it was
started. World compares the machine before and after. What is certainly ours: files in a folder
that only this run uses, processes that lost their parent to us, mounts. What another run may
have left meanwhile as well: objects that are named or marked with the number of a process that
has ended.
"""
import ctypes
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_CHILD_SUBREAPER = 36
# The helpers of the library and the kernel's own work end a little after the tests.
PATIENCE_S = 10.0
STACK = 8 << 20
IPC_KEY = 0x6D6F  # and the number of the process: tests/escape/canaries.cc


def begin_as_always():
    os.umask(0o022)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        # Ignored SIGCHLD is the worst: exit codes get lost, and a lost one reads as success.
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    limits = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    for number in {getattr(resource, name) for name in limits}:
        _, hard = resource.getrlimit(number)
        soft = hard
        if number == resource.RLIMIT_CORE:
            soft = 0  # guests crash on purpose
        elif number == resource.RLIMIT_STACK and (hard == resource.RLIM_INFINITY or hard > STACK):
            soft = STACK  # an unlimited one changes the layout of memory
        resource.setrlimit(number, (soft, hard))


class World:
    """Made before the tests, which then run by run(); left() tells what they left behind."""

    def __init__(self):
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="moat-tests."))
        self.folder.chmod(0o1777)  # as /tmp: tests become other users
        self.mounts = mounts()
        self.things = things()

    def run(self, command, cwd):
        """The exit code of the command. Orphans that end meanwhile are reaped."""
        environment = dict(os.environ, TMPDIR=str(self.folder))
        with subprocess.Popen(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL) as process:
            while True:
                pid, status = os.wait()
                if pid == process.pid:
                    process.returncode = os.waitstatus_to_exitcode(status)
                    return process.returncode

    def left(self):
        """What is left, in words; it is removed as far as it is ours alone."""
        words = [f"file {path}" for path in sorted(self.folder.iterdir())]
        shutil.rmtree(self.folder, ignore_errors=True)
        words += self._processes()
        words += [f"mount {line}" for line in mounts() if line not in self.mounts]
        return words

    def shared_left(self):
        """What stays of processes that have ended, where all runs of a machine leave their things."""
        deadline = time.monotonic() + PATIENCE_S
        new = things() - self.things
        while True:
            new &= {thing for thing in things() if not pathlib.Path(f"/proc/{thing[2]}").exists()}
            if not new or time.monotonic() > deadline:
                return [f"{kind} {name}" for kind, name, _ in sorted(new)]
            time.sleep(0.1)

    def _processes(self):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return []
            if pid == 0 and time.monotonic() > deadline:
                break
            if pid == 0:
                time.sleep(0.1)
        words = []
        for pid in children():
            words.append(f"process {pid}: {command_line(pid)}")
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        return words


def children():
    text = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return [int(word) for word in text.split()]


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "?"


def mounts():
    return lines("/proc/self/mountinfo")


def things():
    """{(kind, name, number of the process that made it)}"""
    found = set()
    for path in cgroups() + list(pathlib.Path("/dev/shm").glob("moat-*")):
        number = re.fullmatch(r"(?:moat|escape)-(?:[a-z]+-)*(\d+)(?:-\w+)?", path.name)
        if number:
            found.add(("folder" if path.is_dir() else "file", str(path), int(number[1])))
    for kind in ("shm", "msg", "sem"):
        for line in lines(f"/proc/sysvipc/{kind}")[1:]:
            key, name = (int(word) for word in line.split()[:2])
            if key >> 16 == IPC_KEY:
                found.add((f"System V {kind}", str(name), key & 0xFFFF))
    return found


def cgroups():
    points = [line.split()[4] for line in mounts() if " - cgroup" in line]
    return [pathlib.Path(folder) / name for point in points for folder, names, _ in os.walk(point)
            for name in names if re.fullmatch(r"(?:moat|escape)-\d+(?:-\w+)?", name)]


def lines(path):
    try:
        return pathlib.Path(path).read_text().splitlines()
    except OSError:
        return []
