#!/usr/bin/env python3
"""The dashboard, clicked through in a browser: it asks for a token, shows what happens, cancels a job."""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import sys

import daemon
from browser import Browser
from daemon import Daemon
from upgrade_test import reload

CALLER = f'[[caller]]\nname = "root"\ntoken_sha256 = "{hashlib.sha256(b"open sesame").hexdigest()}"\nrole = "operator"\n'
KILLING = 'moat = 1\nbase = "default"\n[[syscalls.rule]]\ncall = "unshare"\ndo = "kill"\nreason = "no namespaces here"\n'
HEADERS = {"Authorization": "Bearer open sesame"}

program = shutil.which("chromium")
if not program:
    print("SKIP: no chromium on this machine")
    sys.exit(77)


def text(selector):
    return f"document.querySelector({json.dumps(selector)}).innerText"


def clicks():
    d = Daemon(rest=CALLER)
    policy = d.folder / "killing.toml"
    policy.write_text(KILLING)
    config = d.folder / "http.toml"
    config.write_text(config.read_text() + f'[profile.denied]\npolicy = "{policy}"\ncommand = ["/usr/bin/unshare", "-n", "true"]\n')
    with d, contextlib.closing(Browser(program)) as b:
        assert d.job("denied", headers=HEADERS)[1]["cause"] == "denied"
        assert d.job("upper", b"x", headers=HEADERS)[0] == 200
        nap = d.job("nap?async", headers=HEADERS)[1]["id"]
        b.call("Page.navigate", url=f"http://127.0.0.1:{d.port}/")
        b.wait("document.querySelector('#login') && !document.querySelector('#login').hidden")
        assert b.run("document.querySelector('#main').hidden")
        b.click("#token")
        b.type("a wrong one")
        b.click("#login button")
        b.wait(text("#login-error") + ".includes('not known')")
        b.run("document.querySelector('#token').value = ''")
        b.click("#token")
        b.type("open sesame")
        b.click("#login button")
        b.wait("!document.querySelector('#main').hidden")
        b.wait(text("#profiles") + ".includes('upper')")
        assert "the filter denied" in b.run(text("#recent"))
        b.click("#tabs [data-view=latency]")
        b.wait("document.querySelectorAll('#histograms svg rect').length >= 4")
        assert "denied · run" in b.run(text("#histograms"))
        b.click("#tabs [data-view=causes]")
        b.wait("document.querySelectorAll('#chart rect').length >= 2")
        assert "denied 1" in b.run(text("#legend"))
        assert b.run("document.querySelector('#histograms').getClientRects().length") == 0, "one view at a time"
        b.click("#tabs [data-view=denials]")
        b.click("#denials summary")
        b.wait(text("#denials details[open]") + ".includes('unshare')")
        assert "tier 3" in b.run(text("#denials")), "moat explain's words"
        b.click("#tabs [data-view=now]")
        b.wait(text("#live") + f".includes('{nap[:12]}')")
        b.click("#live button")
        b.wait("!" + text("#live") + f".includes('{nap[:12]}')")
        assert json.loads(d.get(f"/v1/jobs/{nap}", headers=HEADERS)[2])["cause"] == "cancelled"
        b.click("#pause")
        b.wait(text("#pause") + " === 'Go on'")
        refused = [each for each in b.complaints if "401" not in json.dumps(each)]
        assert not refused, refused


def rollouts():
    d = Daemon()
    policy = d.folder / "trial.toml"
    policy.write_text('moat = 1\nbase = "default"\n')
    config = d.folder / "http.toml"
    config.write_text(config.read_text() + f'[profile.trial]\npolicy = "{policy}"\ncommand = ["/usr/bin/unshare", "--help"]\n')
    with d, contextlib.closing(Browser(program)) as b:
        for _ in range(25):
            assert d.job("trial")[1]["cause"] == "exit"
        b.call("Page.navigate", url=f"http://127.0.0.1:{d.port}/#rollout")
        b.wait("document.querySelector('#main') && !document.querySelector('#main').hidden")
        b.wait(text("#rollout") + ".includes('one configuration only')")
        # The same configuration again is no rollout; another policy under the same name is.
        assert "error" not in reload(d, config.read_text())
        policy.write_text(KILLING)
        assert "error" not in reload(d, config.read_text().replace('"--help"', '"-n", "true"'))
        for _ in range(25):
            assert d.job("trial")[1]["cause"] == "denied"
        assert d.job("upper", b"x")[0] == 200
        # What ends is told in batches: the last job may come behind the others.
        for words in ("fewer are good", "25 → 25", "too few jobs"):
            b.wait(text("#rollout") + f".includes('{words}')")
        shown = b.run(text("#rollout"))
        assert "100 % → 0 %" in shown and "denied 0 % → 100 %" in shown, shown
        assert b.run(text("#rollout-count")) == "1" and b.run("document.querySelector('.verdict.worse').innerText") == "fewer are good"
        picture = os.environ.get("MOAT_SCREENSHOT")  # for whoever wants to look at it
        if picture:
            pathlib.Path(picture).write_bytes(base64.b64decode(b.call("Page.captureScreenshot", format="png")["data"]))
        assert not b.complaints, b.complaints


daemon.run([clicks, rollouts])
