#!/usr/bin/env python3
"""Jobs over HTTP: now and later, what they bring, how they end, that none is lost."""
import contextlib
import hashlib
import hmac
import http.server
import io
import json
import queue
import re
import signal
import socket
import tarfile
import threading
import zipfile

import daemon
from daemon import Daemon


def multipart(parts):
    body = b""
    for name, filename, data in parts:
        file = f'; filename="{filename}"' if filename else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
    return body + b"--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


def now():
    with Daemon() as d:
        status, job = d.job("upper", b"hello")
        assert (status, job["cause"], job["stdout"], job["stderr"]) == (200, "exit", "said\n", "complained\n"), job
        assert job["report"]["exit_code"] == 0
        status, headers, body = d.get(job["outputs"][0]["href"])
        assert (status, body) == (200, b"HELLO")
        status, headers, body = d.ask("POST", "/v1/jobs/upper?output=upper", b"direct")
        assert (status, body, headers["X-Moat-Cause"]) == (200, b"DIRECT", "exit")
        status, job = d.job("upper?output=other", b"x")
        assert status == 422 and job["report"]["exit_code"] == 0
        status, job = d.job("count", b"x" * 3_000_000)
        assert job["stdout"] == "3000000\n5-a\n", job


def parts_and_parameters():
    with Daemon() as d:
        body, headers = multipart([("f", "a.bin", b"123"), ("g", "../../b", b"4567"), ("p.size", None, b"9"), ("p.kind", None, b"b c")])
        status, job = d.job("count", body, headers=headers)
        assert status == 200 and job["stdout"] == "7\n9-b c\n", job
        assert d.job("count?p.size=1", b"x")[1]["stdout"] == "1\n1-a\n"
        for bad in ("p.size=10", "p.size=x", "p.kind=c", "p.other=1", "p.size=1&p.size=2", "priority=10", "wait=5", "webhook=x&async"):
            status, answer = d.job("count?" + bad, b"x")
            assert status == 400 and answer["error"] and answer["request"], (bad, status, answer)
        body, headers = multipart([("f", "a", b"1"), ("f", "a", b"2")])
        assert d.job("count", body, headers=headers)[0] == 400
        body, headers = multipart([("f", f"n{i}", b"1") for i in range(65)])
        assert d.job("count", body, headers=headers)[0] == 413
        assert d.job("nothing", b"x")[0] == 404
        assert d.job("upper", b"")[0] == 400, "it needs an input"
        while list((d.folder / "spool/incoming").iterdir()):
            pass  # nothing of refused uploads stays


def filters_are_counted():
    with Daemon() as d:
        def counted():
            lines = d.get("/metrics")[2].decode().splitlines()
            return float(next(line for line in lines if line.startswith("moat_filters_installed ")).split()[1])
        before = counted()
        for _ in range(3):
            assert d.job("upper", b"x")[0] == 200
        assert counted() == before + 3


def caps():
    with Daemon() as d:
        large = b"x" * (1 << 20) + b"y"
        assert d.job("upper", large)[0] == 413
        chunks = b"".join(b"%x\r\n%s\r\n" % (1 << 19, large[: 1 << 19]) for _ in range(3)) + b"0\r\n\r\n"
        status, _, _ = d.ask("POST", "/v1/jobs/upper", chunks, headers={"Transfer-Encoding": "chunked"})
        assert status == 413, status
        body, headers = multipart([("f", "a", large)])
        assert d.job("upper", body, headers=headers)[0] == 413
        assert d.job("upper", large[:-1])[0] == 200
        while list((d.folder / "spool/incoming").iterdir()):
            pass
    with Daemon(server='spool_size = "100K"') as d:
        assert d.job("upper", b"x" * 200_000)[0] == 507


