#!/usr/bin/env python3
"""Seeing: the numbers of a process after whatever end, those of all processes of a tree, and those of one that runs.

The build tells where things are, through the environment: CAPALLOC, the program; CAPALLOC_PRELOAD, the library; SUBJECT,
what live.c was compiled to; HEAPS, likewise heaps.c.
"""
import functools
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import unittest

CAPALLOC, PRELOAD, SUBJECT, HEAPS = (os.environ[name] for name in ("CAPALLOC", "CAPALLOC_PRELOAD", "SUBJECT", "HEAPS"))
CLEAN = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
KEPT, KEPT_BYTES = 3000, 100


def run(*command, **options):
    return subprocess.run(command, env=CLEAN, capture_output=True, text=True, timeout=120, check=False, **options)


class Seeing(unittest.TestCase):
    def told(self, *arguments, options=(), program=SUBJECT):
        """(how it ended, the object of --stats=json)"""
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder, "report")
            done = run(CAPALLOC, "run", "--library", PRELOAD, "--stats=json", "--output", str(report), *options, "--",
                       program, *arguments)
            return done, json.loads(report.read_text())

    def row(self, report, **wanted):
        rows = [row for row in report["tree"]["processes"] if all(row[key] == value for key, value in wanted.items())]
        self.assertTrue(rows, (wanted, report["tree"]))
        return rows[0]


class AfterTheEnd(Seeing):
    def test_S1_numbers_outlive_every_end(self):
        for how, status in (("exit", 3), ("_exit", 3), ("kill", -signal.SIGKILL), ("segv", -signal.SIGSEGV),
                            ("abort", -signal.SIGABRT), ("twice", -signal.SIGABRT)):
            with self.subTest(how):
                done, report = self.told("grow", how)
                self.assertEqual(done.returncode, status, done.stderr)
                stats = report["stats"]
                self.assertEqual(stats["final"], how == "exit")
                self.assertGreaterEqual(stats["live_blocks"], KEPT)
                self.assertLess(stats["live_blocks"], KEPT + 2000)
                self.assertGreater(stats["allocations"], 10000)
                self.assertLess(stats["age_ns"], report["exit"]["elapsed_ns"])
                self.assertEqual(stats["violations"], int(how == "twice"))

    def test_S1_a_report_that_is_longer_than_files_may_be(self):
        """It is cut, which is said, and the status is the program's."""
        limit = 64 * 1024
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder, "page.html")
            done = run(CAPALLOC, "run", "--library", PRELOAD, "--report", str(page), "--", SUBJECT, "grow", "exit",
                       preexec_fn=functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit)))
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertEqual(done.stderr, f"capalloc: cannot-write: {page}: File too large\n")
            self.assertEqual(page.stat().st_size, limit)

    def test_S1_the_report_says_how_old_they_are(self):
        done = run(CAPALLOC, "run", "--library", PRELOAD, "--stats", SUBJECT, "grow", "kill")
        self.assertRegex(done.stderr, r"the numbers below are [\d.]+ m?s older than its end\.")

    def test_S1_what_is_counted(self):
        _, report = self.told("grow", "refused", "exit")
        stats = report["stats"]
        self.assertEqual(stats["failed_requests"], 3)
        self.assertEqual(stats["frees"], stats["allocations"] - stats["live_blocks"])
        self.assertGreaterEqual(stats["live_bytes_peak"], stats["live_bytes"])
        self.assertLessEqual(stats["requested_bytes"], stats["live_bytes"])
        self.assertGreater(stats["requested_bytes"], stats["live_bytes"] * 0.7)
        self.assertEqual(stats["threads_peak"], 1)

    def test_S1_numbers_after_chroot_setuid_and_closefrom(self):
        ways = ["closefrom"] + (["chroot", "setuid"] if os.geteuid() == 0 else [])
        _, report = self.told(*ways, "grow", "kill")
        self.assertGreaterEqual(report["stats"]["live_blocks"], KEPT)
        _, report = self.told(*ways, "fork", "grow", "kill")
        self.assertGreaterEqual(self.row(report, state="lost")["live_bytes"], KEPT * KEPT_BYTES)


