#!/usr/bin/env python3
"""Clients that trickle, lie, send garbage, never read or are not who they say."""
import contextlib
import hashlib
import json
import resource
import select
import socket
import subprocess

import daemon
from daemon import Daemon, read_all

TOKENS = {"alice": "submit", "bob": "submit", "root": "operator"}
CALLERS = "".join(f'[[caller]]\nname = "{name}"\ntoken_sha256 = "{hashlib.sha256(name.encode()).hexdigest()}"\nrole = "{role}"\njobs = 2\n'
                  for name, role in TOKENS.items())


def bearer(name):
    return {"Authorization": "Bearer " + name}


def tokens():
    with Daemon(rest=CALLERS) as d:
        for path in ("/healthz", "/readyz", "/", "/openapi.json"):
            assert d.get(path)[0] == 200, path
        for headers in ({}, bearer("nobody"), {"Authorization": "Basic alice"}, {"Authorization": "Bearer "}, bearer("x" * 600)):
            for path in ("/v1/jobs", "/v1/status", "/metrics", "/v1/jobs/" + "0" * 32):
                status, answer, _ = d.get(path, headers=headers)
                assert status == 401 and answer["WWW-Authenticate"] == "Bearer", (headers, path)
            assert d.job("upper", b"x", headers=headers)[0] == 401
        job = d.job("upper?async", b"x", headers=bearer("alice"))[1]["id"]
        assert d.get(f"/v1/jobs/{job}?wait=60s", headers=bearer("alice"))[0] == 200
        assert d.get(f"/v1/jobs/{job}", headers=bearer("bob"))[0] == 404
        assert d.get(f"/v1/jobs/{job}/outputs/upper", headers=bearer("bob"))[0] == 404
        assert d.ask("DELETE", f"/v1/jobs/{job}", headers=bearer("bob"))[0] == 404
        assert json.loads(d.get(f"/v1/jobs?ids={job}", headers=bearer("bob"))[2])["jobs"] == []
        assert json.loads(d.get("/v1/jobs", headers=bearer("bob"))[2])["jobs"] == []
        assert d.get(f"/v1/jobs/{job}", headers=bearer("root"))[0] == 200
        for path in ("/v1/status", "/metrics"):
            assert d.get(path, headers=bearer("alice"))[0] == 403 and d.get(path, headers=bearer("root"))[0] == 200
        # A refused upload is not taken for the next request.
        with contextlib.closing(d.raw(b"POST /v1/jobs/upper HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")) as client:
            answer = read_all(client)
            assert answer.startswith(b"HTTP/1.1 401") and answer.count(b"HTTP/1.1") == 1, answer


def quotas():
    with Daemon(rest=CALLERS + 'rate = 5\n') as d:
        ids = [d.job("nap?async", headers=bearer("alice"))[1]["id"] for _ in range(2)]
        status, headers, _ = d.ask("POST", "/v1/jobs/nap?async", headers=bearer("alice"))
        assert status == 429 and headers["Retry-After"], status
        other = d.job("nap?async", headers=bearer("bob"))
        assert other[0] == 202, "who keeps within bounds is not held up by who does not"
        answers = [d.get("/v1/jobs", headers=bearer("root"))[0] for _ in range(40)]
        assert 429 in answers and answers[0] == 200, answers
        for job in ids:
            assert d.ask("DELETE", "/v1/jobs/" + job, headers=bearer("alice"))[0] == 202
        d.ask("DELETE", "/v1/jobs/" + other[1]["id"], headers=bearer("bob"))


def uploads_count_before_they_are_jobs():
    head = b"POST /v1/jobs/nap?async HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\nContent-Length: 4\r\n\r\n"
    with Daemon(rest=CALLERS) as d, contextlib.ExitStack() as held:
        clients = [held.enter_context(d.raw(head)) for _ in range(12)]
        for client in clients:
            with contextlib.suppress(OSError):
                client.sendall(b"body")
        answers = [client.recv(12) for client in clients]
        assert answers.count(b"HTTP/1.1 202") == 2 and answers.count(b"HTTP/1.1 429") == 10, answers
        for job in json.loads(d.get("/v1/jobs", headers=bearer("alice"))[2])["jobs"]:
            assert d.ask("DELETE", "/v1/jobs/" + job["id"], headers=bearer("alice"))[0] == 202


