#!/usr/bin/env python3
"""Daemons that may have no more processes or memory, and jobs that the kernel does not let go of. Who asks is told
so, nothing is called a success that was none, what was accepted is kept, and afterwards all is as before.

    scarce_test.py [CASE]...
"""
import contextlib
import ctypes
import json
import os
import pathlib
import resource
import signal
import subprocess
import threading

from doors import MOAT, Door, Pool, adopt_orphans, all_end, daemon, descendants, family, find_sleeper, needs_root, until, words, PATIENCE

libc = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, WALL = 0x4206, 0x40000000


class Group:
    """A control group of v1 of our own that counts processes; None where there is none."""

    @staticmethod
    def make():
        if os.geteuid() != 0:
            return None
        own = next((line.split(":")[2] for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines() if line.split(":")[1] == "pids"), None)
        folder = pathlib.Path("/sys/fs/cgroup/pids" + (own or ""))
        if own is None or not folder.is_dir():
            return None
        group = Group()
        group.folder = folder / f"moat-scarce-{os.getpid()}"
        group.folder.mkdir()
        return group

    def enter(self):
        return ["sh", "-c", f'echo 0 > "{self.folder}/cgroup.procs" && exec "$@"', "sh"]

    def allow(self, more):
        """As many as there are, and `more`; None: as many as one likes."""
        now = int((self.folder / "pids.current").read_text())
        (self.folder / "pids.max").write_text("max" if more is None else str(now + more))

    def remove(self):
        for folder in sorted(self.folder.glob("moat-*")):
            with contextlib.suppress(OSError):
                folder.rmdir()

        def gone():
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            return not self.folder.exists()

        until(gone, "somebody is left in the group")


def no_group():
    print("no group of v1 counts processes here: left out", flush=True)


def reload_of(d, event):
    before = len(d.events(event))
    d.process.send_signal(signal.SIGHUP)
    until(lambda: len(d.events(event)) > before, "it does not say what became of its configuration")
    return d.events(event)[-1]


# The kernel refuses the daemon's group another process or thread.
def without_room_for_processes():
    group = Group.make()
    if group is None:
        return no_group()
    d = Door(server="jobs = 2", profiles=daemon.PROFILES)
    try:
        d.begin(before=group.enter())
        nap = d.job("nap?async")[1]["id"]
        until(lambda: d.state(nap)["state"] == "running", "the job never starts")
        until(lambda: any(words(pid).endswith(b"sleep\x001000\0") for pid in descendants(d.process.pid) + descendants(os.getpid())), "no sleep")
        group.allow(0)
        later = d.job("upper?async", b"later")[1]["id"]
        for _ in range(40):  # jails that were ready are whole, and their jobs fail as their own limit would make them
            status, answer = d.job("upper", b"x")
            if status == 503 or (status == 200 and answer["cause"] == "setup"):
                break
            assert status == 200 and (answer["cause"] != "exit" or answer["report"]["exit_code"] != 0), answer
        assert "EAGAIN" in (answer["error"] if status == 503 else answer["report"]["detail"]), answer
        assert d.get("/readyz")[0] == 200
        assert d.get("/healthz")[0] in (200, 503)
        failed = reload_of(d, "reload")
        assert "EAGAIN" in failed["error"] and failed["changed"] == "nothing", failed
        assert d.ask("DELETE", f"/v1/jobs/{nap}")[0] == 202
        assert d.ended(nap)["cause"] == "cancelled", "killing needs no process"
        group.allow(None)
        until(lambda: d.job("upper", b"x")[1].get("cause") == "exit", "it does not recover")
        assert d.ended(later)["cause"] in ("exit", "setup"), "what was accepted has its end"
        until(lambda: d.get("/healthz")[0] == 200, "it does not get well again")
        assert "error" not in reload_of(d, "reload")
    finally:
        d.__exit__(None)
        group.remove()