def later():
    with Daemon() as d:
        status, headers, body = d.ask("POST", "/v1/jobs/html?async")
        job = json.loads(body)
        assert status == 202 and headers["Location"] == "/v1/jobs/" + job["id"]
        job = json.loads(d.get(headers["Location"] + "?wait=60s")[2])
        assert (job["state"], job["cause"], job["attempts"]) == ("done", "exit", 1), job
        assert sorted(each["name"] for each in job["outputs"]) == ["d/x.html", "empty", "two"], job
        base = f"/v1/jobs/{job['id']}"
        status, headers, body = d.get(base + "/outputs/d/x.html")
        assert status == 200 and b"alert" in body
        # A guest's page must not become one of ours.
        assert headers["Content-Type"] == "application/octet-stream" and "sandbox" in headers["Content-Security-Policy"]
        assert headers["Content-Disposition"] == 'attachment; filename="x.html"'
        assert d.get(base + "/outputs/empty")[0::2] == (200, b"")
        with tarfile.open(fileobj=io.BytesIO(d.get(base + "/outputs.tar")[2])) as tar:
            assert sorted(tar.getnames()) == ["d/x.html", "empty", "two"] and tar.extractfile("two").read() == b"two\n"
        with zipfile.ZipFile(io.BytesIO(d.get(base + "/outputs.zip")[2])) as zipped:
            assert zipped.testzip() is None and zipped.read("two") == b"two\n"
        for path in ("/outputs/../in/x", "/outputs/%2e%2e/report.json", "/outputs//etc/passwd", "/outputs/d", "/outputs/none"):
            assert d.get(base + path)[0] == 404, path
        assert d.get(base + "/outputs/two", headers={"Range": "bytes=1-2"})[0::2] == (206, b"wo")
        assert d.get(base + "/outputs/two", headers={"Range": "bytes=0-0,1-1,2-2"})[0] == 416
        assert d.ask("DELETE", base)[0] == 204 and d.get(base)[0] == 404
        assert not list((d.folder / "spool/jobs").iterdir())


def batches_and_cancel():
    with Daemon(server="jobs = 1") as d:
        quick = d.job("upper?async", b"a")[1]["id"]
        slow = d.job("nap?async")[1]["id"]
        done = json.loads(d.get(f"/v1/jobs?ids={quick},{slow}&until=any&wait=60s")[2])["jobs"]
        assert {each["id"]: each["state"] for each in done}[quick] == "done", done
        waiting = d.job("nap?async")[1]["id"]
        for job in (waiting, slow):
            assert d.ask("DELETE", "/v1/jobs/" + job)[0] == 202
        both = json.loads(d.get(f"/v1/jobs?ids={slow},{waiting}&wait=60s")[2])["jobs"]
        assert all(each["state"] == "done" for each in both), both
        assert {each.get("cause", each["ending"]) for each in both} == {"cancelled"}, both
        assert json.loads(d.get(f"/v1/jobs/{quick}")[2])["state"] == "done"
        assert len(json.loads(d.get("/v1/jobs")[2])["jobs"]) == 3


def full_queues_say_when():
    with Daemon(server="jobs = 1") as d:
        ids = []
        while True:
            status, headers, body = d.ask("POST", "/v1/jobs/nap?async")
            if status != 202:
                break
            ids.append(json.loads(body)["id"])
            assert len(ids) < 20
        assert status == 429 and int(headers["Retry-After"]) >= 1, (status, body)
        for job in ids:
            d.ask("DELETE", "/v1/jobs/" + job)
        done = json.loads(d.get(f"/v1/jobs?ids={','.join(ids)}&wait=60s")[2])["jobs"]
        assert all(each["state"] == "done" for each in done)


def running(d, job):
    """Waits until the job has begun; it is asked for, for nobody tells."""
    while json.loads(d.get(f"/v1/jobs/{job}?wait=100ms")[2])["state"] == "waiting":
        pass


def killed_daemons_lose_nothing():
    d = Daemon(server="jobs = 2").start()
    try:
        once, twice = d.job("nap?async")[1]["id"], d.job("again?async")[1]["id"]
        running(d, once)
        running(d, twice)
        waiting = [d.job("upper?async", b"x%d" % i)[1]["id"] for i in range(3)]
        d.stop(signal.SIGKILL)
        d.start()
        assert json.loads(d.get("/v1/jobs/" + once)[2])["cause"] == "worker-lost"
        running(d, twice)
        for i, job in enumerate(waiting):
            ended = json.loads(d.get(f"/v1/jobs/{job}?wait=30s")[2])
            assert ended["state"] == "done" and ended["cause"] == "exit", ended
            assert d.get(f"/v1/jobs/{job}/outputs/upper")[2] == b"X%d" % i
        d.stop(signal.SIGKILL)
        d.start()
        again = json.loads(d.get("/v1/jobs/" + twice)[2])
        assert (again["cause"], again["attempts"]) == ("worker-lost", 2), "once more, and not for ever"
    finally:
        d.__exit__(None)


