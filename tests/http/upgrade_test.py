#!/usr/bin/env python3
"""Another daemon takes the place of the one that serves, another configuration that of the one in force:
under clients that do not stop, and nothing is lost."""
import contextlib
import http.client
import json
import signal
import threading

import daemon
from daemon import PROFILES, Daemon, read_all

UPGRADES = 2
SLOW = PROFILES + '[profile.hold]\ncommand = ["/bin/sh", "-c", "sleep 1; echo held"]\n'


class Client(threading.Thread):
    """Does `once` again and again until it is told to stop; counts, and keeps what went wrong."""

    def __init__(self, once):
        super().__init__(daemon=True)
        self.once, self.done, self.trouble, self.more, self.stopped = once, 0, None, threading.Condition(), False
        self.start()

    def run(self):
        try:
            while not self.stopped:
                self.once()
                with self.more:
                    self.done += 1
                    self.more.notify_all()
        except BaseException as error:  # told by whoever waits
            with self.more:
                self.trouble = error
                self.more.notify_all()

    def await_more(self, count):
        with self.more:
            wanted = self.done + count
            assert self.more.wait_for(lambda: self.trouble or self.done >= wanted, 120)
            if self.trouble:
                raise self.trouble

    def stop(self):
        self.stopped = True
        self.join(120)
        if self.trouble:
            raise self.trouble


def nothing_is_lost():
    with Daemon(server="jobs = 4", profiles=SLOW) as d, contextlib.ExitStack() as stack:
        kept = stack.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", d.port, timeout=120)))
        later = []

        def over_one_connection():
            kept.request("POST", "/v1/jobs/upper?output=upper", b"one")
            answer = kept.getresponse()
            body = answer.read()
            assert (answer.status, body) == (200, b"ONE"), (answer.status, body)

        def over_many():
            status, job = d.job("count", b"x" * 1000)
            assert status == 200 and job["stdout"] == "1000\n5-a\n", (status, job)

        def for_later():
            status, job = d.job("upper?async", b"later")
            if status == 429:  # as many wait as may
                return d.get(f"/v1/jobs/{later[0]}")
            assert status == 202, (status, job)
            later.append(job["id"])

        clients = [Client(once) for once in (over_one_connection, over_many, for_later)]
        idle = stack.enter_context(contextlib.closing(d.raw()))
        half = stack.enter_context(contextlib.closing(d.raw(b"GET /readyz HTTP/1.1\r\nHost: local")))
        for _ in range(UPGRADES):
            for client in clients:
                client.await_more(3)
            held = Client(lambda: [d.job("hold")[1].get("stdout") == "held\n" or 1 / 0])
            while not any(each["running"] for each in json.loads(d.get("/v1/status")[2])["profiles"] if each["profile"] == "hold"):
                pass
            assert d.take_over() == 0
            held.stop()
        for client in clients:
            client.await_more(3)
        for client in clients:
            client.stop()
        for client, rest in ((idle, b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
                             (half, b"host\r\nConnection: close\r\n\r\n")):
            client.sendall(rest)
            assert read_all(client).startswith(b"HTTP/1.1 200"), "who was in the middle of it goes on"
        for job in later:
            ended = json.loads(d.get(f"/v1/jobs/{job}?wait=60s")[2])
            assert (ended["state"], ended.get("cause"), ended["attempts"]) == ("done", "exit", 1), ended
            assert d.get(f"/v1/jobs/{job}/outputs/upper")[2] == b"LATER"
        assert len(d.events("handing-over")) == UPGRADES and any(each["adopted"] for each in d.events("open"))


def polls_are_answered():
    with Daemon() as d:
        nap = d.job("nap?async")[1]["id"]
        poll = Client(lambda: d.get(f"/v1/jobs/{nap}?wait=60s"))
        while json.loads(d.get(f"/v1/jobs/{nap}")[2])["state"] != "running":
            pass
        assert d.ask("DELETE", "/v1/jobs/" + nap)[0] == 202
        assert d.take_over() == 0
        poll.await_more(1)
        poll.stop()


def a_successor_that_dies_is_no_matter():
    with Daemon() as d:
        nap = d.job("nap?async")[1]["id"]
        while json.loads(d.get(f"/v1/jobs/{nap}")[2])["state"] != "running":
            pass
        other = d.begin_take_over()
        while not d.events("handing-over"):
            assert other.poll() is None
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert d.job("upper", b"x")[0] == 200
        while not d.events("taking-back"):  # who serves may answer before it has said so
            assert d.process.poll() is None
        assert d.ask("DELETE", "/v1/jobs/" + nap)[0] == 202
        assert json.loads(d.get(f"/v1/jobs/{nap}?wait=60s")[2])["cause"] == "cancelled"


def without_anybody_it_starts_as_ever():
    d = Daemon()
    d.start("--take-over")
    try:
        assert d.job("upper", b"x")[0] == 200
    finally:
        d.__exit__(None)


def reload(d, text):
    before = len(d.events("reload"))
    (d.folder / "http.toml").write_text(text)
    d.process.send_signal(signal.SIGHUP)
    while len(d.events("reload")) == before:
        pass
    return d.events("reload")[-1]


def another_configuration():
    with Daemon(server="jobs = 6", profiles=SLOW) as d:
        first = (d.folder / "http.toml").read_text()
        held = Client(lambda: [d.job("hold")[1].get("stdout") == "held\n" or 1 / 0])
        count = Client(lambda: [d.job("count", b"12")[1]["stdout"] in ("2\n5-a\n", "2\n7-a\n") or 1 / 0])
        nap = d.job("nap?async")[1]["id"]
        waits = d.job("again?async")[1]["id"]
        held.await_more(1)
        mistake = reload(d, first.replace("usual = 5", "usual = 50"))
        assert "least" in mistake["error"] and mistake["changed"] == "nothing", mistake
        assert d.job("count", b"12")[1]["stdout"] == "2\n5-a\n"
        assert "policy" in reload(d, first + '[profile.more]\npolicy = "/nonexistent"\ncommand = ["true"]\n')["error"]
        assert "needs another daemon" in reload(d, first.replace("[server]", '[server]\nhistory = 1000'))["error"]
        good = reload(d, first.replace("usual = 5", "usual = 7") + '[profile.more]\ncommand = ["echo", "more"]\n')
        assert "error" not in good, good
        assert d.job("count", b"12")[1]["stdout"] == "2\n7-a\n" and d.job("more")[1]["stdout"] == "more\n"
        for client in (held, count):
            client.await_more(1)
            client.stop()
        for job in (nap, waits):  # of the former configuration, and still known
            assert d.ask("DELETE", "/v1/jobs/" + job)[0] == 202
            assert json.loads(d.get(f"/v1/jobs/{job}?wait=60s")[2])["state"] == "done"
        reload(d, first.replace("[profile.count]", "[profile.other]"))
        assert d.job("count", b"12")[0] == 404


if __name__ == "__main__":
    daemon.run([nothing_is_lost, polls_are_answered, a_successor_that_dies_is_no_matter, without_anybody_it_starts_as_ever,
                another_configuration])
