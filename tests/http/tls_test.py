#!/usr/bin/env python3
"""TLS, and callers who are known by their certificates."""
import contextlib
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import pathlib

import daemon
from daemon import Daemon
from upgrade_test import reload

if not shutil.which("openssl"):
    print("SKIP: no openssl on this machine")
    sys.exit(77)

CALLERS = """
[[caller]]
name = "web"
subject = "CN=web,O=Example"
jobs = 2
[[caller]]
name = "both"
subject = "CN=both"
token_sha256 = "{token}"
[[caller]]
name = "root"
subject = "CN=root"
role = "operator"
"""


class Authority:
    """A CA of a test's own, with openssl(1)."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                 "-keyout", f"{name}.key", "-out", f"{name}.pem")

    def run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def issue(self, name, subject, extension):
        (self.folder / "extension").write_text(extension)
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", f"{name}.key",
                 "-out", f"{name}.csr")
        self.run("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key", "-CAcreateserial",
                 "-days", "2", "-extfile", "extension", "-out", f"{name}.pem")
        (self.folder / f"{name}.key").chmod(0o600)


@contextlib.contextmanager
def house():
    """Certificates in a folder: a good CA with its server and clients, and another CA with one of the same name."""
    with tempfile.TemporaryDirectory(prefix="moat-tls-") as name:
        folder = pathlib.Path(name)
        good, other = Authority(folder, "good"), Authority(folder, "other")
        for server in ("server", "renewed"):
            good.issue(server, "/CN=" + server, "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        for client, subject in (("web", "/O=Example/CN=web"), ("both", "/CN=both"), ("root", "/CN=root"), ("nobody", "/CN=nobody")):
            good.issue(client, subject, "extendedKeyUsage=clientAuth\n")
        other.issue("forged", "/O=Example/CN=web", "extendedKeyUsage=clientAuth\n")
        yield folder


def served(folder, clients=True, rest=CALLERS):
    server = f'tls_certificate = "{folder}/server.pem"\ntls_key = "{folder}/server.key"\n'
    if clients:
        server += f'tls_clients = "{folder}/good.pem"\n'
    return Daemon(server=server, rest=rest.format(token="0" * 64))


def context(folder, client=None, version=None):
    made = ssl.create_default_context(cafile=folder / "good.pem")
    if client:
        made.load_cert_chain(folder / f"{client}.pem", folder / f"{client}.key")
    if version:
        made.maximum_version = version
    return made


def ask(d, tls, method, path, body=None, headers=None):
    with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", d.port, timeout=60, context=tls)) as client:
        client.request(method, path, body, headers or {})
        answer = client.getresponse()
        return answer.status, answer.read()


def is_refused(d, tls):
    """By TLS 1.3 a client learns that only when it reads."""
    try:
        ask(d, tls, "GET", "/healthz")
    except (ssl.SSLError, ConnectionError, http.client.BadStatusLine):
        return True
    return False


def who_has_no_certificate_is_refused():
    with house() as folder, served(folder) as d:
        for version in (None, ssl.TLSVersion.TLSv1_2):
            assert ask(d, context(folder, "web", version), "GET", "/healthz")[0] == 200
            assert is_refused(d, context(folder, None, version)), "nobody"
            assert is_refused(d, context(folder, "forged", version)), "of another CA, with the same name"
            assert is_refused(d, context(folder, "server", version)), "a server's certificate is no client's"
        with contextlib.closing(d.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")) as plain:
            assert b"200" not in daemon.read_all(plain), "plain HTTP"
        old = context(folder, "web")
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("DEFAULT@SECLEVEL=0")
        assert is_refused(d, old), "TLS 1.1"


def callers_are_known_by_their_subject():
    with house() as folder, served(folder) as d:
        web, root = context(folder, "web"), context(folder, "root")
        ids = []
        for _ in range(2):
            status, text = ask(d, web, "POST", "/v1/jobs/nap?async")
            assert status == 202, (status, text)
            ids.append(json.loads(text)["id"])
        assert ask(d, web, "POST", "/v1/jobs/nap?async")[0] == 429, "its own quota"
        assert ask(d, web, "GET", "/metrics")[0] == 403 and ask(d, root, "GET", "/metrics")[0] == 200
        assert ask(d, context(folder, "nobody"), "GET", "/v1/jobs")[0] == 401, "a good certificate of no caller"
        assert ask(d, context(folder, "both"), "GET", "/v1/jobs")[0] == 401, "the token is missing"
        assert {each["caller"] for each in d.events("request") if each["status"] == 202} == {"web"}
        for job in ids:
            assert ask(d, web, "DELETE", "/v1/jobs/" + job)[0] == 202


def bytes_come_through():
    with house() as folder, served(folder) as d:
        web = context(folder, "web")
        body = bytes(range(256)) * 20_000
        status, text = ask(d, web, "POST", "/v1/jobs/count", body)
        assert status == 200 and json.loads(text)["stdout"] == f"{len(body)}\n5-a\n", text
        status, large = ask(d, web, "POST", "/v1/jobs/large?output=large")
        assert status == 200 and large == bytes(20_000_000), len(large)
        with contextlib.closing(http.client.HTTPSConnection("127.0.0.1", d.port, timeout=60, context=web)) as kept:
            for i in range(5):
                kept.request("POST", "/v1/jobs/upper?output=upper", b"x%d" % i)
                assert kept.getresponse().read() == b"X%d" % i
        # Who leaves is not worked for, here too.
        leaving = web.wrap_socket(socket.create_connection(("127.0.0.1", d.port)), server_hostname="127.0.0.1")
        leaving.sendall(b"POST /v1/jobs/nap HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        while not json.loads(ask(d, context(folder, "root"), "GET", "/v1/status")[1])["live"]:
            pass
        leaving.close()
        while json.loads(ask(d, context(folder, "root"), "GET", "/v1/status")[1])["live"]:
            pass


def handshakes_that_never_end_cost_little():
    with house() as folder, served(folder) as d, contextlib.ExitStack() as stack:
        for i in range(200):
            client = stack.enter_context(contextlib.closing(d.raw(b"\x16\x03\x01\x02\x00" if i % 2 else b"")))
        assert ask(d, context(folder, "web"), "GET", "/healthz")[0] == 200
        assert daemon.read_all(client) is not None, "hung up on, and not for us to wait for"


def certificates_are_renewed():
    with house() as folder, served(folder) as d:
        web = context(folder, "web")

        def shown():
            with web.wrap_socket(socket.create_connection(("127.0.0.1", d.port)), server_hostname="127.0.0.1") as client:
                return dict(part[0] for part in client.getpeercert()["subject"])["commonName"]
        text = (d.folder / "http.toml").read_text()
        assert shown() == "server"
        kept = http.client.HTTPSConnection("127.0.0.1", d.port, timeout=60, context=web)
        kept.request("GET", "/healthz")
        assert kept.getresponse().read()
        (folder / "renewed.key").chmod(0o644)
        assert "read by others" in reload(d, text.replace("server.pem", "renewed.pem").replace("server.key", "renewed.key"))["error"]
        assert "mismatch" in reload(d, text.replace("server.pem", "renewed.pem"))["error"]  # the key of another
        assert "error" in reload(d, text.replace("server.pem", "none.pem"))
        assert shown() == "server"
        (folder / "renewed.key").chmod(0o600)
        assert "error" not in reload(d, text.replace("server.pem", "renewed.pem").replace("server.key", "renewed.key"))
        assert shown() == "renewed"
        kept.request("GET", "/healthz")
        assert kept.getresponse().status == 200, "who is there goes on"
        kept.close()
        # Another daemon takes over; who has a connection with TLS connects anew.
        assert d.take_over() == 0
        assert shown() == "renewed" and ask(d, web, "POST", "/v1/jobs/upper?output=upper", b"x")[1] == b"X"


def without_a_client_ca():
    with house() as folder, served(folder, clients=False, rest="") as d:
        assert ask(d, context(folder), "POST", "/v1/jobs/upper?output=upper", b"x")[1] == b"X"
        assert is_refused(d, ssl.create_default_context()), "the control: who does not know the CA refuses us"


if __name__ == "__main__":
    daemon.run([who_has_no_certificate_is_refused, callers_are_known_by_their_subject, bytes_come_through,
                handshakes_that_never_end_cost_little, certificates_are_renewed, without_a_client_ca])