def no_caller_has_all_threads():
    head = b"POST /v1/jobs/upper HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice\r\nContent-Length: 4\r\n\r\n"
    with Daemon(rest=CALLERS.replace("jobs = 2", "jobs = 1000")) as d, contextlib.ExitStack() as held:
        clients = [held.enter_context(d.raw(head)) for _ in range(85)]
        answered = select.select(clients, [], [], 200)[0]  # no more of hers wait for their bodies
        assert answered[0].recv(12) == b"HTTP/1.1 503"
        assert d.job("upper", b"x", headers=bearer("bob"))[0] == 200


def who_was_answered_makes_room():
    with Daemon("connections = 16") as d, contextlib.ExitStack() as held:
        quiet = held.enter_context(d.raw())
        for _ in range(24):
            client = held.enter_context(d.raw(b"nonsense\r\n\r\n"))
            assert client.recv(12) == b"HTTP/1.1 400"
        quiet.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert quiet.recv(12) == b"HTTP/1.1 200"


def other_sites():
    with Daemon() as d:
        own = f"127.0.0.1:{d.port}"
        for headers in ({"Host": "evil.example"}, {"Host": "127.evil.example"}, {"Host": own, "Origin": "http://evil.example"},
                        {"Host": own, "Sec-Fetch-Site": "cross-site"}, {"Host": own, "Origin": "null"}):
            assert d.job("upper", b"x", headers=headers)[0] == 403, headers
            assert d.get("/v1/status", headers=headers)[0] == 403, headers
        for headers in ({"Host": own, "Origin": "http://" + own, "Sec-Fetch-Site": "same-origin"}, {"Host": "localhost:1"}):
            assert d.get("/v1/status", headers=headers)[0] == 200, headers
        page = d.get("/")
        assert "default-src 'none'" in page[1]["Content-Security-Policy"] and b"<script>" not in page[2]


def garbage():
    with Daemon() as d:
        host = b"Host: 127.0.0.1\r\n"
        for text, status in (
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
                (b"GET\r\n\r\n", 400),
                (b"GET /readyz HTTP/1.1\r\nno colon\r\n\r\n", 400),
                (b"GET /readyz HTTP/1.1\r\n: nameless\r\n\r\n", 400),
                (b"GET http://other/ HTTP/1.1\r\n" + host + b"\r\n", 400),
                (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
                (b"GET /readyz HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n", 431),
                (b"GET /readyz HTTP/1.1\r\nA: " + b"b" * 20000, 431),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Transfer-Encoding: gzip, chunked\r\n\r\nx", 501),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Content-Length: -1\r\n\r\n", 400),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nxyz", 415),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n0\r\n\r\n", 400),
                (b"POST /v1/jobs/upper HTTP/1.1\r\n" + host + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 9\r\n\r\n--c\r\nx\r\n\r\n", 400),
                (b"POST /readyz HTTP/1.1\r\n" + host + b"Content-Length: 999999999\r\n\r\n", 413),
        ):
            with contextlib.closing(d.raw(text)) as client:
                answer = read_all(client)
            assert answer.startswith(b"HTTP/1.1 %d " % status), (text[:80], answer[:200])
        with contextlib.closing(d.raw(b"GET /readyz HTTP/1.1\r\n" + host + b"\r\nGET /readyz HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n")) as client:
            assert read_all(client).count(b'{"ready":true}') == 2, "pipelined requests are answered in turn"
        assert d.get("/readyz")[0] == 200


def lying_lengths():
    with Daemon() as d:
        with contextlib.closing(d.raw(b"POST /v1/jobs/upper HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nshort")) as client:
            client.shutdown(socket.SHUT_WR)
            assert read_all(client).startswith(b"HTTP/1.1 400")
        with contextlib.closing(d.raw(b"POST /v1/jobs/upper HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nxxlonger than two\r\n\r\n")) as client:
            answer = read_all(client)
            assert answer.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 400" in answer, answer
        while list((d.folder / "spool/incoming").iterdir()):
            pass
        # Nothing that a client chose gets out of its place in the log.
        d.get("/a%0a%22,%22level%22:%22error", headers={"User-Agent": "x\x1b[2J"})
        assert all(line["level"] in ("info", "warning") for line in d.events("request"))