def draining_keeps_what_waits():
    d = Daemon(server="jobs = 1").start()
    try:
        first = d.job("again?async")[1]["id"]
        running(d, first)
        waiting = d.job("upper?async", b"x")[1]["id"]
        d.process.send_signal(signal.SIGTERM)
        assert d.stop(signal.SIGTERM) == 0
        d.start()
        assert json.loads(d.get("/v1/jobs/" + first)[2])["state"] != "done", "stopped by us: it may run again"
        d.ask("DELETE", "/v1/jobs/" + first)
        assert json.loads(d.get(f"/v1/jobs/{waiting}?wait=60s")[2])["cause"] == "exit"
    finally:
        d.__exit__(None)


def webhooks():
    heard = queue.Queue()

    class Hook(http.server.BaseHTTPRequestHandler):
        answers = iter([302, 500, 200])

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = next(self.answers)
            heard.put((self.path, self.headers, body, status))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    d = Daemon(rest="")
    secret = d.folder / "secret"
    secret.write_text("a secret of some length\n")
    with (d.folder / "http.toml").open("a") as config:
        config.write(f'[webhook.ci]\nurl = "http://127.0.0.1:{server.server_port}/hook?x=1"\nsecret_file = "{secret}"\n')
    secret.chmod(0o644)
    try:
        d.start()
        raise RuntimeError("a secret that everybody reads was taken")
    except AssertionError as refused:
        assert "can be read by others" in str(refused)
    d.process.wait()
    secret.chmod(0o600)
    with d:
        job = d.job("upper?async&webhook=ci", b"x")[1]["id"]
        for wanted in (302, 500, 200):  # neither followed nor taken for an answer
            path, headers, body, status = heard.get(timeout=200)
            assert (path, status) == ("/hook?x=1", wanted)
            signed = (headers["X-Moat-Timestamp"] + ".").encode() + body
            assert headers["X-Moat-Signature"] == "sha256=" + hmac.new(b"a secret of some length", signed, hashlib.sha256).hexdigest()
            assert json.loads(body)["id"] == job and json.loads(body)["cause"] == "exit"
    server.shutdown()


def a_slow_webhook_is_in_nobodys_way():
    with Daemon() as d, contextlib.ExitStack() as held:
        secret = d.folder / "secret"
        secret.write_text("0123456789abcdef\n")
        secret.chmod(0o600)
        hooks = {name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for name in ("slow", "quick")}
        with (d.folder / "http.toml").open("a") as config:
            for name, server in hooks.items():
                config.write(f'[webhook.{name}]\nurl = "http://127.0.0.1:{server.getsockname()[1]}/"\nsecret_file = "{secret}"\n')
        d.stop()
        d.start()
        d.job("upper?async&webhook=slow", b"x")
        slow = held.enter_context(hooks["slow"].accept()[0])
        ended = threading.Event()

        def trickle():
            with contextlib.suppress(OSError):
                slow.sendall(b"HTTP/1.1 200 OK\r\n")
                while not ended.wait(0.2):
                    slow.sendall(b"X: y\r\n")

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            d.job("upper?async&webhook=quick", b"x")
            hooks["quick"].settimeout(200)
            hooks["quick"].accept()[0].close()
            assert d.stop() == 0
        finally:
            ended.set()
            thread.join()


def described():
    with Daemon() as d:
        text = d.get("/openapi.json")[2]
        paths = json.loads(text)["paths"]
        documented = 0
        for path, methods in paths.items():
            for method in methods:
                documented += 1
                real = path.format(profile="nothing", id="0" * 32, name="x")
                status, headers, body = d.ask(method.upper(), real)
                assert b"there is nothing here" not in body, (method, path)
                if headers["Content-Type"] == "application/json":
                    json.loads(body)
                assert headers["X-Request-Id"] and headers["X-Content-Type-Options"] == "nosniff"
                assert status in (404, *(int(code) for code in methods[method]["responses"])), (method, path, status)
        assert d.get("/v1/other")[0] == 404 and d.ask("PUT", "/v1/jobs/upper", b"x")[0] == 404
    source = (daemon.pathlib.Path(__file__).parents[2] / "src/web/http/routes.cc").read_text()
    routes = len(re.findall(r"library_\.(?:Get|Post|Put|Delete|Patch)\((?:\"|R\")", source))
    # outputs.tar and .zip are one there, stdout and stderr too; openapi.json is added as a page.
    assert routes == documented - 3, (routes, documented)


daemon.run([now, parts_and_parameters, filters_are_counted, caps, later, batches_and_cancel, full_queues_say_when, killed_daemons_lose_nothing,
            draining_keeps_what_waits, webhooks, a_slow_webhook_is_in_nobodys_way, described])
