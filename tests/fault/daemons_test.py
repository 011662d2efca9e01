"""Daemons in trouble: `moat http` and `moat serve` whose log nobody reads, whose disk is full or fails, who
are killed anywhere, may not fork, or have no memory. They go on answering, tell no success that was none,
give each job they took one end, and leave nobody behind.

    daemons_test.py [CASE]...
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

from doors import MOAT, Door, Pool, adopt_orphans, all_end, daemon, deaf, descendants, family, find_sleeper, kill_traced, needs_root, until, words, PATIENCE


def logs_that_nobody_reads():
    for gone in (False, True):
        read, write = deaf()
        if gone:
            os.close(read)
        d = Door()
        try:
            d.begin(log=write)
            assert d.job("upper", b"x")[1]["cause"] == "exit"
            assert d.get("/healthz")[0] == 200
            lost = [line for line in d.get("/metrics")[2].decode().splitlines() if line.startswith("moat_log_lines_lost ")]
            assert len(lost) == 1 and float(lost[0].split()[1]) >= 1, lost
            if not gone:
                os.set_blocking(read, False)
                with contextlib.suppress(BlockingIOError):
                    while os.read(read, 65536):
                        pass
                d.job("upper", b"y")
                until(lambda: b'"event":"job"' in os.read(read, 65536), "no line after the reader came back")
                os.close(read)
        finally:
            os.close(write)
            d.__exit__(None)


def pools_whose_log_nobody_reads():
    for gone in (False, True):
        read, write = deaf()
        if gone:
            os.close(read)
        pool = Pool()
        try:
            assert pool.start(log=write)
            done = pool.submit("sh", "--", "echo here; exit 3")
            assert (done.returncode, done.stdout) == (3, b"here\n"), done
            pool.process.send_signal(signal.SIGHUP)  # it has something to say about that
            assert pool.submit("guest", "--request", "exit 4").returncode == 4
            assert pool.metric("moat_log_lines_lost") >= 3
            if not gone:
                os.set_blocking(read, False)
                with contextlib.suppress(BlockingIOError):
                    while os.read(read, 65536):
                        pass
                pool.process.send_signal(signal.SIGTERM)
                pool.process.wait(PATIENCE)
                said = os.read(read, 65536).decode()
                assert json.loads(said.splitlines()[-1])["event"] == "gone", said
                os.close(read)
        finally:
            os.close(write)
            pool.__exit__()


def what_a_pool_tells():
    """Figures over the local door, and each job's end in the log: whatever a client calls things, a line is a line."""
    with Pool() as pool:
        assert pool.submit("guest", "--label", "order-7", "--request", "exit 4").returncode == 4
        assert pool.submit("sh", "--wall", "100ms", "--", "sleep 600").returncode != 0
        evil = 'a"}\n{"event":"gone\x1b[2J'
        assert pool.submit(evil).returncode == 125
        assert pool.metric('moat_jobs_total{cause="exit",profile="guest"}') == 1
        assert pool.metric('moat_jobs_total{cause="wall",profile="sh"}') == 1
        assert pool.metric('moat_limit_hits_total{limit="wall",profile="sh"}') == 1
        assert pool.metric('moat_job_seconds_count{phase="run",profile="sh"}') == 1
        assert pool.metric('moat_jobs_queued{profile="sh"}') == 0 and pool.metric('moat_jobs_capacity{profile="sh"}') >= 1
        assert pool.metric('moat_refused_total{why="unknown-profile"}') == 1
        assert pool.metric("moat_pool_clients") == 1, "who asks"
        assert "gone" not in pool.metrics(), "a client's word is in the metrics"
        lines = [json.loads(line) for line in (pool.folder / "log").read_text().splitlines()]
        jobs = [line for line in lines if line["event"] == "job"]
        assert [line.get("cause", line.get("ending")) for line in jobs] == ["exit", "wall", "refused"], jobs
        assert len({line["job"] for line in jobs}) == 3 and all(line["caller"] == f"uid:{os.getuid()}" for line in jobs), jobs
        assert (jobs[0]["label"], jobs[0]["exit"], jobs[0]["level"]) == ("order-7", 4, "warning") and jobs[0]["pid"] > 1, jobs[0]
        assert jobs[1]["limits"] == "wall" and "label" not in jobs[1] and jobs[2]["why"] == "there is no such profile", jobs
        assert not any(line["event"] == "gone" for line in lines)
        if not needs_root():
            os.chmod(pool.folder, 0o755)
            text = pool.config.read_text()
            pool.config.write_text(text.replace("[door.local]", '[door.local]\nusers = ["nobody"]\nmode = "0666"'))
            pool.process.send_signal(signal.SIGTERM)
            pool.process.wait(PATIENCE)
            assert pool.start()
            asked = subprocess.run([MOAT, "serve", "--metrics", pool.config], user="nobody", capture_output=True, timeout=PATIENCE, check=False)
            assert asked.returncode == 125 and b"root" in asked.stderr and not asked.stdout, asked