class Heaps(Seeing):
    """Those with a name, the 16 that hold most, by what they hold."""
    NAMES = ["cache", 'sessions "x"', *["small"] * 14]

    def test_S1_named_heaps_at_the_end(self):
        done = run(CAPALLOC, "run", "--library", PRELOAD, "--stats", HEAPS)
        rows = re.findall(r"^  (cache|sessions \"x\"|small \d+|ended)  +([\d.]+ [KM]?i?B) +(none|[\d.]+ MiB)$", done.stderr,
                          re.MULTILINE)
        self.assertEqual([re.sub(r" \d+$", "", name) for name, _, _ in rows], self.NAMES, done.stderr)
        self.assertEqual([quota for _, _, quota in rows[:3]], ["none", "8.00 MiB", "none"])
        self.assertRegex(rows[0][1], r"^3\.\d+ MiB")
        _, report = self.told(program=HEAPS)
        heaps = report["stats"]["heaps"]
        self.assertEqual([re.sub(r" \d+$", "", heap["name"]) for heap in heaps], self.NAMES)
        self.assertEqual([heap["quota_bytes"] for heap in heaps[:2]], [None, 8 << 20])
        self.assertGreaterEqual(heaps[1]["held_bytes"], 1 << 20)

    def test_S2_named_heaps_while_it_runs(self):
        process = subprocess.Popen([CAPALLOC, "run", "--library", PRELOAD, HEAPS, "stays"], env=CLEAN, text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        pid = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().strip()
        self.assertRegex(run(CAPALLOC, "stats", pid).stdout, r"(?m)^  cache +3\.\d+ MiB +none$")
        metrics = run(CAPALLOC, "stats", "--prometheus", pid).stdout
        self.assertRegex(metrics, r'(?m)^capalloc_heap_held_bytes\{pid="\d+",program="run_heaps",heap="sessions \\"x\\""\} \d{7}$')
        process.communicate("\n", timeout=60)


class Trees(Seeing):
    def test_S3_every_process_reports(self):
        _, report = self.told("-c", f"{SUBJECT} grow exit; /bin/ls / > /dev/null; {SUBJECT} fork grow kill; exit 0",
                              program="/bin/sh")
        rows = report["tree"]["processes"]
        self.assertEqual(rows[0]["pid"], report["program"]["pid"])
        self.assertEqual(len({row["pid"] for row in rows}), len(rows))
        self.row(report, program="ls", state="finished")
        grown = [row for row in rows if row["program"] == "run_live" and row["live_bytes"] >= KEPT * KEPT_BYTES]
        self.assertEqual(sorted(row["state"] for row in grown), ["finished", "lost"])
        parent = self.row(report, pid=next(row["parent"] for row in grown if row["state"] == "lost"))
        self.assertEqual((parent["program"], parent["state"]), ("run_live", "finished"))

    def test_S3_the_report_details_the_process_that_held_most(self):
        """And names it, where it is not the program itself."""
        for command, held in ((f"{SUBJECT} grow exit; exit 0", True), (f"{SUBJECT} grow kill; exit 0", True),
                              (f"exec {SUBJECT} grow exit", False)):
            done = run(CAPALLOC, "run", "--library", PRELOAD, "--stats", "/bin/sh", "-c", command)
            named = re.search(r"Numbers of run_live \(pid \d+\), which held most(.*?):\n", done.stderr, re.S)
            self.assertEqual(named is not None, held, done.stderr)
            if named:
                self.assertEqual("older than the program's end" in named[1], "kill" in command, done.stderr)
            live = re.search(r"([\d,]+) still live", done.stderr)[1]
            self.assertGreaterEqual(int(live.replace(",", "")), KEPT)
            self.assertEqual(done.stderr.count("busiest sizes"), 1)

    def test_S3_a_program_that_replaces_another_answers_anew(self):
        _, report = self.told("-c", f"exec {SUBJECT} grow exit", program="/bin/sh")
        self.assertEqual([row["program"] for row in report["tree"]["processes"]], ["run_live"])
        self.assertGreaterEqual(report["stats"]["live_blocks"], KEPT)

    def test_S3_a_program_that_allocates_nothing_takes_one_page_of_the_kernels(self):
        """What it has to say stands together: that is what its start costs (bench/startup --page)."""
        spawn = """import os
held = lambda: os.stat(os.environ["CAPALLOC_CHANNEL"]).st_blocks * 512 // os.sysconf("SC_PAGESIZE")
for _ in range(5):
    before = held()
    os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
    print(held() - before)"""
        done = run(CAPALLOC, "run", "--library", PRELOAD, "python3", "-c", spawn)
        self.assertEqual(min(map(int, done.stdout.split())), 1, done)

    def test_S3_vfork(self):
        _, report = self.told("vfork", "grow", "exit")
        first, second = report["tree"]["processes"]
        self.assertEqual((first["pid"], second["parent"]), (report["program"]["pid"], first["pid"]))
        self.assertEqual((first["state"], second["state"]), ("finished", "finished"))
        self.assertLess(first["live_bytes"], KEPT * KEPT_BYTES)
        self.assertGreaterEqual(second["live_bytes"], KEPT * KEPT_BYTES)

    def test_S3_more_processes_than_pages(self):
        _, report = self.told("-c", f"for i in $(seq 1 530); do /bin/true; done; {SUBJECT} twice; exit 0", program="/bin/sh")
        self.assertEqual(len(report["tree"]["processes"]), 512)
        self.assertGreaterEqual(report["tree"]["without_numbers"], 19)
        self.assertEqual(report["tree"]["violations"], 1)

    def test_S3_violations_of_children_count(self):
        words = ["-c", f"{SUBJECT} fork twice; exit 0"]
        for options, status in (((), 0), (("--exit-code-on-violation=77",), 77), (("--exit-code-on-audit=78",), 0)):
            with self.subTest(options):
                done, report = self.told(*words, options=options, program="/bin/sh")
                self.assertEqual(done.returncode, status)
                self.assertEqual(report["tree"]["violations"], 1)
                self.assertEqual(self.row(report, violations=1)["violation"], "double-free")
        done, _ = self.told("exit", options=("--exit-code-on-violation=77",))
        self.assertEqual(done.returncode, 3)
        done = run(CAPALLOC, "run", "--library", PRELOAD, "--stats", "/bin/sh", *words)
        self.assertIn("violations in all: 1\n", done.stderr)
        self.assertIn("1 violation, the last: double-free", done.stderr)

    def test_S3_the_status_is_one(self):
        for value in ("0", "256", "x"):
            done = run(CAPALLOC, "run", "--library", PRELOAD, f"--exit-code-on-violation={value}", "/bin/true")
            self.assertEqual(done.returncode, 125)

    def test_S4_the_line_says_which_process(self):
        done, report = self.told("fork", "twice")
        found = re.search(r"^capalloc: double-free: .*, place ordinary, pid (\d+) \((\S+)\)$", done.stderr, re.MULTILINE)
        self.assertEqual(found[2], "run_live")
        self.assertEqual(int(found[1]), self.row(report, violations=1)["pid"])


class Running(Seeing):
    def start(self, *words, under_run=True, options="", preexec_fn=None):
        """The process number of live.c once it waits; it goes on when its standard input ends."""
        command = [CAPALLOC, "run", "--library", PRELOAD, "--", SUBJECT] if under_run else [SUBJECT]
        environment = CLEAN if under_run else dict(CLEAN, LD_PRELOAD=PRELOAD, CAPALLOC_OPTIONS=options)
        process = subprocess.Popen([*command, *words, "wait"], env=environment, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=preexec_fn)
        self.addCleanup(self.finish, process)
        return process, int(process.stdout.readline())

    def finish(self, process):
        if not process.stdin.closed:
            process.communicate(timeout=60)
        return process.returncode

    def stats(self, pid):
        done = run(CAPALLOC, "stats", "--json", str(pid))
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def channel(self, pid):
        """The name under which its table can be opened."""
        environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        return next(word for word in environment if word.startswith(b"CAPALLOC_CHANNEL=")).split(b"=", 1)[1].decode()

    def test_S2_a_process_under_capalloc_run(self):
        _, pid = self.start("grow")
        seen = self.stats(pid)
        self.assertEqual((seen["process"]["pid"], seen["process"]["program"]), (pid, "run_live"))
        self.assertFalse(seen["stats"]["final"])
        self.assertGreaterEqual(seen["stats"]["live_blocks"], KEPT)
        self.assertLess(seen["stats"]["live_blocks"], KEPT + 2000)
        self.assertGreaterEqual(seen["stats"]["live_bytes_peak"], KEPT * KEPT_BYTES)

    def test_S2_a_process_with_the_setting_and_its_child(self):
        for words in (("grow",), ("fork", "grow"), ("closefrom", "grow")):
            with self.subTest(words):
                _, pid = self.start(*words, under_run=False, options="visible")
                self.assertGreaterEqual(self.stats(pid)["stats"]["live_blocks"], KEPT)
        _, pid = self.start("grow", under_run=False)
        done = run(CAPALLOC, "stats", str(pid))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rf"^capalloc: not-visible: process {pid}: it shows no numbers: .*visible\n$")

    def test_S2_forms(self):
        _, pid = self.start("grow")
        text = run(CAPALLOC, "stats", str(pid)).stdout
        self.assertRegex(text, rf"^run_live \(pid {pid}\), on capalloc for .*; numbers .* old\n")
        self.assertRegex(text, r"(?m)^  ordinary +3,")
        metrics = run(CAPALLOC, "stats", "--prometheus", str(pid)).stdout.splitlines()
        form = re.compile(r'^(# (HELP|TYPE) capalloc_\w+ .+|capalloc_\w+\{pid="\d+",program="run_live"(,\w+="\w+")?\} \d+)$')
        self.assertEqual([line for line in metrics if not form.match(line)], [])
        self.assertIn(f'capalloc_violations_total{{pid="{pid}",program="run_live"}} 0', metrics)
        drawn = run(CAPALLOC, "map", str(pid)).stdout
        strips = re.findall(r"^  ([xsLdf.]{64})$", drawn, re.MULTILINE)
        self.assertGreaterEqual(len(strips), 1)
        self.assertIn("s", strips[0])
        self.assertIn("ordinary  small blocks, ", drawn)
        self.assertRegex(run(CAPALLOC, "top", "--once").stdout, rf"(?m)^ +{pid}  run_live ")
        self.assertIn("busiest sizes", run(CAPALLOC, "top", str(pid)).stdout)

    def test_S2_where_files_may_not_be_long(self):
        """A memfd is a file: making it longer than RLIMIT_FSIZE lets be would end the process."""
        for limit, pages in ((2048, 0), (200 * 1024, 1)):
            with self.subTest(limit):
                os_limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
                _, pid = self.start("grow", under_run=False, options="visible,profile=64K" if pages == 0 else "visible",
                                    preexec_fn=os_limit)
                self.assertEqual(run(CAPALLOC, "stats", str(pid)).returncode, 1 - pages)

    def test_S2_no_descriptor_stays_open(self):
        self.assertEqual(run(CAPALLOC, "run", "--library", PRELOAD, SUBJECT, "descriptors").stdout, "")
        done = subprocess.run([SUBJECT, "descriptors"], env=dict(CLEAN, LD_PRELOAD=PRELOAD, CAPALLOC_OPTIONS="visible"),
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stdout, "")

    def test_S2_nobody_can_shorten_the_table(self):
        process, pid = self.start("grow")
        table = os.open(self.channel(pid), os.O_RDWR)
        self.addCleanup(os.close, table)
        for size in (0, 4096, 1 << 30):
            with self.assertRaises(OSError):
                os.ftruncate(table, size)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)

    def test_S2_whatever_stands_in_the_pages(self):
        process, pid = self.start("grow")
        table = os.open(self.channel(pid), os.O_RDWR)
        self.addCleanup(os.close, table)
        page_bytes = int.from_bytes(os.pread(table, 4, 16), "little")
        for start, statuses in ((page_bytes, {0, 1}), (0, {1})):  # the pages; then the head as well
            os.pwrite(table, b"\xff" * (4 * page_bytes), start)
            if start:
                os.pwrite(table, pid.to_bytes(4, "little"), start)
            for words in (["stats"], ["stats", "--json"], ["stats", "--prometheus"], ["map"], ["top"]):
                done = run(CAPALLOC, *words, str(pid))
                self.assertIn(done.returncode, statuses, (words, done))
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 3)

    def test_S2_who_may_not_look(self):
        self.assertEqual(run(CAPALLOC, "stats", "99999999").returncode, 1)
        if os.geteuid() != 0 or not os.access(CAPALLOC, os.X_OK):
            self.skipTest("needs another user")
        _, pid = self.start("grow")
        done = run(CAPALLOC, "stats", str(pid), user=65534, extra_groups=[])
        self.assertEqual(done.returncode, 1)
        self.assertIn("its memory may not be read", done.stderr)

    def test_S2_wrong_usage(self):
        for words in (["stats"], ["map"], ["stats", "x"], ["stats", "0"], ["map", "--json", "1"], ["top", "1", "2"]):
            self.assertEqual(run(CAPALLOC, *words).returncode, 125, words)


if __name__ == "__main__":
    unittest.main()
