"""What `capalloc run --harden` picks, says and refuses: which checks are on, and one mode in one process."""
import json
import os
import platform
import subprocess
import unittest

CAPALLOC = os.environ["CAPALLOC"]
STANDARD = os.environ["CAPALLOC_STANDARD"]
HARDEN = os.environ["CAPALLOC_PRELOAD"]
PROGRAMS = os.environ["DROP_IN_PROGRAMS"]


def run(*arguments, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in ("LD_PRELOAD", "CAPALLOC_OPTIONS")}
    return subprocess.run([CAPALLOC, *arguments], capture_output=True, text=True, env=clean | environment)


def settings(*arguments, **environment):
    report = json.loads(run("run", "--stats=json", *arguments, **environment).stderr)
    return report["settings"] | {"library": report["use"]["library"]}


class Mode(unittest.TestCase):
    def test_H9_all_checks_are_on_and_each_can_be_switched_off(self):
        found = settings("--harden", "--", "ls", "/")
        self.assertEqual(found["library"], HARDEN)
        names = list(found["harden"])
        default = {name: name not in ("copy", "mte") for name in names} # which cost too much, and are minded by programs
        self.assertEqual(found["harden"], default)
        self.assertEqual(settings("--harden=+copy", "--", "ls", "/")["harden"], default | {"copy": True})
        self.assertEqual(found["delay_percent"], 3)
        for name in names:
            found = settings(f"--harden=-{name}", "--", "ls", "/")["harden"]
            self.assertEqual(found, {other: default[other] and other != name for other in names})
            found = settings(f"--harden={name}", "--", "ls", "/")
            on = name != "mte" or found["mte"] == "on"
            self.assertEqual(found["harden"], {other: on and other == name for other in names})
        found = settings("--harden=" + "".join(f"-{name}" for name in names), "--", "ls", "/")
        self.assertFalse(any(found["harden"].values()), found)
        self.assertIsNone(found["delay_percent"])

    def test_H9_the_report_and_doctor_say_which_are_on(self):
        text = run("run", "--stats", "--harden=-delay", "--", "ls", "/").stderr
        self.assertRegex(text, r"harden canary mismatch guard random order wall zero")
        self.assertNotIn("delay 3 %", text)
        self.assertRegex(run("doctor", "--library", HARDEN).stdout, r"check +zero: ")
        self.assertRegex(run("doctor", "--library", HARDEN).stdout, "mode +harden: ")
        self.assertIn(HARDEN, run("doctor").stdout)

    def test_H11_H9_why_there_are_no_tags(self):
        self.assertEqual(settings("--harden", "--", "ls", "/")["mte"], "off")
        self.assertIsNone(settings("--", "ls", "/")["mte"])
        found = settings("--harden=+mte", "--", "ls", "/")
        self.assertEqual(found["harden"]["mte"], found["mte"] == "on")
        if platform.machine() != "x86_64":
            return
        self.assertEqual(found["mte"], "absent")
        self.assertIn("mte is off: processor or kernel have no memory tags",
                      run("run", "--stats", "--harden=+mte", "--", "ls", "/").stderr)
        told = run("doctor", "--library", HARDEN, CAPALLOC_OPTIONS="harden=+mte").stdout
        self.assertRegex(told, r"mte +absent: processor or kernel have")
        self.assertRegex(told, r"memory tags +absent ")

    def test_H9_names_that_are_none_are_refused(self):
        for names in ("", "x", "-x", "zero,delay", "zero+", "-", "+", "--zero", "ZERO", "zer"):
            done = run("run", f"--harden={names}", "--", "true")
            self.assertEqual(done.returncode, 125, names)
            self.assertIn("wanted names of checks", done.stderr)
        done = run("run", "--", "true", CAPALLOC_OPTIONS="harden=zero")
        self.assertIn("setting ignored, unknown, malformed or of another mode: harden=zero", done.stderr)
        done = run("run", "--harden", "--", "true", CAPALLOC_OPTIONS="harden=-nothing,revoke")
        self.assertIn("setting ignored, unknown, malformed or of another mode: harden=-nothing", done.stderr)
        self.assertIn("setting ignored, unknown, malformed or of another mode: revoke", done.stderr)

    def test_H9_what_a_library_bound_elsewhere_allocates_is_looked_at(self):
        """As php loads its extensions: blocks would cross the border to the C library's free."""
        done = run("run", "--stats=json", "--harden", "--", os.path.join(PROGRAMS, "deepbind"), "blocks",
                   os.path.join(PROGRAMS, "bound.so"))
        self.assertEqual(done.returncode, 0, done)
        found = json.loads(done.stderr)["settings"]
        self.assertEqual((found["no_deepbind"], found["deepbind_seen"]), (True, False))

    def test_H9_two_modes_are_refused(self):
        for one, other in (("--delay", "--harden"), ("--revoke", "--harden"), ("--delay", "--revoke")):
            for pair in ((one, other), (other, one)):
                done = run("run", *pair, "--", "true")
                self.assertEqual(done.returncode, 125)
                self.assertEqual(done.stderr, f"capalloc: bad-usage: {one} and {other}: a process has one mode\n")
        for arguments, inherited in (([], HARDEN), (["--harden"], STANDARD)):
            done = run("run", *arguments, "--", "true", LD_PRELOAD=inherited)
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr, "capalloc: other-mode: LD_PRELOAD has .* one process has one mode")
        for mode in ("--delay", "--revoke"):
            done = run("run", "--library", HARDEN, mode, "--", "echo", "started")
            self.assertEqual((done.returncode, done.stdout), (125, ""))
            self.assertEqual(done.stderr, f"capalloc: other-mode: {HARDEN} is the library of another mode than {mode}: "
                             "one process has one mode\n")
        self.assertEqual(run("run", "--library", HARDEN, "--harden", "--", "true").stderr, "")

    def test_H9_S5_hardened_and_profiled_are_not_had_together(self):
        done = run("run", "--harden", "--profile", "--", "ls", "/")
        self.assertEqual((done.returncode, done.stderr), (125, "capalloc: bad-usage: --harden and --profile: "
                         "a hardened block has no room for a sample\n"))
        done = subprocess.run(["perl", "-e", "$h{$_}=\"x$_\" for 1..30000; print 1"], capture_output=True, text=True,
                              env=os.environ | {"LD_PRELOAD": HARDEN, "CAPALLOC_OPTIONS": "profile=1K"})
        self.assertEqual((done.returncode, done.stdout), (0, "1"))
        self.assertIn("of another mode: profile=1K", done.stderr)

    def test_H9_a_library_that_cannot_is_never_silent(self):
        done = run("run", "--harden", "--library", STANDARD, "--", "true")
        self.assertIn("capalloc: other-mode: true did not run with --harden", done.stderr)
        self.assertEqual(run("run", "--harden", "--require", "--library", STANDARD, "--", "true").returncode, 125)

    def test_H9_a_linked_program_gets_the_engine_of_the_mode(self):
        self.assertEqual(settings("--harden", "--", f"{PROGRAMS}/linked")["library"], HARDEN)


if __name__ == "__main__":
    unittest.main()
