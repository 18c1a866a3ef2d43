#!/usr/bin/env python3
"""The benchmark cannot flatter: its intervals hold what they say, the ranking and the best peers are those that the
numbers give, what is lost is listed, and a library that is not there is refused."""
import math
import os
import pathlib
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "bench/lib"))
import behind  # noqa: E402
import interval  # noqa: E402
import programs  # noqa: E402
import table  # noqa: E402
import workloads  # noqa: E402


def result(times, rounds=7):
    """times: {workload: {allocator: ns}}, the same in each round but for a machine that slows down as a whole."""
    names = list(next(iter(times.values())))
    runs = [(i, w, name, ns * (i + 1), ns * (i + 1), 5000) for i in range(rounds) for w, of in times.items()
            for name, ns in of.items()]
    return table.Result(runs, list(times), names)


class Intervals(unittest.TestCase):
    def test_coverage_is_that_of_the_binomial_distribution(self):
        self.assertEqual([interval.rank(n) for n in (1, 2, 5, 6, 8, 9, 15, 20)], [1, 1, 1, 1, 1, 2, 4, 6])
        self.assertAlmostEqual(interval.covered(6, 1), 1 - 2 / 64)
        for n in range(6, 60):  # the widest that is needed: one narrower would not do
            self.assertGreaterEqual(interval.covered(n, interval.rank(n)), 0.95)
            self.assertLess(interval.covered(n, interval.rank(n) + 1), 0.95)

    def test_outliers_do_not_reach_it(self):
        self.assertEqual(interval.spread([1000, *range(1, 15)]), (8, 4, 12))

    def test_too_few_rounds_are_called_so(self):
        self.assertIn("75 % only", interval.describe(3))
        self.assertIn("95 % interval", interval.describe(15))
        self.assertIn("no interval", interval.describe(1))


class Tables(unittest.TestCase):
    def setUp(self):
        self.result = result({"pair-16": {"ours": 20, "glibc": 40, "mimalloc": 10, "jemalloc": 30},
                              "pair-64": {"ours": 20, "glibc": 80, "mimalloc": 40, "jemalloc": 10},
                              "lua": {"ours": 10, "glibc": 20, "mimalloc": 11, "jemalloc": 40}})

    def test_the_best_peer_is_found_for_each_workload(self):
        best = [self.result.best_for("time", w) for w in self.result.workloads]
        self.assertEqual(best, ["mimalloc", "jemalloc", "mimalloc"])
        self.assertAlmostEqual(self.result.mean_to_best("time", self.result.workloads), (2 * 2 * 10 / 11) ** (1 / 3))

    def test_the_ranking_holds_all_and_ours_where_it_belongs(self):
        ranking = self.result.ranking("time")
        self.assertEqual([name for name, _ in ranking], ["ours", "mimalloc", "jemalloc", "glibc"])
        self.assertAlmostEqual(ranking[1][1].median, (10 * 40 * 11 / (20 * 20 * 10)) ** (1 / 3))
        worse = result({"pair-16": {"ours": 40, "glibc": 20}}).ranking("time")
        self.assertEqual([(name, s.median) for name, s in worse], [("glibc", 1), ("ours", 2)])

    def test_what_is_lost_is_listed_the_worst_first(self):
        text = table.text(self.result)
        self.assertRegex(text, r"ours is slower than the best peer on 2 of 3 workloads: pair-16 2.00 .* "
                               r"mimalloc, pair-64 2.00")
        self.assertIn("ours is faster than the best peer on 1", text)

    def test_what_is_only_noise_is_not_called_won_or_lost(self):
        runs = [(i, "pair-16", name, ns, ns, 1) for i in range(7)
                for name, ns in (("ours", 10 + (-1) ** i), ("glibc", 10))]
        lost, undecided, won = table.Result(runs, ["pair-16"], ["ours", "glibc"]).verdicts("time")
        self.assertEqual((lost, len(undecided), won), ([], 1, []))

    def test_the_mean_is_geometric(self):
        self.assertTrue(math.isclose(table.geomean([1, 4]), 2))

    def test_tables_of_other_tools_say_it_too(self):
        rows = {"64": {"ours": 5, "glibc": 9, "jemalloc": 4}, "4K": {"ours": 5, "glibc": 9, "jemalloc": 6}}
        self.assertEqual(behind.lines(rows), ["behind, 64: ours 5.0, jemalloc 4.0"])
        self.assertEqual(behind.lines({"4K": rows["4K"]}), ["ours is behind in nothing of this"])


class Allocators(unittest.TestCase):
    def known(self, value):
        code = f"import sys; sys.path.insert(0, {str(TOP / 'bench/lib')!r}); import allocators; print(allocators.PEERS)"
        return subprocess.run([sys.executable, "-B", "-c", code], env=os.environ | {"CAPALLOC_BENCH_PEERS": value},
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_further_peers_come_from_the_environment(self):
        done = self.known(f"rival={sys.executable},other={__file__}")
        self.assertIn(f"'rival': '{sys.executable}', 'other': '{os.path.abspath(__file__)}'", done.stdout, done.stderr)

    def test_a_further_peer_that_is_not_there_is_refused(self):
        for value in ("rival=/nonexistent.so", "rival", f"ours={__file__}"):
            done = self.known(value)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("is not NAME=PATH of a file", done.stderr)


class Programs(unittest.TestCase):
    def test_python_takes_notice_of_its_environment(self):
        python, *options, _, _ = programs.python(None, 1)
        done = subprocess.run([python, *options, "-c", "import sys; print(sys.flags.ignore_environment)"], text=True,
                              stdout=subprocess.PIPE, check=True)
        self.assertEqual(done.stdout.strip(), "0")


class Workloads(unittest.TestCase):
    def test_each_is_a_program_with_an_amount(self):
        programs = (TOP / "bench/workloads/workloads.def").read_text()
        for name in workloads.WORKLOADS:
            _, program, amount, *_ = workloads.command(name)
            self.assertIn(f"WORKLOAD({program})", programs)
            self.assertGreater(amount, 1)

    def test_no_two_are_the_same(self):
        self.assertEqual(len(set(workloads.WORKLOADS.values())), len(workloads.WORKLOADS))


if __name__ == "__main__":
    unittest.main()
