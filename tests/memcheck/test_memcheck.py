#!/usr/bin/env python3
"""Mistakes with blocks are found by memcheck and by AddressSanitizer, in the library that is made for them.

The build tells where things are, through the environment: TOOLS, the folder of the library; MEMCHECK and ASAN, what
mistakes.c was compiled to; TOUR, the example. Exit status 77: there is no valgrind.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

TOOLS, MEMCHECK, ASAN, TOUR = (os.environ[name] for name in ("TOOLS", "MEMCHECK", "ASAN", "TOUR"))
SOURCE = pathlib.Path(__file__).with_name("mistakes.c").read_text(encoding="utf-8").splitlines()
FORMS = ("block", "nocaps", "mustzero", "secret", "malloc", "arena", "quota")
FOUND = 9


def line_of(mistake):
    """What names the line of the mistake in a report."""
    return next(f"mistakes.c:{number}" for number, line in enumerate(SOURCE, 1) if f"/* {mistake} */" in line)


def run(*words):
    environment = dict(os.environ, LD_LIBRARY_PATH=TOOLS, ASAN_OPTIONS=f"exitcode={FOUND}:abort_on_error=0")
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False, env=environment,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout + done.stderr


def memcheck(*words):
    return run("valgrind", "-q", "--leak-check=full", "--num-callers=20", f"--error-exitcode={FOUND}", *words)


class Memcheck(unittest.TestCase):
    def check(self, got, mistake, *said):
        status, text = got
        self.assertEqual(status, FOUND, text)
        self.assertIn(line_of(mistake), text)
        for words in said:
            self.assertRegex(text, words)

    def test_S7_memcheck_finds_an_overflow_by_one(self):
        for form in ("secret", "arena"):
            self.check(memcheck(MEMCHECK, "overflow", form), "overflow", "Invalid write of size 1",
                       "0 bytes after a block of size 48 alloc'd")

    def test_S7_memcheck_finds_a_use_after_free(self):
        for form in ("block", "arena"):
            self.check(memcheck(MEMCHECK, "after", form), "after", "Invalid read of size 1",
                       "3 bytes inside a block of size 48 free'd")

    def test_S7_memcheck_finds_leaks(self):
        for form in ("block", "quota"):
            self.check(memcheck(MEMCHECK, "leak", form), "leak", "48 bytes in 1 blocks are definitely lost")
        # An arena that is lost: the table of what it has.
        self.check(memcheck(MEMCHECK, "leak", "arena"), "leak", "definitely lost", "ca_arena_allocate")

    def test_S7_memcheck_says_nothing_of_what_is_right(self):
        for form in ("malloc", "arena"):
            self.assertEqual(memcheck(MEMCHECK, "none", form), (0, ""))
        status, text = memcheck("--errors-for-leak-kinds=none", TOUR)
        self.assertEqual(status, 0, text)
        self.assertNotRegex(text, r"==\d+== (Invalid|Conditional|Use of)")


class AddressSanitizer(unittest.TestCase):
    def check(self, form, mistake):
        status, text = run(ASAN, mistake, form)
        self.assertEqual(status, FOUND, text)
        first = re.search(r"#0 .*", text)[0]
        self.assertIn(line_of(mistake), first)
        self.assertIn("use-after-poison", text)

    def test_S7_asan_finds_overflows_and_uses_after_free(self):
        for form in FORMS:
            for mistake in ("overflow", "after", "large"):
                self.check(form, mistake)

    def test_S7_asan_finds_who_uses_a_block_as_it_was(self):
        self.check("block", "old")
        self.check("block", "cut")

    def test_S7_asan_says_nothing_of_what_is_right(self):
        for form in FORMS:
            self.assertEqual(run(ASAN, "none", form), (0, ""))


if __name__ == "__main__":
    if shutil.which("valgrind") is None:
        print("skipped: there is no valgrind")
        sys.exit(77)
    unittest.main()
