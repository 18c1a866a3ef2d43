"""From before main to after exit: constructors, threads, fork, dlopen, signals."""
import os
import subprocess
import unittest

import drop_in
from drop_in import PROGRAMS, need, program

EARLY = program("early.so")
SWEEPS = "revoke" in os.environ.get("DROP_IN_OPTIONS", "").split(",")


class Life(drop_in.DropIn):
    def test_D3_constructors_destructors_exit(self):
        self.good([need("true")], preload=[EARLY])
        self.assertEqual(self.good([need("python3"), "-c", "print(6 * 7)"], preload=[EARLY]), "42\n")
        self.assert_ours(need("python3"))

    def test_D3_constructor_of_a_library_after_ours(self):
        done = self.good([need("true")], LD_PRELOAD=f"{drop_in.PRELOAD}:{EARLY}:{drop_in.WITNESS}")
        self.assertEqual(done, "")
        self.assert_ours(need("true"))

    def test_D3_fork_handlers_registered_before_the_first_malloc(self):
        """The witness stays away: it would call malloc first."""
        out = self.good([need("bash"), "-c", "for i in 1 2 3; do (echo $i); done"], timeout=30, EARLY_FORK_HANDLERS="1",
                        LD_PRELOAD=f"{EARLY}:{drop_in.PRELOAD}")
        self.assertEqual(out, "1\n2\n3\n")

    def test_D3_destructors_of_thread_data(self):
        self.good([program("threads"), "destructors"])
        self.assert_ours(program("threads"))

    def test_D3_malloc_while_libraries_are_relocated(self):
        """From a function that chooses an implementation (IFUNC): at once with LD_BIND_NOW, else when it is called."""
        chosen, ours = program("chosen.so"), drop_in.PRELOAD
        for bind in ({"LD_BIND_NOW": "1"}, {}):
            self.good([program("chooses")], ours=False, **bind)
            for preload in (ours, f"{ours}:{chosen}", f"{chosen}:{ours}"):
                self.good([program("chooses")], LD_PRELOAD=f"{preload}:{drop_in.WITNESS}", **bind)
                self.good([need("sort"), "/dev/null"], LD_PRELOAD=f"{preload}:{drop_in.WITNESS}", **bind)
            self.good([program("chooses_linked")], **bind)
        self.assert_ours(program("chooses"))
        self.assert_ours(program("chooses_linked"))

    def test_D3_thousand_threads_bounded(self):
        early, late = map(int, self.good([program("threads"), "churn"]).split())
        print(f"resident after up to 200 threads {early} KiB, after 1000 {late} KiB", end=" ", flush=True)
        # With sweeps what was freed waits: three rounds and three quarters of 8 MiB at most (R3).
        waiting = 30 * 1024 if SWEEPS else 0
        self.assertLess(late, early + 16 * 1024 + waiting)

    # 480 over the libraries; with sweeps, which stop the forking thread as well, one takes twenty times as long.
    FORKS = 30 if SWEEPS else 150

    def test_D3_forks_of_a_busy_process(self):
        self.good([program("forks"), self.FORKS], timeout=200)
        self.assert_ours(program("forks"))

    def test_D3_forks_with_helper(self):
        self.good([program("forks"), self.FORKS], timeout=200, options="helper,decay=1")

    def children(self, kind, few, many):
        count = many if os.environ.get("CAPALLOC_TEST_LONG") == "1" else few
        self.good([program("children"), kind, count], timeout=60 + count)
        self.assert_ours(program("children"))

    def test_D7_children_of_which_nobody_is_told(self):
        self.children("raw", 60, 10000)

    def test_D7_forks_beside_locks_of_others(self):
        self.children("locks", 60, 5000)

    def test_D7_spawned_children_and_no_descriptors(self):
        self.children("spawned", 100, 2000)

    def test_D3_signals(self):
        self.good([program("signals")])
        self.assert_ours(program("signals"))

    def test_D3_dlopen_of_a_linked_library(self):
        self.good([program("loads"), PROGRAMS / "plugin.so"], ours=False)
        self.good([program("loads"), PROGRAMS / "plugin.so"])

    def test_D3_dlopen_of_a_library_with_the_engine_inside(self):
        """Its code outlives dlclose: threads that end still call it, and the next dlopen finds it at work."""
        for name in ("plugin_archive.so", "plugin_inside.so"):
            self.good([program("loads"), program(name)], ours=False)

    def test_D3_a_static_program(self):
        """Links without a warning, too: it is built with those as errors."""
        self.good([program("all_static")], ours=False)

    def test_D3_dlopen_of_the_library_itself(self):
        self.good([program("loads"), drop_in.SHARED], ours=False)

    def test_D3_dlopen_of_the_library_finds_the_preloaded_engine(self):
        name = os.path.basename(os.path.realpath(drop_in.SHARED)).split(".so")[0] + ".so.0.2"
        self.good([program("loads"), name], LD_LIBRARY_PATH=os.path.dirname(drop_in.SHARED))

    def test_D3_deepbind_is_dropped_on_request(self):
        command = [program("deepbind"), "blocks", program("bound.so")]
        self.good(command, options="no-deepbind")
        self.assert_ours(program("deepbind"))
        self.assertNotEqual(self.run_program(command).returncode, 0, "then what is promised in README.md can be more")

    def test_D3_the_report_tells_of_deepbind(self):
        """Also when the program died of it: the flags are in the page before the library is loaded."""
        for options, told in (("", True), ("no-deepbind", False)):
            done = subprocess.run([os.environ["CAPALLOC"], "run", "--stats", "--", program("deepbind"), "blocks",
                                   program("bound.so")], env=drop_in.CLEAN | {"CAPALLOC_OPTIONS": options},
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual("was loaded with RTLD_DEEPBIND" in done.stderr, told, done.stderr)
            self.assertEqual(done.returncode == 0, not told, done.stderr)

    def test_D3_dlopen_knows_its_caller(self):
        for options in ("", "no-deepbind"):
            self.good([program("deepbind"), "callers", program("bound.so")], options=options)

    def test_D3_linked_and_preloaded_is_one_engine(self):
        self.good([program("linked")])
        self.assert_ours(program("linked"))

    def test_D3_thread_sanitizer_is_told(self):
        """Where its malloc would come second; where it comes first, the program runs as it would."""
        if not os.path.exists(program("instrumented")):
            raise unittest.SkipTest("no ThreadSanitizer when this was built")
        command = [need("setarch"), "-R", program("instrumented")]
        if self.run_program(command, ours=False).returncode != 0:
            raise unittest.SkipTest("such programs do not run here")
        done = self.run_program(command, LD_PRELOAD=drop_in.PRELOAD)
        if done.stdout != b"ran\n":
            self.assertEqual(done.returncode, 125)
            self.assertRegex(done.stderr.decode(), r"\Acapalloc: not-usable: [^\n]* ThreadSanitizer[^\n]*\n\Z")

    def test_D3_valgrind_runs_the_drop_in_library(self):
        """Under valgrind's simulated processor, in its small address space."""
        out = self.good([need("valgrind"), "-q", "--tool=none", need("sort"), "-r"], input=b"a\nc\nb\n", timeout=200)
        self.assertEqual(out, "c\nb\na\n")
        self.assert_ours(need("sort"))

    def test_D3_memcheck_runs_a_linked_program(self):
        out = subprocess.run([need("valgrind"), "-q", "--error-exitcode=9", program("static_use")], env=drop_in.CLEAN,
                             capture_output=True, check=False, timeout=200)
        self.assertEqual((out.returncode, out.stderr.decode()), (0, ""))


if __name__ == "__main__":
    drop_in.main()
