#!/usr/bin/env python3
"""A program that writes anything into the table that it shares with `capalloc`: reports of it and looks at it end, in time,
as they should, and command no terminal.

The build tells where things are, through the environment: CAPALLOC, the program; CAPALLOC_PRELOAD, the library; SUBJECT,
what scribble.c was compiled to. SEEDS=FROM-TO tries others than the first few (each 10 a second or so).
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

CAPALLOC, PRELOAD, SUBJECT = (os.environ[name] for name in ("CAPALLOC", "CAPALLOC_PRELOAD", "SUBJECT"))
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8",
         **{name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}}
FIRST, LAST = (int(seed) for seed in os.environ.get("SEEDS", "0-8").split("-"))
# Controls of ASCII, and those of 0x80 to 0x9f by themselves or in UTF-8.
COMMAND = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|(?<![\x80-\xff])[\x80-\x9f]")


class Scribble(unittest.TestCase):
    def is_clean(self, output, folder=None):
        files = [path.read_bytes() for path in pathlib.Path(folder).iterdir() if path.suffix != ".gz"] if folder else []
        for text in [output, *files]:
            self.assertIsNone(COMMAND.search(text))
            self.assertNotRegex(text, b"Sanitizer|runtime error")

    def started(self, seed, folder, *more):
        how = ("bytes", "extremes", "texts", "all")[seed % 4]
        options = ["--profile", f"--profile-output={folder}/heap"] if seed % 8 < 4 else []
        return subprocess.Popen([CAPALLOC, "run", "--library", PRELOAD, "--stats" if seed % 2 else "--stats=json", "--backtrace",
                                 f"--output={folder}/report", f"--report={folder}/page.html", *options, "--", SUBJECT,
                                 str(seed), how, *more],
                                env=CLEAN, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def test_S1_S4_S5_S6_reports(self):
        for seed in range(FIRST, LAST):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                process = self.started(seed, folder)
                output = process.communicate(timeout=60)[0]
                self.assertEqual(process.returncode, 0, output)
                self.is_clean(output, folder)

    def test_S2_looks(self):
        for seed in range(FIRST, LAST, 5):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                process = self.started(seed, folder, "stays")
                process.stdout.readline()
                children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
                for words in (["stats"], ["stats", "--json"], ["stats", "--prometheus"], ["map"], ["top"]):
                    done = subprocess.run([CAPALLOC, *words, children.read_text().strip()], env=CLEAN, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT, timeout=60, check=False)
                    self.assertIn(done.returncode, (0, 1), (words, done))
                    self.is_clean(done.stdout)
                process.communicate(b"\n", timeout=60)


if __name__ == "__main__":
    unittest.main()
