#!/usr/bin/env python3
"""The sampled heap profile of whole programs: which functions hold the memory, at the end, after SIGKILL, in forked
children and while they run; and that a program that nobody here has written names the right one.

The build tells where things are, through the environment: CAPALLOC, the program; CAPALLOC_PRELOAD, the library; SUBJECT,
what sampled.c was compiled to.
"""
import glob
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest

CAPALLOC, PRELOAD, SUBJECT = (os.environ[name] for name in ("CAPALLOC", "CAPALLOC_PRELOAD", "SUBJECT"))
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
MIB = 1 << 20
SMALL, LARGE = 20 * MIB, 16 * MIB


class Sites(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_profiled(self, *command, rate="32K", **environment):
        return subprocess.run([CAPALLOC, "run", "--library", PRELOAD, f"--profile={rate}", "--profile-output", "heap", "--",
                               *command], env={**CLEAN, **environment}, capture_output=True, text=True, timeout=100,
                              cwd=self.folder, check=False)

    def pids(self):
        return sorted({int(pathlib.Path(name).name.split(".")[1]) for name in glob.glob(f"{self.folder}/heap.*")})

    def held(self, kind, function, pid=None):
        """Bytes of all sites with this function."""
        text = pathlib.Path(self.folder, f"heap.{pid or self.pids()[0]}.{kind}.folded").read_text(encoding="utf-8")
        lines = [line.rsplit(" ", 1) for line in text.splitlines()]
        return sum(int(count) for calls, count in lines if function in calls.split(";"))

    def assert_about(self, value, wanted, share=0.2):
        self.assertGreater(value, wanted * (1 - share))
        self.assertLess(value, wanted * (1 + share))

    def test_S5_who_holds_what(self):
        done = self.run_profiled(SUBJECT)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"capalloc: profile: \S+ \(pid \d+\): at the end 3\d\.\d MiB from \d+ sites")
        self.assertRegex(done.stderr, r"\n +\d+(\.\d+)? MiB +(let_go|grow_large|in_thread|hold_small) < ")
        self.assert_about(self.held("live", "hold_small"), SMALL)
        self.assert_about(self.held("live", "grow_large"), LARGE, 0.05)
        self.assertEqual(self.held("live", "let_go"), 0)
        self.assert_about(self.held("all", "let_go"), 4 * SMALL)
        self.assert_about(self.held("all", "in_thread"), 2 * SMALL)
        self.assert_about(self.held("peak", "hold_small"), SMALL)
        self.assertTrue(pathlib.Path(self.folder, f"heap.{self.pids()[0]}.pb.gz").read_bytes().startswith(b"\x1f\x8b"))

    def test_S5_who_holds_most_is_told(self):
        """The first process is the shell, which holds next to nothing."""
        done = self.run_profiled("sh", "-c", f"x=$(seq 1000); {SUBJECT}; true")
        self.assertRegex(done.stderr, rf"profile: {pathlib.Path(SUBJECT).name[:15]}\S* \(pid \d+\): at the end 3\d\.\d MiB")

    def test_S5_after_sigkill(self):
        done = self.run_profiled(SUBJECT, "kill")
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assert_about(self.held("live", "hold_small"), SMALL)
        self.assert_about(self.held("live", "grow_large"), LARGE, 0.05)

    def test_S5_freed_by_another_thread(self):
        self.assertEqual(self.run_profiled(SUBJECT, "half").returncode, 0)
        self.assert_about(self.held("live", "hold_small"), SMALL / 2)
        self.assert_about(self.held("all", "hold_small"), SMALL)

    def test_S5_a_child_has_what_it_inherited(self):
        self.assertEqual(self.run_profiled(SUBJECT, "fork").returncode, 0)
        parent, child = self.pids()
        self.assert_about(self.held("live", "hold_small", parent), SMALL)
        self.assert_about(self.held("live", "hold_small", child), SMALL / 2)
        self.assertEqual(self.held("live", "grow_large", child), 0)
        self.assertEqual(self.held("all", "let_go", child), 0)

    def test_S5_while_it_runs(self):
        for how in ({}, {"CAPALLOC_OPTIONS": "profile=32K", "LD_PRELOAD": PRELOAD}):
            command = [SUBJECT, "wait"]
            if not how:
                command = [CAPALLOC, "run", "--library", PRELOAD, "--profile=32K", "--", *command]
            with subprocess.Popen(command, env={**CLEAN, **how}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, cwd=self.folder) as process:
                self.assertEqual(process.stdout.readline(), "ready\n")
                children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
                pid = children.split()[0] if not how else str(process.pid)
                shown = subprocess.run([CAPALLOC, "stats", pid], env=CLEAN, capture_output=True, text=True, check=True)
                top = subprocess.run([CAPALLOC, "top", "--once", pid], env=CLEAN, capture_output=True, text=True, check=True)
                objects, metrics = (subprocess.run([CAPALLOC, "stats", form, pid], env=CLEAN, capture_output=True, text=True,
                                                   check=True).stdout for form in ("--json", "--prometheus"))
                process.communicate("\n")
            told = json.loads(objects)
            self.assertEqual((told["settings"]["profile_bytes"], told["profile"]["rate_bytes"]), (32768, 32768))
            held = sum(one["live_bytes"] for one in told["profile"]["stacks"] if "hold_small" in one["calls"])
            self.assert_about(held, SMALL)
            labels = re.findall(r'^capalloc_site_live_bytes\{pid="\d+",program="[^"]+",site="\d+",calls="([^"]+)"\} (\d+)$', metrics,
                                re.MULTILINE)
            self.assertEqual(sum(int(count) for calls, count in labels if "main;hold_small" in calls), held)
            for text in (shown.stdout, top.stdout):
                self.assertRegex(text, r"sites, estimated from [\d,]+ samples: 3\d\.\d MiB live")
                self.assertRegex(text, r"MiB  hold_small < main < ")

    def test_S5_a_real_program(self):
        done = self.run_profiled(sys.executable, "-c", "x = [bytearray(100000) for _ in range(300)]")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_about(self.held("peak", "PyByteArray_Resize"), 30 * MIB)

    def test_S5_wrong_words(self):
        for words in (("--profile=0",), ("--profile=x",)):
            done = subprocess.run([CAPALLOC, "run", *words, "--", "true"], env=CLEAN, capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 125)
            self.assertIn("bad-usage", done.stderr)
        done = subprocess.run([CAPALLOC, "run", "--library", PRELOAD, "--profile=32K", "--profile-output=/nowhere/x", "--",
                               SUBJECT], env=CLEAN, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 125)
        self.assertIn("cannot-write: /nowhere/x: No such file or directory", done.stderr)

    def test_S5_the_object_of_a_run_says_that_it_is_on(self):
        done = self.run_profiled(CAPALLOC, "run", "--library", PRELOAD, "--profile=64K", "--backtrace", "--output=-", "--stats=json",
                                 "--", "/bin/true")
        settings = json.loads(done.stdout)["settings"]
        self.assertEqual((settings["profile_bytes"], settings["backtrace"], settings["visible"]), (65536, True, False))
        self.assertFalse(pathlib.Path(self.folder, "-").exists())


if __name__ == "__main__":
    unittest.main()
