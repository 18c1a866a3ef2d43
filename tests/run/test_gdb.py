#!/usr/bin/env python3
"""`info capalloc ADDRESS` in gdb, in a process that runs and in its core file.

The build tells where things are, through the environment: CAPALLOC_PRELOAD, the library; SUBJECT, what live.c was compiled
to. Exit status 77: there is no gdb, or it may not trace.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

PRELOAD, SUBJECT = os.environ["CAPALLOC_PRELOAD"], os.environ["SUBJECT"]
SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "tools" / "gdb" / "capalloc.py"
START = ["set debuginfod enabled off", "set startup-with-shell off", f"set environment LD_PRELOAD {PRELOAD}",
         "set print address on", "break raise", "run few kill"]
ASKED = [f"source {SCRIPT}", *(f"info capalloc {what}" for what in (
    "kept[0]", "(char *)kept[0] + 7", "kept[1]", "(char *)kept[1] + 5000", "kept[2]", "&kept", "0",
    "(char *)kept[1] + (1 << 30)"))]


def gdb(commands, *arguments):
    words = [word for command in commands for word in ("-ex", command)]
    done = subprocess.run(["gdb", "-q", "-nx", "-batch", *words, *arguments], capture_output=True, text=True, timeout=200,
                          check=False, stdin=subprocess.DEVNULL)
    return done.stdout + done.stderr


class Gdb(unittest.TestCase):
    def check(self, text):
        lines = [line.split(": ", 1)[1] for line in text.splitlines() if line.startswith("0x") and ": " in line]
        self.assertEqual(len(lines), 8, text)
        self.assertRegex(lines[0], r"^live block of class \d+ \(112 bytes\), place ordinary, heap 1$")
        self.assertRegex(lines[1], r"^live block of class \d+ \(112 bytes\), 7 bytes inside, place ordinary, heap 1$")
        self.assertRegex(lines[2], r"^live large block of a run of \d+ bytes, place ordinary, heap 1$")
        self.assertRegex(lines[3], r"^live large block of a run of \d+ bytes, 5000 bytes inside, place ordinary, heap 1$")
        self.assertEqual(lines[4], "free, in a thread's bin, a slot of 64 bytes, place ordinary, heap 1")
        self.assertEqual(lines[5:], ["not capalloc's, or never used"] * 3)

    def test_a_process_and_its_core_file(self):
        with tempfile.TemporaryDirectory() as folder:
            core = pathlib.Path(folder, "core")
            self.check(gdb([*START, *ASKED, f"generate-core-file {core}", "kill"], "--args", SUBJECT))
            if core.exists():
                self.check(gdb(ASKED, SUBJECT, str(core)))

    def test_an_expression_that_is_none(self):
        self.assertIn("info capalloc: ", gdb([*START, ASKED[0], "info capalloc no_such_name", "kill"], "--args", SUBJECT))

    def test_a_tracer_stops_at_a_probe_and_has_its_numbers(self):
        said = gdb(["set debuginfod enabled off", "set startup-with-shell off", f"set environment LD_PRELOAD {PRELOAD}",
                    "break main", "run few kill", "break -probe-stap capalloc:large", "continue",
                    "printf \"probe %ld %lx %ld\\n\", $_probe_arg0, $_probe_arg1, $_probe_arg2", "kill"], "--args", SUBJECT)
        numbers = re.search(r"^probe (\d+) ([0-9a-f]+) (\d+)$", said, re.MULTILINE)
        self.assertTrue(numbers, said)
        self.assertGreater(int(numbers[1]), 32 << 10)
        self.assertEqual(int(numbers[2], 16) % (16 << 10), 0)
        self.assertEqual(numbers[3], "1")


if __name__ == "__main__":
    if shutil.which("gdb") is None or "python" not in gdb(["python print('python')"]) or \
            "Breakpoint 1, " not in gdb([*START, "kill"], "--args", SUBJECT):
        sys.exit(77)
    unittest.main()
