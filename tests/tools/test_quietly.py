#!/usr/bin/env python3
"""tools/quietly keeps a build's output to itself, unless the build fails."""
import os
import pathlib
import pty
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = "echo '[1/2] one'; echo '[2/2] two' >&2; exit "


def everything(terminal):
    """Until the other side is closed, which a terminal tells by an error. One read may give a part only."""
    text = b""
    try:
        while part := os.read(terminal, 4096):
            text += part
    except OSError:
        pass
    return text


class Quietly(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log = pathlib.Path(folder.name, "logs/build.log")

    def command(self, status):
        return [TOP / "tools/quietly", self.log, "building ...", "sh", "-c", BUILD + str(status)]

    def test_a_build_that_works(self):
        result = subprocess.run(self.command(0), capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "building ...\n", ""))
        self.assertEqual(sorted(self.log.read_text().splitlines()), ["[1/2] one", "[2/2] two"])

    def test_a_build_that_fails(self):
        result = subprocess.run(self.command(7), capture_output=True, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("[1/2] one\n", result.stdout)
        self.assertIn("[2/2] two\n", result.stdout)

    def test_on_a_terminal(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        status = subprocess.run(self.command(0), stdout=theirs, stderr=theirs).returncode
        os.close(theirs)
        shown = everything(ours).decode()
        self.assertEqual(status, 0)
        self.assertEqual(shown.count("\n"), 0, shown)
        self.assertIn("\rbuilding ... 2/2", shown)
        self.assertTrue(shown.endswith("\r\033[K"), shown)


if __name__ == "__main__":
    unittest.main()
