#!/usr/bin/env python3
"""The calls that led to a violation: as files and offsets from the process itself, with functions and lines from `capalloc`.

The build tells where things are, through the environment: CAPALLOC, the program; CAPALLOC_PRELOAD, the library; SUBJECT,
what calls.cc was compiled to; SOURCE, that file.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

CAPALLOC, PRELOAD, SUBJECT, SOURCE = (os.environ[name] for name in ("CAPALLOC", "CAPALLOC_PRELOAD", "SUBJECT", "SOURCE"))
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
NAME = pathlib.Path(SUBJECT).name
LINE = (rf"capalloc: double-free: free\(0x[0-9a-f]+\): stated a live block, found a freed block of \d+ bytes, place ordinary, "
        rf"pid (\d+) \({NAME}\)\n")


def lines_of(*pieces):
    """Where each piece of the source stands."""
    source = pathlib.Path(SOURCE).read_text().splitlines()
    return [next(number for number, line in enumerate(source, 1) if piece in line) + 1 for piece in pieces]


# A call returns to what follows it: its own line is that of the call.
FREE, CLEAR, SETTLE, RUST = (line - 1 for line in lines_of("std::free(item);", "Basket<int>().clear", "settle(item);",
                                                           "rust(static_cast"))
CALLS = ("  at shop::Basket<int>::clear(int*) (calls.cc:%d)\n"
         "  at settle (calls.cc:%d), inlined\n"
         "  at mycrate::shop::sweep (calls.cc:%d)\n"
         "  at checkout (calls.cc:%d)\n" % (FREE, CLEAR, SETTLE, RUST))


def run(*command, **environment):
    """The source's folder, which depends on how it was built, is cut off."""
    done = subprocess.run(command, env={**CLEAN, **environment}, capture_output=True, text=True, timeout=60, check=False)
    done.stderr = re.sub(r'([("])[^()"\n]*/calls\.cc', r"\1calls.cc", done.stderr)
    return done


def seen(how, *options, program=SUBJECT):
    return run(CAPALLOC, "run", "--library", PRELOAD, "--backtrace", *options, "--", program, how)