def who_leaves_is_not_worked_for():
    with Daemon() as d:
        with contextlib.closing(d.raw(b"POST /v1/jobs/nap HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")):
            while not any(p["running"] for p in json.loads(d.get("/v1/status")[2])["profiles"]):
                pass
        while any(p["running"] for p in json.loads(d.get("/v1/status")[2])["profiles"]):
            pass
        assert d.events("job")[0]["cause"] == "cancelled"


def crowds():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    with Daemon() as d:
        idle = [d.raw() for _ in range(1000)]
        halves = [d.raw(b"GET /readyz HTTP/1.1\r\nHost: ") for _ in range(200)]
        assert d.job("upper", b"still here")[0] == 200
        metrics = d.get("/metrics")[2].decode()
        line = next(each for each in metrics.splitlines() if each.startswith("moat_http_connections "))
        assert float(line.split()[1]) >= 1200, line
        for client in halves:
            client.sendall(b"127.0.0.1\r\nConnection: close\r\n\r\n")
        assert all(b'{"ready":true}' in read_all(client) for client in halves)
        for client in idle + halves:
            client.close()
    with Daemon(server="connections = 16") as d:
        many = [d.raw() for _ in range(100)]
        assert d.get("/readyz")[0] == 200, "the idle make room"
        for client in many:
            client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def without_descriptors_it_goes_on():
    with Daemon() as d:
        assert d.job("upper", b"x")[0] == 200
        soft, hard = resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE)
        there = len(list(daemon.pathlib.Path(f"/proc/{d.process.pid}/fd").iterdir()))
        resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (there + 6, hard))
        many = [d.raw() for _ in range(100)]  # turned away, or idle for longest and gone
        assert sum(read_all(client) == b"" for client in many[6:80]) == 74
        # It may be turned away itself while the idle ones go; it is not left waiting.
        for _ in range(1000):
            try:
                assert d.get("/readyz")[0] == 200
                break
            except OSError:
                pass
        else:
            raise AssertionError("nobody is served")
        resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
        for client in many:
            client.close()
        assert d.job("upper", b"x")[0] == 200


def who_keeps_threads():
    """Small requests whose bodies trickle, and small answers that nobody reads, at the same time: few of them may
    keep a thread, and the others are given up at once."""
    with Daemon() as d:
        half = b"DELETE /v1/jobs/" + b"0" * 32 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n" + b"x" * 30_000
        many = [d.raw(half) for _ in range(250)]
        given_up = 0
        while given_up < 100:
            assert d.get("/readyz")[0] == 200
            line = next(line for line in d.get("/metrics")[2].decode().splitlines() if line.startswith("moat_clients_given_up "))
            given_up = int(float(line.split()[1]))
        assert d.job("upper", b"x")[0] == 200
        for client in many:
            client.close()
        assert d.job("upper", b"x")[0] == 200


def most_memory(pid):
    status = daemon.pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))


def never_readers():
    with Daemon() as d:
        job = d.job("large?async")[1]["id"]
        assert json.loads(d.get(f"/v1/jobs/{job}?wait=60s")[2])["cause"] == "exit"
        request = f"GET /v1/jobs/{job}/outputs/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        before = most_memory(d.process.pid)
        deaf = [d.raw(request) for _ in range(60)]
        assert d.job("upper", b"x")[0] == 200
        assert most_memory(d.process.pid) - before < 600 << 20, "half of what they have asked for"
        for client in deaf:
            client.close()
        assert len(d.get(f"/v1/jobs/{job}/outputs/large")[2]) == 20_000_000


def unix_socket_and_top():
    with Daemon(listen="unix:{folder}/door") as d:
        top = subprocess.run([daemon.MOAT, "top", "--once", "--at", f"unix:{d.folder}/door"], capture_output=True, text=True, timeout=200)
        assert top.returncode == 0 and "upper" in top.stdout, top
        assert (d.folder / "door").stat().st_mode & 0o777 == 0o600
    nobody = subprocess.run([daemon.MOAT, "top", "--once", "--at", "127.0.0.1:1"], capture_output=True, text=True, timeout=200)
    assert nobody.returncode == 125 and "no answer" in nobody.stderr, nobody


daemon.run([tokens, quotas, uploads_count_before_they_are_jobs, no_caller_has_all_threads, who_was_answered_makes_room, other_sites, garbage, lying_lengths,
            who_leaves_is_not_worked_for, crowds, without_descriptors_it_goes_on, who_keeps_threads, never_readers,
            unix_socket_and_top])
