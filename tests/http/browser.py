"""A headless Chromium for a test, spoken to by its debugging pipe: no port, no driver, no library."""
import json
import os
import shutil
import subprocess
import tempfile


class Browser:
    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="moat-browser-")
        ours_read, theirs_write = os.pipe()
        theirs_read, ours_write = os.pipe()
        # The pipe's ends are wanted as descriptors 3 and 4; beyond them first, so that neither lands on the other.
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--remote-debugging-pipe", "--user-data-dir=" + self.folder, "--window-size=1280,1000", "about:blank"]
        shell = f"exec 3<&{theirs_read} 4>&{theirs_write}; exec \"$@\""
        self.process = subprocess.Popen(["bash", "-c", shell, "bash", *command], pass_fds=[theirs_read, theirs_write],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_read)
        os.close(theirs_write)
        self.reader, self.writer = os.fdopen(ours_read, "rb"), os.fdopen(ours_write, "wb")
        self.last, self.buffer, self.complaints = 0, b"", []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def message(self):
        while b"\0" not in self.buffer:
            part = os.read(self.reader.fileno(), 65536)
            if not part:
                raise AssertionError("the browser is gone")
            self.buffer += part
        text, self.buffer = self.buffer.split(b"\0", 1)
        message = json.loads(text)
        # What a page complains of: scripts that threw, styles and connections that its policy refused.
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(message["params"]["exceptionDetails"])
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.complaints.append(message["params"]["entry"])
        return message

    def call(self, method, **params):
        self.last += 1
        request = {"id": self.last, "method": method, "params": params}
        if getattr(self, "session", None):
            request["sessionId"] = self.session
        self.writer.write(json.dumps(request).encode() + b"\0")
        self.writer.flush()
        while True:
            message = self.message()
            if message.get("id") == self.last:
                assert "error" not in message, message
                return message["result"]

    def run(self, script):
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, condition):
        """Until the condition holds; the page looks at each of its own frames."""
        self.run("new Promise(done => { const look = () => (%s) ? done(true) : setTimeout(look, 20); look(); })" % condition)

    def click(self, selector):
        """With the mouse, so that what is covered or hidden cannot be clicked."""
        self.wait(f"document.querySelector({json.dumps(selector)})?.getClientRects().length")
        box = self.run(f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
                       f" return [r.x + r.width / 2, r.y + r.height / 2]; }})(document.querySelector({json.dumps(selector)}))")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (AssertionError, OSError):
            pass
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)