class Symbols(unittest.TestCase):
    def shown(self, done, status, between=""):
        self.assertEqual(done.returncode, status, done.stderr)
        match = re.match(rf"{LINE}capalloc: calls: that led to the double-free, pid (\d+) \({NAME}\)\n", done.stderr)
        self.assertTrue(match, done.stderr)
        self.assertEqual(match[1], match[2])
        rest = done.stderr[match.end():]
        self.assertTrue(rest.startswith(CALLS), rest)
        rest = rest[len(CALLS):]
        self.assertRegex(rest, rf"\A{between}  at main \(calls.cc:\d+\)\n(  at __libc_start[^\n]+\n)+"
                               rf"  at _start \([^\n]+\)\n\Z")

    def test_S4_functions_lines_and_what_was_inlined(self):
        self.shown(seen("plain"), -signal.SIGABRT)

    def test_S4_through_a_signal_handler(self):
        self.shown(seen("signal"), -signal.SIGABRT, between=r"(  at [^\n]+\n){2,5}")

    def test_S4_in_a_child(self):
        self.shown(seen("child"), 0)

    def test_S4_a_handler_that_refuses_leaves_nothing_to_show(self):
        done = seen("refuse")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_S4_without_symbols_files_and_offsets(self):
        with tempfile.TemporaryDirectory() as folder:
            bare = pathlib.Path(folder, NAME)
            subprocess.run(["strip", "-o", bare, SUBJECT], check=True)
            done = seen("plain", program=str(bare))
            raw = run(str(bare), "plain", LD_PRELOAD=PRELOAD, CAPALLOC_OPTIONS="backtrace")
        offsets = re.findall(rf"^  at {bare}\+(0x[0-9a-f]+)$", raw.stderr, re.MULTILINE)
        self.assertGreaterEqual(len(offsets), 5)
        self.assertEqual(re.findall(rf"^  at {bare}\+(0x[0-9a-f]+)$", done.stderr, re.MULTILINE), offsets)

    def test_S4_as_an_object(self):
        done = seen("plain", "--stats=json")
        report = json.loads(done.stderr[done.stderr.index("\n") + 1:])
        calls = report["tree"]["processes"][0]["calls"]
        self.assertEqual([(call["function"], call["file"], call["line"], call["inlined"]) for call in calls[:4]],
                         [("shop::Basket<int>::clear(int*)", "calls.cc", FREE, False), ("settle", "calls.cc", CLEAR, True),
                          ("mycrate::shop::sweep", "calls.cc", SETTLE, False), ("checkout", "calls.cc", RUST, False)])
        self.assertEqual(calls[0]["module"], SUBJECT)
        self.assertEqual(calls[1]["offset"], calls[2]["offset"])

    def test_S4_nothing_where_nothing_happened(self):
        done = run(CAPALLOC, "run", "--library", PRELOAD, "--backtrace", "--", "/bin/true")
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Block(unittest.TestCase):
    """Each block is sampled."""
    TAKEN = "capalloc: calls: that took the block last sampled at this address, pid %s (%s)\n  at main (calls.cc:%d)\n"
    FREED = "capalloc: calls: that gave it back, pid %s (%s)\n  at main (calls.cc:%d)\n"
    TOOK, GAVE = (line - 1 for line in lines_of("block = std::malloc(100);", "std::free(block);"))

    def seen(self, how, *options):
        with tempfile.TemporaryDirectory() as folder:
            done = run(CAPALLOC, "run", "--library", PRELOAD, *options, f"--profile-output={folder}/heap", "--", SUBJECT, how)
        pid = re.search(LINE, done.stderr)[1]
        return done, self.TAKEN % (pid, NAME, self.TOOK), self.FREED % (pid, NAME, self.GAVE)

    def test_S4_where_it_was_taken_and_given_back(self):
        for how in ("plain", "signal", "child"):
            done, taken, freed = self.seen(how, "--profile=1", "--backtrace")
            self.assertIn(CALLS, done.stderr)
            self.assertIn(taken, done.stderr)
            self.assertIn(freed, done.stderr)

    def test_S4_without_backtrace_where_it_was_taken(self):
        done, taken, _ = self.seen("plain", "--profile=1")
        self.assertIn(taken, done.stderr)
        self.assertNotIn("gave it back", done.stderr)

    def test_S4_of_a_block_that_was_not_sampled_nothing(self):
        done, _, _ = self.seen("plain", "--profile=1T", "--backtrace")
        self.assertNotIn("that took", done.stderr)
        self.assertNotIn("gave it back", done.stderr)

    def test_S4_V4_of_a_guarded_block(self):
        used = lines_of("volatile int *>(block)")[0] - 1
        guarded = {"CAPALLOC_OPTIONS": "guard-sample=1"}
        done = run(CAPALLOC, "run", "--library", PRELOAD, "--backtrace", "--", SUBJECT, "touch", **guarded)
        pid = re.search(r"capalloc: use-after-free: write\(0x\w+\): .*, pid (\d+) ", done.stderr)[1]
        for part in (f"capalloc: calls: that led to the use-after-free, pid {pid} ({NAME})\n  at touch (calls.cc:{used})\n",
                     self.TAKEN.replace(" last sampled at this address", "") % (pid, NAME, self.TOOK),
                     self.FREED % (pid, NAME, self.GAVE)):
            self.assertIn(part, done.stderr)
        done = run(CAPALLOC, "run", "--library", PRELOAD, "--backtrace", "--stats=json", "--", SUBJECT, "touch", **guarded)
        process = json.JSONDecoder().raw_decode(done.stderr[done.stderr.index("\n{") + 1:])[0]["tree"]["processes"][0]
        self.assertEqual([process[name][0]["line"] for name in ("calls", "allocated", "freed")], [used, self.TOOK, self.GAVE])
        self.assertFalse(process["allocated_sampled"])

    def test_S4_of_the_block_as_an_object(self):
        done, _, _ = self.seen("plain", "--profile=1", "--backtrace", "--stats=json")
        process = json.JSONDecoder().raw_decode(done.stderr[done.stderr.index("\n{") + 1:])[0]["tree"]["processes"][0]
        for name, line in (("allocated", self.TOOK), ("freed", self.GAVE)):
            call = process[name][0]
            self.assertEqual((call["function"], call["file"], call["line"]), ("main", "calls.cc", line))


class Raw(unittest.TestCase):
    def test_S4_the_process_itself_tells_files_and_offsets(self):
        done = run(SUBJECT, "plain", LD_PRELOAD=PRELOAD, CAPALLOC_OPTIONS="backtrace")
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertRegex(done.stderr, rf"\A{LINE}(  at {SUBJECT}\+0x[0-9a-f]+\n){{4}}"
                                      rf"(  at [^\n]*libc[^\n]*\+0x[0-9a-f]+\n)+  at {SUBJECT}\+0x[0-9a-f]+\n\Z")
        offsets = [int(offset, 16) - 1 for offset in re.findall(rf"{SUBJECT}\+(0x[0-9a-f]+)", done.stderr)]
        told = run("addr2line", "-Cfe", SUBJECT, *map(hex, offsets[:4])).stdout.splitlines()
        self.assertEqual(told[0::2], ["shop::Basket<int>::clear(int*)", "mycrate::shop::sweep", "checkout(int)", "main"], told)

    def test_S4_not_without_being_asked(self):
        done = run(SUBJECT, "plain", LD_PRELOAD=PRELOAD)
        self.assertRegex(done.stderr, rf"\A{LINE}\Z")


if __name__ == "__main__":
    unittest.main()
