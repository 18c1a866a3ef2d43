"""Runs one program once, through the launcher that knows the peak memory of its child alone."""
import os
import re
import subprocess
from collections import namedtuple

Sample = namedtuple("Sample", "ns cpu_ns kib")  # wall time, user + system time, peak resident memory


said = ""  # what the last program wrote to stderr


class Failed(Exception):
    """A measured program did not succeed."""


def self_test(bin_dir):
    """An empty program must seem small, else it is the launcher's or python's memory that is measured."""
    kib = run(bin_dir, [bin_dir / "empty"])[0].kib
    if not 100 < kib < 4096:
        raise Failed(f"an empty program seems to need {kib} KiB")


def run(bin_dir, argv, preload=None, env=()):
    """(Sample, stdout). A program that prints 'ns=' times itself; of others the whole run counts."""
    global said
    variables = [*env, *([f"LD_PRELOAD={preload}"] if preload else [])]
    read, write = os.pipe()
    with os.fdopen(read) as pipe:
        command = [bin_dir / "measure", write, *(word for v in variables for word in ("-e", v)), *argv]
        child = subprocess.run([str(word) for word in command], pass_fds=[write], text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(write)
        result = pipe.read().split()
    if len(result) != 5 or result[4] != "0":
        raise Failed(f"{' '.join(map(str, argv))} with {preload}: status {result[4:] or child.returncode}\n"
                     + child.stderr[-2000:])
    wall, user, system, kib = map(int, result[:4])
    said = child.stderr
    own = re.search(r"\bns=(\d+)", child.stdout)
    return Sample(int(own[1]) if own else wall, user + system, kib), child.stdout
