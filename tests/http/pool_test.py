#!/usr/bin/env python3
"""The HTTP door before the pool: jobs run in `moat serve`'s jails, and its death is no loss of ours."""
import json
import os
import signal
import subprocess

import daemon
from daemon import Daemon

POOL = """moat = 1
[door.local]
socket = "{folder}/pool.sock"
[profile.upper]
policy = "default"
command = ["/bin/sh", "-c", "tr a-z A-Z < $0 > $1/upper; echo said; echo $2; echo complained >&2", "{{in}}", "{{out}}"]
arguments = true
[profile.nap]
policy = "default"
command = ["/bin/sleep", "1000"]
[profile.serves]
program = ["{build}/tests/pool_zygote"]
"""
PROFILES = """
[profile.upper]
command = ["{size}"]
parameters = { size = { least = 1, usual = 5, most = 9 } }
[profile.nap]
[profile.serves]
output = "o"
[profile.unknown]
"""


def start_pool(d):
    config = d.folder / "pool.toml"
    config.write_text(POOL.format(folder=d.folder, build=daemon.MOAT.parent.parent))
    read, write = os.pipe()
    pool = subprocess.Popen([daemon.MOAT, "serve", "--ready-fd", str(write), config], pass_fds=[write], stderr=subprocess.DEVNULL,
                            stdin=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as ready:
        assert ready.read() == "ready\n"
    return pool


def running(d):
    nap = d.job("nap?async")[1]["id"]
    while json.loads(d.get(f"/v1/jobs/{nap}?wait=100ms")[2])["state"] != "running":
        pass
    return nap


def by_a_program_that_serves(d):
    assert d.ask("POST", "/v1/jobs/serves?output=o", b"there and back")[2] == b"there and back"
    big = os.urandom(1000 << 10)
    status, _, back = d.ask("POST", "/v1/jobs/serves?output=o", big)
    assert (status, len(back)) == (200, len(big)) and back == big, (status, back[:500])
    assert d.ask("POST", "/v1/jobs/serves?output=o", b"")[0] == 200
    assert d.ask("POST", "/v1/jobs/serves?output=other", b"x")[0] == 422
    job = d.job("serves", b"kept")[1]
    assert d.get(job["outputs"][0]["href"])[2] == b"kept", job
    before = len(d.events("job"))
    client = d.raw(b"POST /v1/jobs/serves?output=o HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nspin")
    while not any(job["profile"] == "serves" for job in json.loads(d.get("/v1/status")[2])["live"]):
        pass
    client.close()
    while len(d.events("job")) == before:
        pass
    assert d.events("job")[-1]["cause"] == "cancelled", d.events("job")[-1]


def through_the_pool():
    d = Daemon(profiles=PROFILES)
    text = (d.folder / "http.toml").read_text()
    (d.folder / "http.toml").write_text(text.replace("[server]\n", f'[server]\npool = "{d.folder}/pool.sock"\n', 1))
    pool = None
    try:
        d.start()
        assert d.job("upper", b"x")[0] == 500, "nobody is there"
        pool = start_pool(d)
        status, job = d.job("upper?p.size=7", b"hello")
        assert (status, job["cause"], job["stdout"], job["stderr"]) == (200, "exit", "said\n7\n", "complained\n"), job
        assert d.get(job["outputs"][0]["href"])[2] == b"HELLO"
        assert d.ask("POST", "/v1/jobs/upper?output=upper", b"direct")[2] == b"DIRECT"
        assert d.job("unknown", b"x")[0] == 500
        by_a_program_that_serves(d)
        nap = running(d)
        assert d.ask("DELETE", "/v1/jobs/" + nap)[0] == 202
        assert json.loads(d.get(f"/v1/jobs/{nap}?wait=60s")[2])["cause"] == "cancelled"
        nap = running(d)
        pool.send_signal(signal.SIGKILL)
        pool.wait()
        assert json.loads(d.get(f"/v1/jobs/{nap}?wait=60s")[2])["cause"] == "worker-lost"
        pool = start_pool(d)
        d.job("upper", b"x")  # of the lanes some still hold what is broken
        assert "said\n5\n" in [d.job("upper", b"x")[1].get("stdout") for _ in range(20)]
        pool.send_signal(signal.SIGTERM)
        assert pool.wait(60) == 0
    finally:
        if pool and pool.poll() is None:
            pool.kill()
            pool.wait()
        d.__exit__(None)


daemon.run([through_the_pool])
