"""What `capalloc run --delay` and `--revoke` pick, says and refuses, and what the library of the mode is to programs that link the
other form of it."""
import ctypes
import json
import os
import re
import struct
import subprocess
import unittest

CAPALLOC = os.environ["CAPALLOC"]
STANDARD = os.environ["CAPALLOC_STANDARD"]
REVOKE = os.environ["CAPALLOC_PRELOAD"]
PROGRAMS = os.environ["DROP_IN_PROGRAMS"]


def run(*arguments, preexec_fn=None, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "CAPALLOC_OPTIONS")}
    return subprocess.run([CAPALLOC, *arguments], capture_output=True, text=True, env=clean | environment,
                          preexec_fn=preexec_fn)


def numbers(*arguments, **environment):
    done = run("run", "--stats=json", *arguments, **environment)
    return json.loads(done.stderr)


THREADS = """
import _thread
lock = _thread.allocate_lock()
lock.acquire()
_thread.start_new_thread(lock.acquire, ())
some = [bytes(1000) for _ in range(30000)]
for _ in range(30000):
    some[_] = bytes(1000)
"""


USERFAULTFD = {"x86_64": 323, "aarch64": 282}[os.uname().machine]


def refuse_userfaultfd():
    """By a filter, as containers do: the call fails with EPERM, all others are as ever."""
    steps = [(0x20, 0, 0, 0), (0x15, 0, 1, USERFAULTFD), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)]
    filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(filter))
    prctl = ctypes.CDLL(None).prctl
    if prctl(38, 1, 0, 0, 0) != 0 or prctl(22, 2, program) != 0:
        raise OSError("no filter can be set")


def kernel_tells():
    """Which pages were written: userfaultfd may be had, and Linux is 6.7 or later."""
    file = ctypes.CDLL(None).syscall(USERFAULTFD, 0o2000000 | 1)
    if file >= 0:
        os.close(file)
    return file >= 0 and tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 7)