def results_of_a_pool_without_room():
    with Pool() as pool:
        done = pool.submit("guest", "--request", "exit 5", "-o", "/dev/full")
        assert done.returncode == 5, done  # it wrote nothing
        done = pool.submit("sh", "--log", "/dev/full", "--", "echo lost >&2; exit 0")
        assert done.returncode != 0, "a log without room is no success"
        assert pool.submit("guest", "--request", "exit 4").returncode == 4


def on_small_disk(d, options):
    """The words that put the daemon's spool on a file system of its own, which nobody else sees."""
    spool = d.folder / "spool"
    spool.mkdir(mode=0o700)
    return ["unshare", "-m", "--", "sh", "-c", f'mount -t tmpfs -o mode=0700,{options} none "{spool}" && exec "$@"', "sh"]


def a_program_that_is_replaced():
    """moat's own file, by nonsense, under a daemon that goes on and while a job runs."""
    pool = Pool()
    tree, build = pool.folder / "tree", MOAT.parents[1]
    for part in ("libexec", "share"):
        shutil.copytree(build / part, tree / part)
    moat = tree / "bin" / "moat"
    moat.parent.mkdir()
    shutil.copy(MOAT, moat)

    def job(word):
        return pool.submit("sh", "--", f"echo {word}")

    try:
        assert pool.start(program=moat), (pool.folder / "log").read_text()
        assert job("one").stdout == b"one\n"
        under_way = subprocess.Popen([MOAT, "submit", "--socket", pool.folder / "s", "sh", "--", "sleep 4323; echo slept"], stdout=subprocess.PIPE)
        sleeper = find_sleeper(4323)
        nonsense = moat.with_name("nonsense")
        nonsense.write_bytes(b"\x7fnonsense" * 1000)
        nonsense.chmod(0o755)
        os.replace(nonsense, moat)
        os.kill(sleeper, signal.SIGTERM)
        assert under_way.communicate(timeout=PATIENCE)[0] == b"slept\n"
        for link in pathlib.Path("/proc").glob("[0-9]*/exe"):  # its helpers, which are what it was
            with contextlib.suppress(OSError):
                if os.readlink(link).startswith(f"{moat} "):
                    os.kill(int(link.parent.name), signal.SIGKILL)
        done = job("two")
        assert done.returncode != 0 and done.stdout == b"" and done.stderr.startswith(b"moat: "), done
        shutil.copy(MOAT, nonsense)
        os.replace(nonsense, moat)
        until(lambda: job("three").stdout == b"three\n", "it does not go on")
    finally:
        pool.__exit__()


def full_disks():
    if needs_root():
        return
    for options in ("size=2m", "size=64m,nr_inodes=60"):
        d = Door(server="jobs = 2", profiles=daemon.PROFILES)
        try:
            d.begin(before=on_small_disk(d, options))
            inside = pathlib.Path(f"/proc/{d.process.pid}/root{d.folder}/spool")
            slow = d.job("nap?async")[1]["id"]
            until(lambda: d.state(slow)["state"] != "waiting", "the job never starts")
            # Until nothing goes in any more: by bytes, or by names.
            filled = []
            with contextlib.suppress(OSError):
                for i in range(100_000):
                    path = inside / f"filled-{i}"
                    filled.append(path)
                    path.write_bytes(b"x" * (4096 if options.startswith("size=2m") else 0))
            assert len(filled) < 100_000
            taken = []
            for _ in range(4):
                status, job = d.job("upper?async", b"x" * 50_000)
                assert status in (202, 500, 507), (status, job)
                taken += [job["id"]] if status == 202 else []
            assert not taken, "there was room for a job after all"
            assert d.get("/healthz")[0] == 200, "health does not need the disk"
            assert d.state(slow)["state"] == "running"
            cancelled = d.ask("DELETE", f"/v1/jobs/{slow}")[0]
            assert cancelled in (202, 500, 507)
            for path in filled:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
            if cancelled != 202:
                d.ask("DELETE", f"/v1/jobs/{slow}")
            assert d.ended(slow)["cause"] == "cancelled"
            after = d.job("upper?async", b"again")[1]["id"]
            assert d.ended(after)["cause"] == "exit" and d.get(f"/v1/jobs/{after}/outputs/upper")[2] == b"AGAIN"
            assert not list((inside / "incoming").iterdir()), "half an upload is left"
        finally:
            d.__exit__(None)


def disks_that_fail():
    """From some sync on, none says that anything is on the disk, or from some call on nothing may be written there:
    nothing more is accepted, and what was is kept."""
    writes = "pwrite64,mkdirat,unlinkat,renameat,renameat2,linkat"
    for calls, error, when in (("fsync,fdatasync", "EIO", 1), ("fsync,fdatasync", "EIO", 12), (writes, "EROFS", 12), (writes, "EROFS", 40)):
        d = Door()
        told = []
        try:
            d.begin(before=["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when={when}+"])
            status = 202 if d.port else 500
            while status == 202:
                status, job = d.job("upper?async", b"x")
                told += [job["id"]] if status == 202 else []
                assert len(told) < 100
            assert status == 500, status
            if d.port:
                assert d.get("/healthz")[0] == 200
            kill_traced(d.process)
            d.begin()
            for job in told:
                assert d.ended(job)["cause"] in ("exit", "worker-lost")
        finally:
            d.__exit__(None)


