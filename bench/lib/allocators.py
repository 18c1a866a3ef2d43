"""Which allocators there are, and the proof that one is really in use.

A harness that preloads a library without a malloc measures glibc and never notices. So nothing is measured before
check() has seen, inside a process, which file serves each function of the malloc family.
"""
import glob
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = f"/usr/lib/{os.uname().machine}-linux-gnu"
PEERS = {
    "glibc": f"{LIBRARIES}/libc.so.6",  # preloaded too: some programs (redis) bring another malloc of their own
    "mimalloc": f"{LIBRARIES}/libmimalloc.so.2.0",
    "jemalloc": f"{LIBRARIES}/libjemalloc.so.2",
    "tcmalloc": f"{LIBRARIES}/libtcmalloc_minimal.so.4",
}
MORE = "CAPALLOC_BENCH_PEERS"  # NAME=PATH,...: further peers
for _item in filter(None, os.environ.get(MORE, "").split(",")):
    _name, _, _path = _item.partition("=")
    if not os.path.exists(_path) or _name == "ours":
        raise SystemExit(f"{MORE}: {_item!r} is not NAME=PATH of a file")
    PEERS[_name] = os.path.abspath(_path)
OURS = ROOT / "build/release/libcapalloc-preload.so"


class NotInUse(Exception):
    """The allocator would not be what is measured."""


def select(text, ours=OURS):
    """'ours,mimalloc' or 'a=/path/a.so,b=/path/b.so' as an ordered dict of name -> path; the first is compared."""
    chosen = {}
    installed = [name for name in PEERS if os.path.exists(PEERS[name])]
    if not text and len(installed) < len(PEERS):
        print(f"left out, not installed: {', '.join(PEERS.keys() - installed)}", file=sys.stderr)
    for item in (text or ",".join(["ours", *installed])).split(","):
        name, _, path = item.partition("=")
        chosen[name] = path or str(ours if name == "ours" else PEERS.get(name, ""))
        if not chosen[name]:
            raise SystemExit(f"unknown allocator {name!r}: known are ours, {', '.join(PEERS)}, or NAME=PATH")
        if not os.path.exists(chosen[name]):
            raise SystemExit(f"{name}: no file {chosen[name]}")
        chosen[name] = os.path.realpath(chosen[name])
    return chosen


def binaries(given=None):
    """The folder of the compiled workloads: the release build's, or that of a build of bench/ alone."""
    for folder in [given] if given else [ROOT / "build/release/bench", ROOT / "build/bench"]:
        if (Path(folder) / "workloads").exists():
            return Path(folder)
    raise SystemExit("no compiled workloads: cmake --preset release && cmake --build --preset release; "
                     "or, for other libraries than this one, cmake -S bench -B build/bench && cmake --build build/bench")


def check(library, bin_dir, probe="probe"):
    """Every function of the malloc family must come from library."""
    done = subprocess.run([bin_dir / probe], env=os.environ | {"LD_PRELOAD": library}, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0 or not done.stdout or "LD_PRELOAD" in done.stderr:
        raise NotInUse(f"{library}: probe failed ({done.returncode}) {done.stderr.strip()}")
    for function, file in (line.split(" ", 1) for line in done.stdout.splitlines()):
        if os.path.realpath(file) != library:
            raise NotInUse(f"{function} comes from {file}, not from {library}")


def check_program(program, library):
    """The loader must put library before all others in program, and program must not bring a malloc of its own.

    Asked of the loader itself with --list, which maps the program without running it and refuses a static one."""
    loader = glob.glob("/lib64/ld-linux-*.so.*") + glob.glob("/lib/ld-linux-*.so.*")
    done = subprocess.run([loader[0], "--preload", library, "--list", program], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    files = [line.split(" (0x")[0].split("=> ")[-1].strip() for line in done.stdout.splitlines()]
    files = [file for file in files if file.startswith("/")]
    if done.returncode != 0 or not files or os.path.realpath(files[0]) != library:
        raise NotInUse(f"{program} would not use {library}: {done.stdout.strip().splitlines()[:1]}")
    symbols = subprocess.run(["nm", "-D", "--defined-only", program], text=True, stdout=subprocess.PIPE).stdout
    if any(line.split()[-1].split("@")[0] == "malloc" for line in symbols.splitlines()):
        raise NotInUse(f"{program} has a malloc of its own")


def self_test(bin_dir):
    """The checks must be able to fail: a static program, a library without a malloc."""
    static = str(bin_dir / "probe_static")
    no_malloc = os.path.realpath(f"{LIBRARIES}/libm.so.6")
    for what, attempt in {
        "static program": lambda: check(os.path.realpath(PEERS["glibc"]), bin_dir, "probe_static"),
        "static program, asked of the loader": lambda: check_program(static, os.path.realpath(PEERS["glibc"])),
        "library without malloc": lambda: check(no_malloc, bin_dir),
    }.items():
        try:
            attempt()
        except NotInUse:
            continue
        raise SystemExit(f"the check that an allocator is in use did not notice: {what}")