class Mode(unittest.TestCase):
    def test_R8_delay_is_what_it_says(self):
        report = numbers("--delay", "--", "ls", "/")
        self.assertEqual(report["use"]["library"], REVOKE)
        self.assertEqual(report["settings"]["delay_percent"], 6)
        self.assertGreater(report["stats"]["quarantined_bytes"], 0)
        self.assertEqual(report["stats"]["stale_bytes"], 0)
        self.assertEqual(numbers("--delay=25%", "--", "ls", "/")["settings"]["delay_percent"], 25)
        self.assertEqual(numbers("--delay=7", "--", "ls", "/")["settings"]["delay_percent"], 7)
        text = run("run", "--stats", "--delay=30", "--", "ls", "/").stderr
        self.assertIn("delay 30 %", text)
        self.assertRegex(text, r"quarantine +[0-9.]+ [KM]?i?B of freed blocks wait")

    def test_R8_the_standard_library_has_no_such_thing(self):
        report = numbers("--", "ls", "/")
        self.assertEqual(report["use"]["library"], STANDARD)
        self.assertIsNone(report["settings"]["delay_percent"])
        self.assertEqual(report["stats"]["quarantined_bytes"], 0)

    def test_R8_a_share_that_is_none_is_refused(self):
        for share in ("0", "0%", "1001", "x", "", "%", "-5", "1.5"):
            done = run("run", f"--delay={share}", "--", "true")
            self.assertEqual(done.returncode, 125, share)
            self.assertIn("wanted a share of the heap", done.stderr)

    def test_R8_a_library_that_cannot_is_never_silent(self):
        done = run("run", "--delay", "--library", STANDARD, "--", "true")
        self.assertEqual(done.returncode, 0)
        self.assertIn("capalloc: other-mode: true did not run with --delay", done.stderr)
        self.assertEqual(run("run", "--delay", "--require", "--library", STANDARD, "--", "true").returncode, 125)
        done = run("run", "--", "true", CAPALLOC_OPTIONS="delay=12%")
        self.assertIn("setting ignored, unknown, malformed or of another mode: delay=12%", done.stderr)

    def test_R8_two_modes_in_one_process_are_refused(self):
        for arguments, inherited in (([], REVOKE), (["--delay"], STANDARD)):
            done = run("run", *arguments, "--", "true", LD_PRELOAD=inherited)
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr, "capalloc: other-mode: LD_PRELOAD has .* one process has one mode")
        self.assertEqual(run("run", "--delay", "--", "true", LD_PRELOAD=REVOKE).returncode, 0)

    def test_R8_a_static_program_is_told(self):
        done = run("run", "--delay", "--", f"{PROGRAMS}/all_static")
        self.assertIn("will run without capalloc: it is statically linked", done.stderr)
        self.assertEqual(run("run", "--delay", "--require", "--", f"{PROGRAMS}/all_static").returncode, 125)

    def test_R8_a_linked_program_gets_the_engine_of_the_mode(self):
        report = numbers("--delay", "--", f"{PROGRAMS}/linked")
        self.assertEqual(report["exit"]["status"], 0)
        self.assertTrue(report["use"]["used"])
        self.assertEqual(report["settings"]["delay_percent"], 6)

    def test_R1_a_use_after_free_reaches_nobody(self):
        uaf = os.environ["REVOKE_UAF"]
        self.assertEqual(run("run", "--", uaf).returncode, 1)
        done = run("run", "--revoke", "--", uaf)
        self.assertEqual((done.returncode, done.stdout), (0, "somebody else's account was reached 0 times\n"))

    def test_R1_R8_a_use_after_free_in_an_interpreter_reaches_nobody(self):
        script = ["/usr/bin/python3", "-IS", os.environ["REVOKE_UAF_INTERPRETER"]]
        if run("run", "--", *script).returncode == 0:
            self.skipTest("this python3 does not have that error")
        self.assertEqual(run("run", "--revoke", "--", *script).returncode, 0)
        self.assertEqual(run("run", "--delay=1000%", "--", *script).returncode, 0)  # nothing comes again so soon

    def test_R1_R9_revoke_is_what_it_says(self):
        report = numbers("--revoke", "--", "ls", "-lR", "/usr/include")
        self.assertEqual(report["use"]["library"], REVOKE)
        self.assertTrue(report["settings"]["revoke"])
        self.assertEqual(report["settings"]["delay_percent"], 12)
        self.assertGreater(report["stats"]["sweeps"], 0)
        self.assertGreater(report["stats"]["sweep_bytes_scanned"], 0)
        self.assertEqual(report["stats"]["sweep_bytes_ahead"], 0)  # it has one thread
        self.assertEqual(report["stats"]["sweeps_in_doubt"], 0)
        lines = run("run", "--revoke=5%", "--trace-sweeps", "--", "ls", "-lR", "/usr/include").stderr.splitlines()
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertRegex(line, r"^capalloc: sweep: us \d+ stopped \d+ heap-kib \d+ roots-kib \d+ "
                                   r"ahead-kib \d+ quiet-kib \d+ skipped-kib \d+ released-kib \d+ kept-kib \d+$")
        self.assertTrue(any(int(line.split(" released-kib ")[1].split()[0]) > 0 for line in lines), lines)
        roots = [int(line.split(" roots-kib ")[1].split()[0]) for line in lines]
        self.assertLess(max(roots), 8192, lines)  # without the table for capalloc run, which has 16 MiB
        text = run("run", "--revoke", "--stats", "--", "ls", "-lR", "/usr/include").stderr
        self.assertIn("revoke 12 %", text)
        self.assertRegex(text, r"sweeps +\d+, .* scanned, .* of it while threads ran\n +the last one kept")
        report = numbers("--revoke", "--", "/usr/bin/python3", "-IS", "-c", THREADS, PYTHONMALLOC="malloc")
        self.assertEqual(report["stats"]["sweep_bytes_ahead"] > 0, kernel_tells())

    def test_R6_a_stop_interrupts_no_call(self):
        done = run("run", "--revoke", "--", os.environ["REVOKE_ASLEEP"], "60")
        self.assertEqual((done.returncode, len(done.stdout.split())), (0, 23), done.stdout)

    def test_R8_delay_and_revoke_are_two_modes(self):
        done = run("run", "--delay", "--revoke", "--", "true")
        self.assertEqual(done.returncode, 125)
        self.assertIn("a process has one mode", done.stderr)

    def test_R8_sweeps_are_not_traced_where_there_are_none(self):
        for mode in ([], ["--delay"]):
            done = run("run", *mode, "--trace-sweeps", "--", "true")
            self.assertEqual(done.returncode, 125)
            self.assertIn("--trace-sweeps: nothing is swept without --revoke", done.stderr)
        said = "setting ignored, unknown, malformed or of another mode: trace-sweeps: nothing is swept without revoke\n"
        for options in ("trace-sweeps", "trace-sweeps,delay=10%"):
            done = run("run", "--delay", "--", "true", CAPALLOC_OPTIONS=options)
            self.assertEqual(done.stderr, "capalloc: " + said)
            done = subprocess.run(["true"], stderr=subprocess.PIPE, text=True,
                                  env={"LD_PRELOAD": REVOKE, "CAPALLOC_OPTIONS": options})
            self.assertEqual(done.stderr, "capalloc: " + said)
        for options in ("trace-sweeps,revoke", "revoke,trace-sweeps"):
            done = subprocess.run(["true"], stderr=subprocess.PIPE, text=True,
                                  env={"LD_PRELOAD": REVOKE, "CAPALLOC_OPTIONS": options})
            self.assertEqual(done.stderr, "")

    def test_R8_doctor_says_which_mode(self):
        self.assertRegex(run("doctor", "--library", REVOKE).stdout, "mode +delay: a freed block waits until a share")
        said = run("doctor").stdout
        self.assertRegex(said, "mode +standard")
        self.assertIn("library for waiting", said)

    def test_R6_doctor_says_how_the_kernel_tells_what_was_written(self):
        said = run("doctor").stdout
        self.assertEqual(len(re.findall("  write tracking  ", said)), 1)
        self.assertEqual("write tracking             PAGEMAP_SCAN and an asynchronous" in said, kernel_tells(), said)
        said = run("doctor", preexec_fn=refuse_userfaultfd).stdout
        self.assertRegex(said, r"info  write tracking +(none|soft-dirty alone, which is not\s+used) "
                               r"\(PAGEMAP_SCAN,\s+asynchronous\s+userfaultfd:\s+Operation\s+not\s+permitted\)")


if __name__ == "__main__":
    unittest.main()
