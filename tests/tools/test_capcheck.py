#!/usr/bin/env python3
"""tools/capcheck: known answers, one answer for each line whatever the line is, and an exit status that tells. CAPCHECK
names the program to test; otherwise the script does, which builds it."""
import os
import pathlib
import random
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CAPCHECK", str(ROOT / "tools/capcheck"))
WHOLE = "10000000000000000"
RAW_NULL = 0x00001ffffc018004


def run(text, *options):
    """Input (str or bytes) -> exit status, lines of output."""
    data = text if isinstance(text, bytes) else text.encode()
    done = subprocess.run([PROGRAM, *options], input=data, stdout=subprocess.PIPE, timeout=60)
    output = done.stdout.decode()
    assert output == "" or output.endswith("\n"), output
    return done.returncode, output.splitlines()


class Answers(unittest.TestCase):
    def check(self, cases, *options):
        status, lines = run("".join(f"{question}\n" for question, _ in cases), *options)
        self.assertEqual(lines, [answer for _, answer in cases])
        self.assertEqual(status, 0)

    def test_version_9(self):
        self.check([
            (f"setbounds 0 {WHOLE}", f"0x0 0x{WHOLE} 1 0xffff000000000000"),
            ("setbounds 0 0", "0x0 0x0 1 0xffff000004018004"),
            ("setbounds 7 10000000", "0x0 0x10080000 0 0xffff000000030004"),
            ("setbounds ffffffffff000000 ffffff", f"0xffffffffff000000 0x{WHOLE} 0 0xffff00000001f000"),
            ("setbounds 0x160600000 0x300000", "0x160600000 0x160900000 1 0xffff00000201f005"),
            ("setbounds fffffffffffff934 cb1", "0xfffffffffffff934 0x100000000000005e5 0 0xffff00000578f930"),
            (f"setbounds 1 {WHOLE}", "0x0 0x10080000000000000 0 0xffff000000020000"),
            ("decode 0 0", f"0x0 0x{WHOLE} 1 0x0"),
            ("decode 2000 1", "0x0 0x10000000000000000 0 0x2000"),
            ("crrl 0", "0x0"), ("crrl fff", "0xfff"), ("crrl 1001", "0x1008"), ("crrl f4240", "0xf4400"),
            ("crrl ffffffffffffffff", "0x0"),
            ("cram fff", "0xffffffffffffffff"), ("cram 1000", "0xfffffffffffffff8"),
            ("cram ffffffffffffffff", "0xff80000000000000"),
            ("setaddr 0 1 ffffffffffffffff", f"0x0 0x{WHOLE} 1 0x0"),
        ])

    def test_raw(self):
        self.check([
            (f"decode {RAW_NULL:x} 5", f"0x0 0x{WHOLE} 1 0x{RAW_NULL:x}"),
            ("decode ffff1ffffffe7ffb ffff002d02013ff6", "0xffff002d01ffc000 0xffff002d027fc000 1 0xffff1ffffffe7ffb"),
            ("decode ffff1ffffffe7ffb 0", "0xffffffffffffc000 0x100000000007fc000 1 0xffff1ffffffe7ffb"),
            ("setaddr ffff1ffffffe7ffb ffff002d02013ff6 0",
             "0xffffffffffffc000 0x100000000007fc000 0 0xffff1ffffffe7ffb"),
            ("setaddr ffff1ffffffe7ffb ffff002d02013ff6 ffff002d027fc000",
             "0xffff002d01ffc000 0xffff002d027fc000 1 0xffff1ffffffe7ffb"),
            (f"setbounds 0 {WHOLE}", f"0x0 0x{WHOLE} 1 0xffff1ffffc018004"),
        ], "--raw")

    def test_morello(self):
        cases = [
            (f"setbounds 0 {WHOLE}", f"0x0 0x{WHOLE} 1 0xffffc00000010005"),
            ("decode 0 123", f"0x0 0x{WHOLE} 1 0x0"),
            ("crrl 4001", "0x4008"), ("crrl f4240", "0xf4300"), ("cram 4000", "0xfffffffffffffff8"),
            ("setbounds ff00000000000944 10", "0x944 0x954 0 0xffffc00049540944"),
        ]
        self.check(cases, "--morello")
        self.check(cases, "--morello", "--raw")
        self.check(cases, "-mr")

    def test_spelling_of_numbers(self):
        status, lines = run("crrl 1001\ncrrl 0x1001\ncrrl 0X1001\n  crrl\t 0001001  \ncrrl 000000000000000000000001001\n"
                            "cram ABCDEF\ncram abcdef\n")
        self.assertEqual((status, lines[:5]), (0, ["0x1008"] * 5))
        self.assertEqual(lines[5], lines[6])

    def test_agreement_of_operations(self):
        """What setbounds made, decode and setaddr read the same way; crrl and cram foretell exactness."""
        draw = random.Random(20)
        wanted = [(draw.getrandbits(64) >> draw.randrange(64), draw.getrandbits(64) >> draw.randrange(1, 64))
                  for _ in range(5000)]
        wanted = [(a, n) for a, n in wanted if a + n < 1 << 63]
        _, made = run("".join(f"setbounds {a:x} {n:x}\n" for a, n in wanted))
        _, read = run("".join(f"decode {m.split()[3]} {a:x}\n" for (a, _), m in zip(wanted, made)))
        _, kept = run("".join(f"setaddr {m.split()[3]} {a:x} {m.split()[0]}\n" for (a, _), m in zip(wanted, made)))
        for (a, n), m, r, k in zip(wanted, made, read, kept, strict=True):
            base, top, exact, _ = (int(word, 16) for word in m.split())
            self.assertTrue(base <= a and a + n <= top)
            self.assertEqual(exact, int(base == a and top == a + n))
            self.assertEqual(r.split()[:2], m.split()[:2])
            self.assertEqual(k.split()[:3], m.split()[:2] + ["1"] if n else k.split()[:3])
        _, length = run("".join(f"crrl {n:x}\n" for _, n in wanted))
        _, mask = run("".join(f"cram {n:x}\n" for _, n in wanted))
        _, again = run("".join(f"setbounds {a & int(m, 16):x} {n}\n" for (a, _), m, n in zip(wanted, mask, length)))
        self.assertEqual({line.split()[2] for line in again}, {"1"})