def pools_without_room_for_processes():
    group = Group.make()
    if group is None:
        return no_group()
    pool = Pool()
    try:
        assert pool.start(before=group.enter())
        assert pool.submit("guest", "--request", "exit 4").returncode == 4
        assert pool.submit("sh", "--", "exit 3").returncode == 3
        group.allow(0)
        text = pool.config.read_text()
        pool.config.write_text(text.replace("policy =", "running = 9\npolicy =") + "[profile.other]\npolicy = \"default\"\ncommand = [\"true\"]\n")
        pool.process.send_signal(signal.SIGHUP)
        until(lambda: "EAGAIN" in (pool.folder / "log").read_text(), "a configuration without room for it is taken")
        for profile, *arguments in (("guest", "--request", "exit 4"), ("sh", "--", "exit 3")):
            for _ in range(5):  # by who was there before; or it is told that nobody is
                done = pool.submit(profile, *arguments)
                assert done.returncode in (3, 4, 125), done
        group.allow(None)
        until(lambda: pool.submit("guest", "--request", "exit 4").returncode == 4, "it does not recover")
        until(lambda: pool.submit("sh", "--", "exit 3").returncode == 3, "it does not recover")
    finally:
        pool.__exit__()
        group.remove()


def address_space(pid):
    return int(next(line.split()[1] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmSize"))) << 10


def crowd_at(d, told):
    """Clients of all kinds, at the same time; those that are answered are answered by what holds."""
    host = b"Host: 127.0.0.1\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="f%d"; filename="f%d"\r\n\r\n' + b"x" * 40_000 + b"\r\n"
    body = b"".join(part % (i, i) for i in range(20)) + b"--b--\r\n"

    def one(number):
        with contextlib.suppress(OSError, ValueError, daemon.http.client.HTTPException):
            if number % 3 == 0:
                status, job = d.job("upper?async", b"%d" % number)
                assert status in (202, 429, 500, 503, 507), (status, job)
                if status == 202:
                    told.append((job["id"], b"%d" % number))
            elif number % 3 == 1:
                status, answer, _ = d.ask("POST", "/v1/jobs/count", body, headers={"Content-Type": "multipart/form-data; boundary=b"})
                assert status in (200, 400, 429, 500, 503, 507), status
            else:
                with contextlib.closing(d.raw(b"GET /readyz HTTP/1.1\r\n" + host + b"X: " + b"y" * 15_000 + b"\r\n\r\n")) as client:
                    client.recv(4096)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(90)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def without_memory():
    for more in (0, 1 << 20, 16 << 20):
        d = Door(server="jobs = 2", profiles=daemon.PROFILES)
        told = []
        try:
            d.begin()
            assert d.job("upper", b"x")[1]["cause"] == "exit"
            soft, hard = resource.prlimit(d.process.pid, resource.RLIMIT_AS)
            resource.prlimit(d.process.pid, resource.RLIMIT_AS, (address_space(d.process.pid) + more, hard))
            crowd_at(d, told)
            lives = d.process.poll() is None
            print(f"  with {more >> 20} MiB more: {len(told)} jobs accepted, {'it lives' if lives else 'it died of it'}", flush=True)
            assert lives, d.log.read_text()[-2000:]
            resource.prlimit(d.process.pid, resource.RLIMIT_AS, (soft, hard))
            assert d.job("upper", b"again")[1]["cause"] == "exit", "it does not recover"
            for job, text in told:
                end = d.ended(job)
                assert end["cause"] in ("exit", "setup"), end
                if end["cause"] == "exit":
                    assert d.get(f"/v1/jobs/{job}/outputs/upper")[2] == text
            until(lambda: not list((d.folder / "spool/incoming").iterdir()), "half an upload is left")
            assert json.loads(d.get("/v1/status")[2])["live"] == [], "somebody counts for ever"
        finally:
            d.__exit__(None)


def pools_without_memory():
    with Pool() as pool:
        assert pool.submit("guest", "--request", "exit 4").returncode == 4
        soft, hard = resource.prlimit(pool.process.pid, resource.RLIMIT_AS)
        resource.prlimit(pool.process.pid, resource.RLIMIT_AS, (address_space(pool.process.pid), hard))
        clients = [subprocess.Popen([MOAT, "submit", "--socket", pool.folder / "s", "guest", "--request", "-"], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(40)]
        for client in clients:
            with contextlib.suppress(BrokenPipeError):
                client.stdin.write(b"exit 4" + b" " * 30_000)
                client.stdin.close()
        assert all(client.wait(PATIENCE) in (4, 125) for client in clients)
        assert pool.process.poll() is None, (pool.folder / "log").read_text()
        resource.prlimit(pool.process.pid, resource.RLIMIT_AS, (soft, hard))
        until(lambda: pool.submit("guest", "--request", "exit 4").returncode == 4, "it does not recover")
        until(lambda: pool.submit("sh", "--", "exit 3").returncode == 3, "it does not recover")


def keep_from_going(pid):
    """As a process that waits inside the kernel: killed, it stays until we let it go. To its pid 1, and to whoever
    waits for that one, it makes no difference why."""
    assert libc.ptrace(PTRACE_SEIZE, pid, None, None) == 0, os.strerror(ctypes.get_errno())


def let_go(pid):
    os.waitpid(pid, WALL)


def jobs_that_do_not_go():
    if needs_root():
        return
    with Pool() as pool:
        client = subprocess.Popen([MOAT, "submit", "--socket", pool.folder / "s", "--wall", "1s", "sh", "--", "sleep 4321"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        sleeper = find_sleeper(4321)
        keep_from_going(sleeper)
        _, said = client.communicate(timeout=PATIENCE)
        assert client.returncode not in (0, 125), client.returncode
        assert b"wall clock limit" in said and b"killed, and not gone: process" in said and b"sleep" in said, said
        left = family()
        assert pool.submit("sh", "--", "exit 3").returncode == 3, "others wait for it"
        assert os.path.exists(f"/proc/{sleeper}")
        helpers = [pid for pid in descendants(os.getpid()) if b"__spawner" in words(pid)]
        let_go(sleeper)
        del left
        until(lambda: not os.path.exists(f"/proc/{sleeper}"), "it is still there")
        # Its helper has waited for it, and removed what the job had.
        until(lambda: sum(b"__spawner" in words(pid) for pid in descendants(os.getpid())) < len(helpers), "its helper stays")
        until(lambda: not any(path.name.startswith(f"moat-{pid}-") for pid in helpers if not os.path.exists(f"/proc/{pid}")
                              for path in pathlib.Path("/sys/fs/cgroup").glob("**/moat-*")), "a group is left")
    with Door() as d:
        job = d.job("nap?async")[1]["id"]
        sleeper = find_sleeper(1000)
        keep_from_going(sleeper)
        assert d.ask("DELETE", f"/v1/jobs/{job}")[0] == 202
        end = d.ended(job)
        assert end["cause"] == "cancelled" and "not gone" in end["report"]["detail"], end
        assert "may still write" in end["report"]["results_lost"], end
        assert d.job("upper", b"x")[1]["cause"] == "exit"
        let_go(sleeper)


def jobs_that_are_frozen():
    """By whoever has a group of version 1 for that, where a process that was killed stays until it is thawed."""
    hierarchy = pathlib.Path("/sys/fs/cgroup/freezer")
    if needs_root():
        return
    if not (hierarchy / "cgroup.procs").exists():
        print("no group of v1 freezes here: left out", flush=True)
        return
    group = hierarchy / f"moat-test-frozen-{os.getpid()}"
    group.mkdir()
    try:
        with Pool() as pool:
            client = subprocess.Popen([MOAT, "submit", "--socket", pool.folder / "s", "--wall", "5s", "sh", "--", "sleep 4322"],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            sleeper = find_sleeper(4322)
            (group / "cgroup.procs").write_text(str(sleeper))
            (group / "freezer.state").write_text("FROZEN")
            until(lambda: (group / "freezer.state").read_text() == "FROZEN\n", "it does not freeze")
            _, said = client.communicate(timeout=PATIENCE)
            assert client.returncode not in (0, 125), client.returncode
            assert b"wall clock limit" in said and b"killed, and not gone: process" in said, said
            assert pool.submit("sh", "--", "exit 3").returncode == 3, "others wait for it"
            assert os.path.exists(f"/proc/{sleeper}")
            (group / "freezer.state").write_text("THAWED")
            until(lambda: not os.path.exists(f"/proc/{sleeper}"), "it is still there")
    finally:
        (group / "freezer.state").write_text("THAWED")

        def gone():
            with contextlib.suppress(OSError):
                group.rmdir()
            return not group.exists()

        until(gone, "somebody is left in the group")


adopt_orphans()
daemon.run([without_room_for_processes, pools_without_room_for_processes, without_memory, pools_without_memory, jobs_that_do_not_go,
            jobs_that_are_frozen])
