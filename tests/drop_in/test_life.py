"""From before main to after exit: constructors, threads, fork, dlopen, signals."""
import os
import subprocess
import unittest

import drop_in
from drop_in import PROGRAMS, need, program

EARLY = program("early.so")


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

    def test_D3_thousand_threads_bounded(self):
        early, late = map(int, self.good([program("threads"), "churn"]).split())
        print(f"resident after 200 threads {early} KiB, after 1000 {late} KiB", end=" ", flush=True)
        self.assertLess(late, early + 16 * 1024)

    def test_D3_forks_of_a_busy_process(self):
        self.good([program("forks")], timeout=200)
        self.assert_ours(program("forks"))

    def test_D3_forks_with_helper(self):
        self.good([program("forks")], timeout=200, options="helper,decay=1")

    def test_D3_signals(self):
        self.good([program("signals")])
        self.assert_ours(program("signals"))

    def test_D3_dlopen_of_a_linked_library(self):
        self.good([program("loads"), PROGRAMS / "plugin.so"], ours=False)
        self.good([program("loads"), PROGRAMS / "plugin.so"])

    def test_D3_dlopen_of_the_library_itself(self):
        self.good([program("loads"), drop_in.SHARED], ours=False)

    def test_D3_dlopen_of_the_library_finds_the_preloaded_engine(self):
        name = os.path.basename(os.path.realpath(drop_in.SHARED)).split(".so")[0] + ".so.0"
        self.good([program("loads"), name], LD_LIBRARY_PATH=os.path.dirname(drop_in.SHARED))

    def test_D3_linked_and_preloaded_is_one_engine(self):
        self.good([program("linked")])
        self.assert_ours(program("linked"))

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
