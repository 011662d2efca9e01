#!/usr/bin/env python3
"""Daemons with much to do: stopped under a hundred jobs, killed at each kind of call of their own start, reconfigured
while jobs start, beside spinners and a crowd of children that end together. Each job that was taken has one end, nobody is left behind, and whoever asks is answered.

    crowded_test.py [CASE]...
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

from doors import MOAT, PATIENCE, Door, Pool, adopt_orphans, all_end, daemon, descendants, family, kill_traced, until, words

JOBS = 100


def stopped_under_jobs():
    """What runs is ended, what waits waits for the next start; none is told twice or never."""
    d = Door(server="jobs = 2", profiles=daemon.PROFILES.replace("queue = 4", "queue = 200").replace("[profile.upper]", "[profile.upper]\nqueue = 200"))
    try:
        d.begin()
        told = {}
        for number in range(JOBS):
            status, job = d.job("again?async&start_within=1h" if number % 25 == 0 else "upper?async&start_within=1h", b"%d" % number)
            assert status == 202, (number, status, job)
            told[job["id"]] = number
        left = family()
        for _ in range(2):  # the second one waits for nobody
            d.process.send_signal(signal.SIGTERM)
        assert d.process.wait(PATIENCE) == 0
        all_end(left)
        d.begin()
        naps = [job for job, number in told.items() if number % 25 == 0]
        for job in naps:
            assert d.ask("DELETE", f"/v1/jobs/{job}")[0] == 202
        for job, number in told.items():
            end = d.ended(job)
            if job in naps:
                assert end.get("cause", end["ending"]) == "cancelled", end
            else:
                assert end["cause"] == "exit" and d.get(f"/v1/jobs/{job}/outputs/upper")[2] == b"%d" % number, end
    finally:
        d.__exit__(None)


def pools_stopped_under_jobs():
    pool = Pool()
    pool.config.write_text(pool.config.read_text().replace("running = 2", 'running = 2\ndrain = "1s"'))
    try:
        assert pool.start()
        clients = [subprocess.Popen([MOAT, "submit", "--socket", pool.folder / "s", "sh", "--", "sleep 1000" if number % 2 else "exit 3"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for number in range(JOBS)]
        until(lambda: any(words(pid).endswith(b"sleep\x001000\0") for pid in descendants(os.getpid())), "no job starts")
        left = [os.pidfd_open(pid) for pid in descendants(pool.process.pid)[1:] if os.path.exists(f"/proc/{pid}")]
        pool.process.send_signal(signal.SIGTERM)
        assert pool.process.wait(PATIENCE) == 0
        all_end(left)
        for number, client in enumerate(clients):
            said = client.communicate(timeout=PATIENCE)[1]
            assert client.returncode != 0 and (client.returncode == 3 or said), (number, client.returncode)
            assert not (number % 2 and client.returncode == 3)
    finally:
        pool.__exit__()


def kinds_of_calls(command):
    """What a start of it calls, the first process alone."""
    trace = pathlib.Path(command[-1]).parent / "trace"
    read, write = os.pipe()
    process = subprocess.Popen(["strace", "-qq", "-o", trace, *command[:-1], "--ready-fd", str(write), command[-1]], pass_fds=[write],
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as ready:
        assert ready.readline()
    left = family()
    kill_traced(process)
    all_end(left)
    return sorted(set(re.findall(r"^(\w+)\(", trace.read_text(), re.M)) - {"execve", "exit_group"})


def starts_killed_anywhere():
    """At its first call of each kind, one start after the other on what the one before has left."""
    for make, command in ((lambda: Door(server="jobs = 1"), "http"), (Pool, "serve")):
        d = make()
        config = d.folder / "http.toml" if command == "http" else d.config
        calls = kinds_of_calls([MOAT, command, config])
        assert len(calls) > 15, calls
        begin = d.begin if command == "http" else d.start
        try:
            for call in calls:
                begin(before=["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when=1"])
                left = family()
                kill_traced(d.process)
                all_end(left)
            begin()
            if command == "http":
                assert d.port, d.log.read_text()[-1000:]
                assert d.job("upper", b"x")[1]["cause"] == "exit"
                assert not list((d.folder / "spool/incoming").iterdir())
            else:
                assert d.submit("guest", "--request", "exit 4").returncode == 4
            print(f"  {command}: killed at {len(calls)} kinds of calls", flush=True)
        finally:
            d.__exit__(None) if command == "http" else d.__exit__()


def reloads_under_starts():
    """Two words of a configuration go together: no job has one of the former and one of the new."""
    profile = '[profile.pair]\ncommand = ["/bin/echo", "{{first}}-{{second}}", "{0}"]\nparameters = {{ first = {{ least = 1, usual = {0}, most = 9 }}, second = {{ least = 1, usual = {0}, most = 9 }} }}\n'
    with Door(server="jobs = 2", profiles=daemon.PROFILES + profile.format(1)) as d:
        config = d.folder / "http.toml"
        text = config.read_text()
        answers, trouble = [], []

        def submit():
            try:
                for _ in range(JOBS // 4):
                    answers.append(d.job("pair")[1]["stdout"])
            except BaseException as error:  # told below
                trouble.append(error)

        clients = [threading.Thread(target=submit) for _ in range(4)]
        for client in clients:
            client.start()
        reloads = 0
        while any(client.is_alive() for client in clients) or reloads < 2:
            reloads += 1
            config.write_text(text.replace(profile.format(1), profile.format(1 + reloads % 2)))
            before = len(d.events("reload"))
            d.process.send_signal(signal.SIGHUP)
            until(lambda before=before: len(d.events("reload")) > before, "it does not read it")
            assert "error" not in d.events("reload")[-1], d.events("reload")[-1]
        for client in clients:
            client.join()
        assert not trouble, trouble
        assert len(answers) == JOBS and set(answers) <= {"1-1 1\n", "2-2 2\n"}, set(answers)
        assert d.job("pair")[1]["stdout"] == f"{1 + reloads % 2}-{1 + reloads % 2} {1 + reloads % 2}\n"
        print(f"  {reloads} configurations, {answers.count('1-1 1' + chr(10))} jobs by one and the rest by the other", flush=True)


SPINS = '[profile.spin]\ncommand = ["/bin/sh", "-c", "i=0; while [ $i -lt 16 ]; do (while :; do :; done) & i=$((i+1)); done; wait"]\nlimits = { wall = "10m", cpu = "1h" }\n'


def beside_spinners():
    """Sixty-four of them, whatever the number of processors: who asks is answered while they spin."""
    with Door(server="jobs = 8", profiles=daemon.PROFILES + SPINS) as d, Pool() as pool:
        spins = [d.job("spin?async")[1]["id"] for _ in range(4)]
        until(lambda: sum(words(pid).startswith(b"/bin/sh\0-c\0i=0; while [ $i -lt 16 ]") for pid in descendants(os.getpid())) >= 64, "they do not spin")
        for _ in range(10):
            assert d.get("/healthz")[0] == 200 and d.get("/metrics")[0] == 200
        assert d.job("upper", b"x")[1]["cause"] == "exit"
        assert pool.submit("guest", "--request", "exit 4").returncode == 4
        assert all(d.state(job)["state"] == "running" for job in spins), "they had ended: the test is dead"
        for job in spins:
            assert d.ask("DELETE", f"/v1/jobs/{job}")[0] == 202
        assert {d.ended(job)["cause"] for job in spins} == {"cancelled"}


CHILDREN = 10_000
# Children of nobody, who wait for the end of a pipe; then it waits until its pid 1 has reaped all of them.
CROWD = f"""$| = 1; pipe R, W;
for (1 .. 100) {{
  my $p = fork; defined $p or die "fork: $!"; next if $p; close W;
  for (1 .. {CHILDREN // 100}) {{ my $q = fork; defined $q or die "fork: $!"; if (!$q) {{ sysread R, my $x, 1; exit }} }}
  print "t"; exit
}}
while (wait != -1) {{}} close W; close R;
for (;;) {{ opendir D, "/proc"; my $c = grep {{ /^[0-9]+$/ }} readdir D; last if $c <= 2; select undef, undef, undef, .01 }}
print " gone";"""


def a_crowd_that_ends_together():
    """Ten thousand at once: pid 1 reaps each, and nobody else's answer waits for it."""
    policy = pathlib.Path(os.environ.get("TMPDIR", "/tmp")) / f"crowd-{os.getpid()}.toml"
    policy.write_text(f'moat = 1\nbase = "default"\n[limits]\npids = {CHILDREN + 200}\nmemory = "4G"\nwall = "30m"\n')
    try:
        with Door(server="jobs = 2", profiles=daemon.PROFILES + f"[profile.crowd]\npolicy = \"{policy}\"\ncommand = [\"/usr/bin/perl\", \"-e\", '''{CROWD}''']\n") as d:
            crowd = d.job("crowd?async")[1]["id"]
            answered = 0
            while d.state(crowd, "1ms")["state"] != "done":
                assert d.get("/healthz")[0] == 200
                answered += 1
            end = d.ended(crowd)
            if "Resource temporarily unavailable" in end.get("stderr", ""):
                assert "pids" not in end["report"]["limits_hit"], end["report"]
                print("this host has no room for so many processes: left out", flush=True)
                return
            assert end["cause"] == "exit" and end["stdout"] == "t" * 100 + " gone", end
            assert end["report"]["pids_peak"] is None or end["report"]["pids_peak"] > CHILDREN, end["report"]
            assert answered > 10 and d.job("upper", b"x")[1]["cause"] == "exit"
    finally:
        policy.unlink()


adopt_orphans()
if not shutil.which("strace"):
    print("SKIP: no strace")
    sys.exit(77)
daemon.run([stopped_under_jobs, pools_stopped_under_jobs, starts_killed_anywhere, reloads_under_starts, beside_spinners, a_crowd_that_ends_together])
