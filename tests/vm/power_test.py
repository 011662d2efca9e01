#!/usr/bin/env python3
"""Daemons on a machine of the test's own, whose power goes and whose disk stops.

    power_test.py cut N      submits jobs and cuts the power at the Nth answer, without a word to any disk
    power_test.py last       what was promised before each cut holds; then a disk stops

What clients were told lies on a disk that is not the daemon's: a sync of it would be one of the daemon's too.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "fault"))
from doors import Door, Pool, daemon, until, words  # noqa: E402

SPOOL_DISK, NOTES = "/dev/nvme2n1", "/dev/nvme1n1"
BLOCK = 4096
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
PADDING = "x" * 20_000


class Notes:
    """What was told, one block each, on the disk before anything else happens."""

    def __init__(self):
        self.device = os.open(NOTES, os.O_RDWR | os.O_DSYNC)
        self.all = []
        while (block := os.pread(self.device, BLOCK, len(self.all) * BLOCK).rstrip(b"\0")):
            try:
                self.all.append(json.loads(block))
            except ValueError:
                break  # the power went while it was written: it was not told, and the next note takes its place

    def add(self, **what):
        block = json.dumps(what).encode().ljust(BLOCK, b"\0")
        assert len(block) == BLOCK, what
        os.pwrite(self.device, block, len(self.all) * BLOCK)
        self.all.append(what)


def door(rest="", server="jobs = 2", profiles=daemon.PROFILES):
    """A daemon whose spool is on the disk that stays."""
    d = Door(server=server, profiles=profiles, rest=rest)
    spool = d.folder / "spool"
    spool.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "ext4", SPOOL_DISK, spool], check=True)
    spool.chmod(0o700)
    return d


def close(d):
    d.stop()
    subprocess.run(["umount", d.folder / "spool"], check=True)


def promises(notes):
    """Of each job, the last thing that was told."""
    told = {}
    for note in notes.all:
        told[note["job"]] = note
    return told


def check_promises(d, notes):
    for job, note in promises(notes).items():
        if note["what"] == "kept":
            status, _, text = d.get(f"/v1/jobs/{job}/outputs/upper")
            assert status == 200 and text == (note["text"] + PADDING).upper().encode(), (note, status, text[:40])
            continue
        end = d.ended(job)
        assert end.get("cause") in ("exit", "worker-lost"), (note, end)
        assert note["what"] == "accepted" or end["cause"] == "exit", (note, end)
        if end["cause"] == "exit":
            assert d.get(f"/v1/jobs/{job}/outputs/upper")[2] == (note["text"] + PADDING).upper().encode(), note
    assert not list((d.folder / "spool/incoming").iterdir())


def submit(d, notes, count):
    """Jobs for later and jobs for now; each answer is noted, and then what became of the former."""
    for number in range(count):
        name = f"job {len(notes.all)} "
        text = name + PADDING
        if number % 3 == 2:
            status, job = d.job("upper", text.encode())
            assert status == 200 and job["outputs"], job
            yield dict(what="kept", job=job["id"], text=name)
        else:
            status, job = d.job("upper?async", text.encode())
            assert status == 202, job
            yield dict(what="accepted", job=job["id"], text=name)
            if number % 3 == 1:
                assert d.ended(job["id"])["cause"] == "exit"
                yield dict(what="done", job=job["id"], text=name)


def cut(at):
    notes = Notes()
    trigger = os.open("/proc/sysrq-trigger", os.O_WRONLY)
    d = door()
    d.begin()
    check_promises(d, notes)
    for count, note in enumerate(submit(d, notes, 100), 1):
        notes.add(**note)
        if count == at:
            print(f"vm: the power goes behind `{note['what']}`, {len(notes.all)} are noted", flush=True)
            time.sleep(.3)  # for the console
            os.write(trigger, b"b")


class Frozen:
    """A disk that takes for ever."""

    def __init__(self, folder):
        self.folder = os.open(folder, os.O_RDONLY)

    def __enter__(self):
        fcntl.ioctl(self.folder, FIFREEZE, 0)

    def __exit__(self, *_):
        fcntl.ioctl(self.folder, FITHAW, 0)
        os.close(self.folder)


def jobs_on_a_disk_that_stops():
    """Killed and not gone: their processes wait for the disk, in the kernel. Nobody else does."""
    place = pathlib.Path("/srv")
    subprocess.run(["mount", "-t", "ext4", SPOOL_DISK, place], check=True)
    (place / "shared").mkdir(exist_ok=True)
    (place / "shared").chmod(0o777)
    policy = pathlib.Path("/tmp/writes.toml")
    policy.write_text(f'moat = 1\nbase = "default"\n[files]\nwrite = ["{place}/shared"]\n')
    more = f'[profile.writes]\npolicy = "{policy}"\ncommand = ["sh", "-c", "sleep 1; echo x > {place}/shared/file; :"]\nwall = "3s"\n'
    with Pool(more) as pool:
        with Frozen(place):
            client = subprocess.Popen([daemon.MOAT, "submit", "--socket", pool.folder / "s", "writes"], stderr=subprocess.PIPE)
            _, said = client.communicate(timeout=100)
            assert client.returncode not in (0, 125), said
            assert b"wall clock limit" in said and b"not gone: process" in said and b"(state D" in said, said
            print("vm:   " + said.decode().strip(), flush=True)
            assert pool.submit("sh", "--", "exit 3").returncode == 3, "others wait for it"
            helpers = sum(b"__spawner" in words(pid) for pid in range(2, 100_000) if os.path.exists(f"/proc/{pid}"))
        until(lambda: sum(b"__spawner" in words(pid) for pid in range(2, 100_000) if os.path.exists(f"/proc/{pid}")) < helpers, "the helper stays")
    subprocess.run(["umount", place], check=True)


def answers_while_its_disk_stops():
    """Everything that needs no disk is answered; what does need it waits, and is promised nothing meanwhile."""
    d = door()
    d.begin()
    slow = d.job("nap?async")[1]["id"]
    until(lambda: d.state(slow)["state"] == "running", "the job never starts")
    answers = []
    with Frozen(d.folder / "spool"):
        clients = [threading.Thread(target=lambda: answers.append(d.job("upper?async", b"x"))) for _ in range(4)]
        for client in clients:
            client.start()
        for _ in range(20):
            assert d.get("/healthz")[0] in (200, 503) and d.get("/readyz")[0] == 200
            assert d.get("/v1/status")[0] == 200 and d.get("/metrics")[0] == 200
        assert not answers, "a promise that is on no disk"
    for client in clients:
        client.join()
    assert [status for status, _ in answers] == [202] * 4, answers
    for _, job in answers:
        assert d.ended(job["id"])["cause"] == "exit"
    d.ask("DELETE", f"/v1/jobs/{slow}")
    assert d.ended(slow)["cause"] == "cancelled"
    close(d)


def clocks_that_jump():
    """A day forth, a day back: limits are by the other clock, and no job is forgotten or found too late."""
    with Door(profiles=daemon.PROFILES + '[profile.short]\ncommand = ["/bin/sleep", "1000"]\nlimits = { wall = "3s" }\n') as d, Pool() as pool:
        kept = d.job("upper?async", b"kept")[1]["id"]
        assert d.ended(kept)["cause"] == "exit"
        for jump in (86400, -86400):
            job = d.job("short?async")[1]["id"]
            client = subprocess.Popen([daemon.MOAT, "submit", "--socket", pool.folder / "s", "--wall", "3s", "sh", "--", "sleep 1000"], stderr=subprocess.PIPE)
            until(lambda job=job: d.state(job)["state"] == "running", "the job never starts")
            time.clock_settime(time.CLOCK_REALTIME, time.time() + jump)
            end = d.ended(job)
            assert end["cause"] == "wall" and 3e9 <= end["report"]["wall"] * 1000 < 3600e9, end
            assert b"wall clock limit" in client.communicate(timeout=100)[1]
            assert d.get(f"/v1/jobs/{kept}/outputs/upper")[2] == b"KEPT"
            assert d.get("/healthz")[0] == 200 and pool.submit("sh", "--", "exit 3").returncode == 3


def last():
    notes = Notes()
    assert len(notes.all) >= 10, "no cut before"
    d = door()
    d.begin()
    check_promises(d, notes)
    kinds = [note["what"] for note in promises(notes).values()]
    print(f"vm:   {len(kinds)} promises held: {', '.join(f'{kinds.count(each)} {each}' for each in sorted(set(kinds)))}", flush=True)
    close(d)
    daemon.run([jobs_on_a_disk_that_stops, answers_while_its_disk_stops, clocks_that_jump])


words_given = sys.argv[1:]
sys.argv[1:] = []
with contextlib.suppress(BrokenPipeError):
    if words_given[0] == "last":
        last()
    else:
        cut(int(words_given[0].removeprefix("cut")))