class BadLines(unittest.TestCase):
    def test_every_line_is_answered(self):
        bad = ["", "   ", "nonsense", "crrl", "crrl 1 2", "crrl x", "crrl 0x", "crrl -1", "crrl 1,2", "CRRL 1", "crrl 1g",
               "setbounds 1", "setbounds 1 2 3", f"setbounds {WHOLE} 0", "setbounds 0 10000000000000001", f"crrl {WHOLE}",
               "decode 1", f"setaddr 0 0 {WHOLE}", "crrl 99999999999999999999", "crrl1", "crrl \0", "crrl 1 # no",
               "crrl \u00e9", "crrl " + "0" * 600 + "1", "x" * 200000]
        for line in bad:
            status, lines = run(f"crrl 1\n{line}\ncrrl 2\n")
            self.assertEqual((status, len(lines), lines[0], lines[2]), (2, 3, "0x1", "0x2"), line[:40])
            self.assertRegex(lines[1], "^error: [a-z]", line[:40])
        status, lines = run("\n".join(bad) + "\n")
        self.assertEqual((status, len(lines)), (2, len(bad)))

    def test_ends_of_lines(self):
        self.assertEqual(run("crrl 1\r\ncrrl 2\r\n"), (0, ["0x1", "0x2"]))
        self.assertEqual(run("crrl 1\ncrrl 2"), (0, ["0x1", "0x2"]))
        self.assertEqual(run("crrl 1\ncrrl"), (2, ["0x1", "error: too few numbers"]))
        self.assertEqual(run("\r\n"), (2, ["error: empty line"]))
        self.assertEqual(run("x" * 1000), (2, ["error: line too long"]))
        self.assertEqual(run(""), (0, []))

    def test_lines_across_buffers(self):
        """Long input in pieces of every size: no answer is lost at the border of a buffer."""
        for padding in (0, 1, 7, 100, 500):
            text = "".join(f"crrl {' ' * padding}{n:x}\n" for n in range(3000))
            self.assertEqual(run(text), (0, [f"0x{n:x}" for n in range(3000)]))
        status, lines = run(("x" * 70000 + "\ncrrl 5\n") * 20)
        self.assertEqual((status, lines), (2, ["error: line too long", "0x5"] * 20))


class Program(unittest.TestCase):
    def test_conversation(self):
        """An answer comes before the next question is asked."""
        with subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as program:
            for n in (1, 4097, 5):
                program.stdin.write(f"crrl {n:x}\n")
                self.assertEqual(int(program.stdout.readline(), 16), 4104 if n == 4097 else n)
            program.stdin.close()
            self.assertEqual(program.wait(10), 0)

    def test_help_and_options(self):
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=10)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for word in ("setbounds", "decode", "setaddr", "crrl", "cram", "--raw", "--morello", "Exit status"):
            self.assertIn(word, done.stdout)
        for wrong in (["--nonsense"], ["operand"]):
            done = subprocess.run([PROGRAM, *wrong], capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertNotEqual(done.stderr, "")

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM], input=b"crrl 1\n", stdout=full, stderr=subprocess.PIPE, timeout=10)
        self.assertEqual(done.returncode, 1)

    @unittest.skipUnless("CAPCHECK" in os.environ, "needs a built program")
    def test_script(self):
        """The script runs the program that is already built, from any directory and through a link."""
        environment = os.environ | {"CAPALLOC_BUILD": str(pathlib.Path(PROGRAM).parent)}
        done = subprocess.run([ROOT / "tools/capcheck", "--morello"], input="crrl 4001\n", capture_output=True, text=True,
                              cwd="/", env=environment, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (0, "0x4008\n"))


if __name__ == "__main__":
    unittest.main()
