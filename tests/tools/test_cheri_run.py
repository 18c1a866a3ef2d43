#!/usr/bin/env python3
"""tools/test-cheri can pass and fail: its emulator is a script that prints what the test wants."""
import os
import pathlib
import subprocess
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/test-cheri"
FIRST = "capalloc: cases on CHERI-RISC-V"
SOFT = ["root: v=1 a=0", "bounds: l=10 v=1 l=11 v=0", "perms: p=7d"]


def serial(lines, count=None):
    """What the image prints when its cases print `lines`."""
    return [FIRST, *lines, f"end: cases={len(lines) if count is None else count:x}"]


class Run(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def script(self, name, lines, before="", end="\n", status=0):
        text = self.folder / (name + ".txt")
        text.write_text("".join(line + end for line in lines), newline="")
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{before}\ncat '{text}'\nexit {status}\n")
        path.chmod(0o755)
        return path

    def run_tool(self, emulator, *options, by_environment=True):
        environment = {name: value for name, value in os.environ.items() if name != "CAPALLOC_CHERI_QEMU"}
        if emulator is not None and by_environment:
            environment["CAPALLOC_CHERI_QEMU"] = str(emulator)
        done = subprocess.run([TOOL, "--image", "IMAGE", "--lines", self.script("soft", SOFT), *options], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, env=environment)
        return done.returncode, done.stdout

    def test_same_lines(self):
        asks = '[ "$*" = "-M virt -bios none -nographic -kernel IMAGE" ] || exit 9'
        emulator = self.script("qemu", ["some firmware", *serial(SOFT), "power off"], before=asks)
        self.assertEqual(self.run_tool(emulator), (0, "3 cases, 0 differ\n"))
        self.assertEqual(self.run_tool(None, "--emulator", str(emulator))[0], 0)
        self.assertEqual(self.run_tool(self.script("crlf", serial(SOFT), end="\r\n"))[0], 0)

    def test_messages_of_the_emulator(self):
        """They are not among the lines, even where they cut one in two; they are shown when something is broken."""
        lines = "\n".join(f"printf 'noise' >&2; echo '{line}'" for line in serial(SOFT))
        self.assertEqual(self.run_tool(self.script("qemu", [], before=lines)), (0, "3 cases, 0 differ\n"))
        status, output = self.run_tool(self.script("broken", [], before="echo 'cannot load IMAGE' >&2", status=1))
        self.assertEqual(status, 1)
        self.assertIn("cannot load IMAGE", output)

    def test_one_altered_line(self):
        altered = [SOFT[0], "bounds: l=10 v=1 l=12 v=0", SOFT[2]]
        status, output = self.run_tool(self.script("qemu", serial(altered)))
        self.assertEqual(status, 1)
        self.assertIn("bounds: word 3: soft l=11, emulator l=12; 1 of 5 words differ", output)
        self.assertIn("3 cases, 1 differ", output)
        self.assertNotIn("root", output)

    def test_a_word_more_or_less(self):
        for altered in ("perms:", "perms: p=7d x=1", ""):
            status, output = self.run_tool(self.script("qemu", serial([*SOFT[:2], altered])))
            self.assertEqual(status, 1, altered)
            self.assertIn("3 cases, 1 differ", output)

    def test_a_case_more_or_less(self):
        for lines in (SOFT[:2], [*SOFT, "more: x=1"]):
            status, output = self.run_tool(self.script("qemu", serial(lines)))
            self.assertEqual(status, 1)
            self.assertIn("older", output)

    def test_lost_lines(self):
        status, output = self.run_tool(self.script("qemu", serial(SOFT[:2], count=3)))
        self.assertEqual(status, 1)
        self.assertIn("2 lines arrived", output)

    def test_trap(self):
        status, output = self.run_tool(self.script("qemu", [FIRST, SOFT[0], "trap: cause=2"], status=1))
        self.assertEqual(status, 1)
        self.assertIn("trap: cause=2", output)
        self.assertIn("exit status 1", output)
        self.assertEqual(self.run_tool(self.script("late", serial(SOFT), status=1))[0], 1)

    def test_no_image(self):
        status, output = self.run_tool(self.script("qemu", ["cannot load IMAGE"], status=1))
        self.assertEqual(status, 1)
        self.assertIn("cannot load IMAGE", output)

    def test_endless(self):
        endless = self.script("qemu", [], before=f"echo '{FIRST}'\nexec sleep 30")
        status, output = self.run_tool(endless, "--timeout", "1")
        self.assertEqual(status, 1)
        self.assertIn("does not end", output)

    def test_no_such_emulator(self):
        status, output = self.run_tool(self.folder / "nowhere")
        self.assertEqual(status, 1)
        self.assertIn("No such file", output)

    def test_none_named(self):
        for emulator in (None, ""):
            status, output = self.run_tool(emulator)
            self.assertEqual((status, output.count("\n")), (2, 1))
            self.assertIn("CAPALLOC_CHERI_QEMU", output)


if __name__ == "__main__":
    unittest.main()
