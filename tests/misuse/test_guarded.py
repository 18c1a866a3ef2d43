"""What guarded samples (the setting guard-sample) tell of real processes, in the library of each mode."""
import os
import re
import signal
import subprocess
import unittest

LIBRARIES = [os.environ[name] for name in ("CAPALLOC_STANDARD", "CAPALLOC_REVOKE", "CAPALLOC_HARDEN")]
PROGRAM = os.environ["MISUSE_GUARDED"]
KINDS = ("overflow", "underflow", "use-after-free")


def commit(kind, rounds, size, options, library=LIBRARIES[0]):
    environment = dict(os.environ, LD_PRELOAD=library, CAPALLOC_OPTIONS=options)
    return subprocess.run([PROGRAM, kind, str(rounds), str(size)], capture_output=True, text=True, env=environment)


class Guarded(unittest.TestCase):
    def is_told(self, done, kind, size):
        line, *calls = done.stderr.splitlines()
        self.assertRegex(line, f"^capalloc: {kind}: (read|write|free)\\(0x[0-9a-f]+\\): stated .*, found .*block of "
                               f"{size} bytes, place ordinary, pid ")
        titles = [text for text in calls if not text.startswith("  at ")]
        self.assertEqual(titles[:2], ["used by", "allocated by"], done.stderr)
        self.assertEqual("freed by" in titles, kind == "use-after-free")
        self.assertIn(PROGRAM, calls[1])

    def test_V4_each_kind_in_each_mode(self):
        for library in LIBRARIES:
            for kind in KINDS:
                for size in (16, 100, 500):
                    done = commit(kind, 5000, size, "guard-sample=50", library)
                    # a canary of the hardened library may be the first to see it
                    self.assertEqual(done.returncode, -signal.SIGABRT, (library, done))
                    if kind == "use-after-free" or "harden" not in library:
                        self.is_told(done, kind, size)
            done = commit("none", 20000, 100, "guard-sample=5", library)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "20000 rounds\n", ""))

    def test_V4_where_pages_stay_waiting(self):
        for options in ("guard-sample=20,delay=12", "guard-sample=20,revoke"):
            self.is_told(commit("use-after-free", 5000, 100, options, LIBRARIES[1]), "use-after-free", 100)
            done = commit("none", 50000, 100, options, LIBRARIES[1])
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_V4_one_in_so_many(self):
        """1000 uses after free, one in 1000 guarded: a run is caught with 63 %, and of 40 fewer than 13 or more than 36
        with less than one in 10 000."""
        caught = sum(commit("use-after-free", 1000, 100, "guard-sample=1000").returncode != 0 for _ in range(40))
        self.assertIn(caught, range(13, 37))

    def test_V4_off_unless_asked_for(self):
        self.assertEqual(commit("use-after-free", 20000, 100, "guard-sample=0").stdout, "20000 rounds\n")
        self.assertEqual(commit("use-after-free", 20000, 100, "").stdout, "20000 rounds\n")

    def test_V4_the_programs_own_handler_stays(self):
        for when in ("own", "late"):
            done = commit(f"{when}-use-after-free", 5000, 100, "guard-sample=50")
            self.assertEqual((done.returncode, done.stderr), (3, "own handler\n"))

    def test_V4_other_faults_are_what_they_were(self):
        done = commit("null", 1, 1, "guard-sample=5")
        self.assertEqual((done.returncode, done.stderr), (-signal.SIGSEGV, ""))

    def test_V4_on_a_stack_for_signals(self):
        self.is_told(commit("stack-use-after-free", 5000, 100, "guard-sample=50"), "use-after-free", 100)

    def test_V4_V5_a_child_reports_its_own(self):
        done = commit("fork-use-after-free", 5000, 100, "guard-sample=50")
        self.assertEqual(done.returncode, signal.SIGABRT)
        self.is_told(done, "use-after-free", 100)


if __name__ == "__main__":
    unittest.main()
