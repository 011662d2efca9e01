#!/usr/bin/env python3
"""`moat run` on hosts that refuse what it asks for: calls that are missing, filters that cannot be installed, control
groups that nobody may write, a /proc that hides others, a terminal that stops who writes to it. A job is as whole as
ever, or it did not start and that is said.

    refused_test.py [CASE]...
"""
import contextlib
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

from doors import MOAT, PATIENCE, Door, adopt_orphans, all_end, daemon, family, kill_traced, needs_root

ENOTSUPP = 524  # the kernel's own, which has no name outside: what its filter compiler answers when it has no room


class Runs:
    """Jobs by `moat run` in a folder of their own, with a cache of plans of their own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="moat-refused-"))
        self.count = 0

    def run(self, *flags, before=(), command=("/bin/echo", "fine"), **environment):
        """(what ended, its report or None)"""
        self.count += 1
        report = self.folder / f"report-{self.count}"
        done = subprocess.run([*before, MOAT, "run", "--report", report, *flags, "--", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, text=True,
                              env={**os.environ, "XDG_CACHE_HOME": str(self.folder), **environment})
        return done, json.loads(report.read_text()) if report.exists() and report.stat().st_size else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)


def layers(report):
    """What holds the job, without the figures that are its own."""
    return sorted(each["name"] for each in report["enforced"])


def whole_or_none(what, whole, done, report):
    """True where it ran."""
    if done.returncode == 0:
        assert done.stdout == "fine\n" and layers(report) == layers(whole), (what, report["enforced"], whole["enforced"])
        return True
    assert done.returncode == 125 and done.stdout == "" and done.stderr.startswith("moat: "), (what, done)
    return False


def traced(calls, error):
    return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}"]


def filters_that_cannot_be_installed():
    """Whether the host was looked at just now, or the plan is of a time when it could."""
    with Runs() as runs:
        assert runs.run()[0].returncode == 0
        for error in ("ENOMEM", "EINVAL", ENOTSUPP):
            for flags in ((), ("--no-cache",)):
                done, report = runs.run(*flags, before=traced("seccomp", error))
                assert done.returncode == 125 and done.stdout == "" and "seccomp" in done.stderr, (error, flags, done)
                assert report is None or report["cause"] == "setup", report
    d = Door(server="jobs = 1")
    try:
        d.begin(before=traced("seccomp", "ENOMEM"))
        if d.port:
            status, answer = d.job("upper", b"x")
            assert status != 200 or (answer["cause"] == "setup" and not answer["outputs"]), answer
        left = family()
        kill_traced(d.process)
        all_end(left)
        d.begin()
        assert d.job("upper", b"x")[1]["cause"] == "exit"
    finally:
        d.__exit__(None)


# By which an older kernel is known, or an outer sandbox that does not know them.
MISSING = ["openat2", "clone3", "close_range", "open_tree", "move_mount", "fsmount", "mount_setattr", "pidfd_open", "pidfd_send_signal",
           "landlock_create_ruleset", "landlock_restrict_self", "pivot_root", "faccessat2", "madvise", "statx"]


def calls_that_are_missing():
    with Runs() as runs:
        done, whole = runs.run()
        assert done.returncode == 0, done
        ran = []
        for call in MISSING:
            for flags in ((), ("--no-cache",)):
                done, report = runs.run(*flags, before=traced(call, "ENOSYS"))
                if whole_or_none((call, flags), whole, done, report):
                    ran.append(call)
        # clone3 with a group of version 2 to be born in, as kernels before 5.7 answer it.
        whole_or_none("clone3", whole, *runs.run("--no-cache", before=traced("clone3", "EINVAL")))
        print(f"  {len(set(ran))} of {len(MISSING)} are done without: {', '.join(sorted(set(ran)))}", flush=True)
        assert not {"clone3", "open_tree", "landlock_restrict_self", "pivot_root"} & set(ran), "a control: without these there is no jail"
        assert whole_or_none("none", whole, *runs.run()), "what failed then was remembered about this host"


def within(script, *words):
    """Words that change the mounts for what comes behind them alone."""
    return ["unshare", "-m", *words, "--", "sh", "-c", "set -e; mount --make-rprivate /; " + script + '; exec "$@"', "sh"]


def groups_that_nobody_may_write():
    if needs_root():
        return
    read_only = "awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/self/mounts | sort -r | while read -r at; do mount -o remount,bind,ro \"$at\"; done"
    with Runs() as runs:
        for limit in (("--memory", "64M"), ("--pids", "50"), ("--cpus", "1")):
            assert runs.run(*limit)[0].returncode == 0
            for flags in ((), ("--no-cache",)):  # a plan of a better time as well
                done, report = runs.run(*limit, *flags, before=within(read_only))
                if limit[0] == "--pids" and done.returncode == 0:
                    assert any("pids" in str(each) for each in report["enforced"]), report["enforced"]
                    continue  # without a group it is counted otherwise
                assert done.returncode == 125 and done.stdout == "", (limit, flags, done)
                assert "group" in done.stderr, done.stderr


def odd_hosts():
    """No home, no time zone, no such language, a /proc that shows nobody others' processes, a /tmp where nothing is
    executed."""
    with Runs() as runs:
        done, whole = runs.run("--no-cache")
        assert done.returncode == 0, done
        for environment in ({"HOME": ""}, {"HOME": "/nonexistent"}, {"TZ": "No/Where"}, {"LC_ALL": "xx_XX.UTF-99", "LANG": ""}, {"TMPDIR": "/nonexistent"}):
            assert whole_or_none(environment, whole, *runs.run("--no-cache", **environment)), environment
        if needs_root():
            return
        built = MOAT.parents[1]  # which may itself be below /tmp
        for script in ("mount -t proc -o hidepid=2 proc /proc",
                       f'mount --bind /tmp /tmp; mount -o remount,bind,noexec /tmp; mount --bind "{built}" "{built}"; mount -o remount,bind,exec "{built}"'):
            before = within(script, "-p", "-f")
            # The report's folder may be behind that mount: what it prints is enough.
            done = subprocess.run([*before, MOAT, "run", "--no-cache", "--", "/bin/sh", "-c", "grep -c '^Seccomp:.2' /proc/self/status; ls /tmp"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False, text=True)
            assert (done.returncode, done.stdout) == (0, "1\n"), (script, done)


def at_a_terminal(*command):
    """(how it ended, what it said), in the background of a terminal that stops whoever writes to it from there."""
    pid, ours = pty.fork()
    if pid == 0:
        settings = termios.tcgetattr(0)
        settings[3] |= termios.TOSTOP
        termios.tcsetattr(0, termios.TCSANOW, settings)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.execv(command[0], [str(word) for word in command])
        status = os.waitpid(job, os.WUNTRACED)[1]
        os.kill(job, signal.SIGKILL) if os.WIFSTOPPED(status) else None
        os._exit(STOPPED if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status))
    said = b""
    with contextlib.suppress(OSError):  # EIO: the last one has closed it
        while part := os.read(ours, 65536):
            said += part
    os.close(ours)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


STOPPED = 200


def behind_a_terminal():
    """It writes all the same, and is not stopped with its job behind it."""
    assert at_a_terminal("/bin/echo", "x")[0] == STOPPED, "nobody is stopped there: the test is dead"
    ended, said = at_a_terminal(MOAT, "run", "--wall", "100s", "--", "/bin/sh", "-c",
                                "i=0; while [ $i -lt 50 ]; do echo line $i; echo word $i >&2; i=$((i+1)); done; exit 7")
    assert ended == 7 and b"line 49" in said and b"word 49" in said, (ended, said[-500:])


adopt_orphans()
signal.signal(signal.SIGTTOU, signal.SIG_DFL)
if not shutil.which("strace"):
    print("SKIP: no strace")
    sys.exit(77)
daemon.run([filters_that_cannot_be_installed, calls_that_are_missing, groups_that_nobody_may_write, odd_hosts, behind_a_terminal])
