#!/usr/bin/env python3
"""test_secrets.py PROGRAM: stops hooks_secrets after each step, takes a core file with gcore, and looks for the
passphrase and the key. As it is meant, no core file has either; with each of the usual habits, some have. Status 77: no gcore, or it may not."""
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tempfile

program = sys.argv[1]
PASSPHRASE = b"correct horse battery staple 7f3a"
KEY = hashlib.pbkdf2_hmac("sha256", PASSPHRASE, b"salt", 10000, 32)
STAGES = ("passphrase", "key", "in use", "used", "gone")


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(77)


def found_in_cores(*words):
    """What was found at which stage."""
    found = []
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        process.stdin.write(PASSPHRASE + b"\n")
        for stage in STAGES:
            line = process.stdout.readline().decode().strip()
            if line != stage:
                sys.exit(f"{words}: {line!r} where {stage!r} was due")
            done = subprocess.run(["gcore", "-o", f"{folder}/core", str(process.pid)], capture_output=True, text=True)
            cores = list(pathlib.Path(folder).glob("core.*"))
            if not cores:
                process.kill()
                skip(f"gcore: {done.stderr.strip()[-200:]}")
            core = cores[0].read_bytes()
            cores[0].unlink()
            found += [(what, stage) for what, bytes_ in (("passphrase", PASSPHRASE), ("key", KEY)) if bytes_ in core]
            process.stdin.write(b"\n")
        process.stdin.close()
        if process.wait(timeout=60) != 0:
            sys.exit(f"{words}: status {process.returncode}")
    print(f"{' '.join(words) or 'as it is meant'}: {', '.join(f'{what} at {stage!r}' for what, stage in found) or 'nothing'}")
    return found


if shutil.which("gcore") is None:
    skip("no gcore: install gdb")
failures = []
if meant := found_in_cores():
    failures.append(f"a core file holds {meant}")
for words, must in (
        (["malloc"], {("passphrase", "passphrase"), ("key", "key")}),
        (["openssl-malloc"], {("key", "in use"), ("key", "used")}),
        (["stdio"], {("passphrase", "passphrase"), ("passphrase", "gone")})):
    if missing := must - set(found_in_cores(*words)):
        failures.append(f"with {words}, {missing} was not found: this test sees nothing")
print("\n".join(failures))
sys.exit(bool(failures))