# By each kind of call that changes something, somewhere on the way of a job: the daemon dies there.
DEATHS = [("fdatasync", 3), ("fdatasync", 9), ("fsync", 8), ("rename,renameat,renameat2", 2), ("pwrite64", 12), ("pwrite64", 60), ("mkdirat,mkdir", 4), ("sendto,sendmsg", 3),
          ("unlink,unlinkat", 1), ("openat,openat2", 60)]


def killed_anywhere():
    for calls, when in DEATHS:
        d = Door(server="jobs = 2")
        told = []
        try:
            d.begin(before=["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGKILL:when={when}"])
            with contextlib.suppress(OSError, ValueError, daemon.http.client.HTTPException):
                for i in range(5):
                    status, job = d.job("upper?async", b"%d" % i)
                    if status == 202:
                        told.append((job["id"], b"%d" % i))
            left = family()
            kill_traced(d.process)  # if that call was not made so often
            all_end(left)
            d.begin()
            assert d.port, "it does not start again: " + d.log.read_text()[-1000:]
            for job, text in told:
                end = d.ended(job)
                assert end["cause"] in ("exit", "worker-lost"), (calls, end)
                if end["cause"] == "exit":
                    assert d.get(f"/v1/jobs/{job}/outputs/upper")[2] == text, calls
            assert not list((d.folder / "spool/incoming").iterdir()), calls
            print(f"  killed at {calls}: {len(told)} jobs had been accepted", flush=True)
        finally:
            d.__exit__(None)


def pools_killed_anywhere():
    """A job that was not answered may be lost with the daemon; its processes are not left, and the next one serves."""
    for calls, when in (("sendmsg", 2), ("recvmsg", 3), ("epoll_wait,epoll_pwait", 4), ("clone,clone3,vfork", 2), ("pidfd_open", 2)):
        pool = Pool()
        try:
            pool.start(before=["strace", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=SIGKILL:when={when}"])
            for _ in range(4):
                done = pool.submit("guest", "--request", "exit 4")
                assert done.returncode in (4, 125), done
                if done.returncode == 125:
                    break
            left = family()
            kill_traced(pool.process)
            all_end(left)
            assert pool.start(), "it does not start again"
            assert pool.submit("guest", "--request", "exit 4").returncode == 4
        finally:
            pool.__exit__()


def without_processes():
    """Its helper may not fork: jobs are told so, none is a success, and afterwards all is as before."""
    d = Door(server="jobs = 1", profiles=daemon.PROFILES)
    with d:
        assert d.job("upper", b"x")[1]["cause"] == "exit"
        helpers = [pid for pid in descendants(os.getpid()) if b"__spawner" in words(pid)]
        assert helpers
        tracers = []
        for helper in helpers:
            tracer = subprocess.Popen(["strace", "-p", str(helper), "-o", "/dev/null", "-e", "trace=clone3,clone,fork,vfork", "-e",
                                       "inject=clone3,clone,fork,vfork:error=EAGAIN"], stderr=subprocess.PIPE)
            assert b"attached" in tracer.stderr.readline()
            tracers.append(tracer)
        ends = [d.job("upper", b"x") for _ in range(4)]
        for tracer in tracers:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(PATIENCE)
            tracer.stderr.close()
        for _, answer in ends[2:]:  # what was ready before is still a whole jail
            assert answer["cause"] == "setup" and "EAGAIN" in answer["report"]["detail"], answer
        until(lambda: d.job("upper", b"x")[1].get("cause") == "exit", "it does not recover")


def jobs_go_first():
    """Out of memory, the kernel takes jobs: their score is above that of the daemon and its helpers."""
    def score(pid):
        return int(pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text())
    with Door() as d:
        job = d.job("nap?async")[1]["id"]
        jobs = []

        def job_runs():
            jobs[:] = [pid for pid in descendants(os.getpid()) if words(pid).endswith(b"sleep\x001000\0")]
            return jobs

        until(job_runs, "the job never starts")
        assert [score(pid) for pid in jobs] == [500] * len(jobs)
        assert score(d.process.pid) == score(os.getpid())
        d.ask("DELETE", f"/v1/jobs/{job}")
    with Pool() as pool:
        assert pool.submit("guest", "--request", "exit 4").returncode == 4
        served = [pid for pid in descendants(pool.process.pid) if b"pool_zygote" in words(pid)]
        assert served
        for pid in served:
            with contextlib.suppress(FileNotFoundError):
                assert score(pid) == 500, words(pid)
        assert score(pool.process.pid) == score(os.getpid())


adopt_orphans()
if not shutil.which("strace"):
    print("SKIP: no strace")
    sys.exit(77)
daemon.run([logs_that_nobody_reads, pools_whose_log_nobody_reads, what_a_pool_tells, results_of_a_pool_without_room, a_program_that_is_replaced, full_disks, disks_that_fail,
            killed_anywhere, pools_killed_anywhere, without_processes, jobs_go_first])
