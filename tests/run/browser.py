#!/usr/bin/env python3
"""A headless Chromium, spoken to through a pipe in its own protocol (DevTools), so that nothing but it is needed.

By hand, for the pictures in docs/pictures: browser.py PAGE.html PICTURE.png [WIDTH] [light|dark] [SCRIPT]; SCRIPT is run first.
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROGRAM = shutil.which("chromium")


class Browser:
    """One tab. `said`: what the page's console has said, and what the browser has to say of it."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        ours, theirs = os.pipe(), os.pipe()  # to the browser, from it
        command = [PROGRAM, "--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                   "--disable-background-networking", f"--user-data-dir={self.folder.name}"]
        command += ["--no-sandbox"] if os.geteuid() == 0 else []
        shell = ["sh", "-c", f'exec 3<&{ours[0]} 4>&{theirs[1]} "$@"', "sh", *command]
        self.process = subprocess.Popen(shell, pass_fds=(ours[0], theirs[1]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.folder.name})
        os.close(ours[0])
        os.close(theirs[1])
        self.out, self.into = os.fdopen(ours[1], "wb", buffering=0), os.fdopen(theirs[0], "rb")
        self.number, self.session, self.said, self.seen = 0, None, [], []
        self.rest = b""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.rest:
            got = self.into.read1(65536)
            if not got:
                raise ConnectionError("the browser has gone")
            self.rest += got
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def note(self, message):
        method, values = message.get("method"), message.get("params", {})
        self.seen.append(method)
        if method == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(one.get("value", one)) for one in values["args"]))
        elif method == "Runtime.exceptionThrown":
            details = values["exceptionDetails"]
            self.said.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded":
            self.said.append(values["entry"]["text"])
        elif method == "Network.requestWillBeSent" and not values["request"]["url"].startswith("file:"):
            self.said.append("request: " + values["request"]["url"])

    def call(self, method, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if self.session is not None:
            message["sessionId"] = self.session
        self.out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.note(answer)

    def open(self, path, width=1100, height=900, theme="light", media=""):
        self.said, self.seen = [], []
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": theme}])
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        while "Page.loadEventFired" not in self.seen:
            self.note(self.message())

    def value(self, script):
        """What the expression is, by value; waits where it is a promise."""
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"].get("exception", {}).get("description", script))
        return got["result"].get("value")

    def picture(self, path, clip=None):
        """Of the whole page, or of an element."""
        box = self.value(f"""(() => {{ const box = document.querySelector({json.dumps(clip or "body")}).getBoundingClientRect();
            return {{x: box.x + scrollX, y: box.y + scrollY, width: box.width, height: box.height, scale: 1}} }})()""")
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=box)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                      windowsVirtualKeyCode={"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "ArrowDown": 40}[key])

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def close(self):
        self.out.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.into.close()
        shutil.rmtree(self.folder.name, ignore_errors=True)


def main(page, picture, width="1100", theme="light", script="", clip="body"):
    browser = Browser()
    try:
        browser.open(page, width=int(width), theme=theme)
        if script:
            browser.value(script)
        browser.picture(picture, clip)
        print("\n".join(browser.said), end="")
    finally:
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
