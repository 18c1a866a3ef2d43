"""System calls: each situation of docs/system-calls.md makes those of its row and no others. And filters that refuse."""
import os
import pathlib
import re
import signal
import unittest

import drop_in
from drop_in import need, program

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "system-calls.md"
CALLS = program("calls")

# The end of the program, and the clock where the vDSO has none.
ANYWAY = {"exit_group", "clock_gettime"}
# What else is made in the situation, by the C library or at the start of the library.
FORK = {"clone", "set_robust_list", "wait4"}
START = {"mmap", "munmap", "mprotect", "madvise", "getrandom", "getpid"}
BESIDE = {"fork": FORK, "fork-of-all": FORK, "report": {"rt_sigprocmask", "getpid", "gettid", "tgkill"}, "channel": START,
          "helper": START, "names": START, "visible": START}
BESIDE["backtrace"] = BESIDE["report"]
# Situations that are another one with a setting.
SETTINGS = {"helper": "start", "names": "start", "backtrace": "report", "pagemap": "clearing"}
# Preloaded behind the library, so that its constructor comes first.
FILTERED = program("filtered.so")
# What other parts of the library make, but not the malloc family.
SPECIAL = "prctl process_vm_readv membarrier memfd_secret mlock mlock2 munlock ftruncate"


def rows():
    """situation: (always, perhaps)"""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in DOCUMENT.read_text().splitlines()
             if line.startswith("| `")]
    return {row[0].strip("`"): [set(re.findall(r"`(\w+)`", cell)) for cell in row[1:3]] for row in cells}


class Table(drop_in.DropIn):
    def only(self, situation, allowed):
        """How it ends with these calls and no others."""
        words = " ".join(["only", *sorted(allowed | BESIDE.get(situation, set()) | ANYWAY)])
        if situation == "channel":
            command = [os.environ["CAPALLOC"], "run", "--audit", "--", CALLS, "nothing", ""]
            return self.run_program(command, ours=False, LD_PRELOAD=FILTERED, FILTER=words).returncode
        if situation == "visible":
            return self.run_program([CALLS, "nothing", ""], ours=False, options="visible",
                                    LD_PRELOAD=f"{drop_in.PRELOAD}:{FILTERED}", FILTER=words).returncode
        command = [CALLS, SETTINGS.get(situation, situation), words]
        options = situation if situation in SETTINGS else ""
        return self.run_program(command, ours=False, options=options).returncode

    def test_D10_each_situation_makes_the_calls_of_its_row(self):
        for situation, (always, perhaps) in rows().items():
            with self.subTest(situation):
                expected = -signal.SIGABRT if situation in ("report", "backtrace") else 0
                self.assertEqual(self.only(situation, always | perhaps), expected)

    def test_D10_no_call_stands_there_for_nothing(self):
        for situation, (always, perhaps) in rows().items():
            for call in sorted(always - BESIDE.get(situation, set())):
                with self.subTest(situation, without=call):
                    self.assertEqual(self.only(situation, (always | perhaps) - {call}), -signal.SIGSYS)

    def test_D10_clearing_takes_no_call_that_malloc_does_not(self):
        table = rows()
        self.assertEqual(self.only("clearing", set().union(*table["growth"], *table["giving-back"])), 0)


class Filters(drop_in.DropIn):
    """Which kill what the malloc family can do without."""

    def test_D10_a_filter_from_before_the_program(self):
        for command in ([program("errors")], [need("sort"), "/etc/passwd"]):
            self.good([CALLS, "exec", f"kill {SPECIAL}", *command])
            self.assert_ours(command[0])

    def test_D10_a_filter_that_a_constructor_installs(self):
        done = self.run_program([CALLS, "nothing", ""], LD_PRELOAD=f"{drop_in.PRELOAD}:{FILTERED}", FILTER=f"kill {SPECIAL}")
        self.assertEqual(done.returncode, 0)

    def test_D10_a_filter_after_the_start_and_after_growth(self):
        for situation in ("growth", "giving-back", "threads"):
            done = self.run_program([CALLS, situation, f"kill {SPECIAL}"], ours=False)
            self.assertEqual(done.returncode, 0, situation)

    def test_D10_names_are_there_when_asked_for(self):
        def maps(options):
            return self.good([need("cat"), "/proc/self/maps"], options=options)

        self.assertNotIn("[anon:", maps(""))
        if "[anon:capalloc: tables]" not in maps("names"):
            raise unittest.SkipTest("this kernel gives no names to mappings")


class SecondEngine(drop_in.DropIn):
    """A library that has the archive inside, and keeps its names to itself, on the preloaded one: it must notice."""

    def second(self, words, expected):
        done = self.run_program([program("second"), program("plugin_inside.so")], FILTER=words,
                                LD_PRELOAD=f"{drop_in.PRELOAD}:{FILTERED}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr.decode(), rf"\Acapalloc: second-engine: {expected}[^\n]* gives no memory\n\Z")

    def test_D3_a_second_engine_gives_no_memory(self):
        self.second("", "another copy of the library is at work")

    def test_D3_D10_a_second_engine_needs_no_special_call(self):
        self.second(f"kill {SPECIAL}", "another copy of the library is at work")

    def test_D3_D10_a_second_engine_that_cannot_know(self):
        self.second("refuse futex", "the kernel does not say whether another")


if __name__ == "__main__":
    drop_in.main()
