#!/usr/bin/env python3
"""What becomes of each misuse of `survey`, under one malloc or several: a table for docs/hardening.md.

    survey.py PROGRAM [--seeds N] [--first N] NAME=LIBRARY[,OPTIONS]...      LIBRARY may be empty: the C library's

Four classes, of which each variant (a kind of misuse, done to a small, a medium or a large block) gets the worst that any
seed met:
    killed        the process ended before the misuse was done
    neutralised   it was done and hit nothing of anybody's
    late          it hit, and the process was ended afterwards
    silent        it hit, and nobody noticed
"""
import argparse
import os
import re
import signal
import subprocess
import sys

CLASSES = ["killed", "neutralised", "late", "silent"]
DEADLY = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGTRAP}


def variants(program):
    """[(number, measure, name)]"""
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return [(number, measure, line.split("\t")[1])
            for number, line in enumerate(lines) for measure in line.split("\t")[0]]


def classify(status, output):
    said = output.split()
    if "passed" not in said:
        if status in DEADLY:
            return "killed"
        raise RuntimeError(f"ended with {status} before the misuse")
    if "nothing" in said:
        return "neutralised"
    if "end" in said and status == 0:
        return "silent"
    if status in DEADLY:
        return "late"
    raise RuntimeError(f"ended with {status}, having said {said}")


def commit(program, number, measure, seed, library, options=""):
    """The class of one misuse, and the code of the library's line on it, if there is one."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    if library:
        environment["LD_PRELOAD"] = library
    if options:
        environment["CAPALLOC_OPTIONS"] = options
    try:
        done = subprocess.run([program, str(number), measure, str(seed)], env=environment, capture_output=True, text=True,
                              errors="replace", timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "silent", "hangs"
    line = re.search(r"^capalloc: ([a-z-]+):", done.stderr, re.MULTILINE)
    code = line[1] if line else signal.Signals(-done.returncode).name if done.returncode < 0 else ""
    return classify(done.returncode, done.stdout), code


def survey(program, seeds, library, options=""):
    """{variant: (worst class, the code that went with it, how many seeds met it, the first of them)}"""
    found = {}
    for variant in variants(program):
        met = [(*commit(program, *variant[:2], seed, library, options), seed) for seed in seeds]
        worst = max(CLASSES.index(kind) for kind, _, _ in met)
        same = [(code, seed) for kind, code, seed in met if CLASSES.index(kind) == worst]
        found[variant] = (CLASSES[worst], same[0][0], len(same), same[0][1])
    return found


def rows(found):
    """Rows by kind: what each mode does to small, medium and large blocks."""
    modes = list(found)
    names = list(dict.fromkeys(name for _, _, name in found[modes[0]]))
    for name in names:
        cells = []
        for mode in modes:
            met = {measure: (kind, code) for (_, measure, its), (kind, code, _, _) in found[mode].items() if its == name}
            said = [kind + (f" ({code})" if kind in ("killed", "late") and code else "") for kind, code in met.values()]
            cells.append(said[0] if len(set(said)) == 1 else ", ".join(f"{m}: {s}" for m, s in zip(met, said)))
        yield [name, *cells]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("modes", nargs="+", metavar="NAME=LIBRARY[,OPTIONS]")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    arguments = parser.parse_args()
    found = {}
    for mode in arguments.modes:
        name, library = mode.split("=", 1)
        library, _, options = library.partition(",")
        if library and not os.path.exists(library):
            sys.exit(f"survey.py: {library} is not there")
        found[name] = survey(arguments.program, range(arguments.first, arguments.first + arguments.seeds), library, options)
    print("| misuse |", " | ".join(found), "|\n|---" * (len(found) > 0) + "|---" * len(found) + "|", sep="")
    for row in rows(found):
        print("|", " | ".join(row), "|")
    for kind in CLASSES:
        print("|", " | ".join([f"**{kind}**", *(str(sum(one[0] == kind for one in each.values())) for each in found.values())]),
              "|")
    for name, each in found.items():
        luck = [f"{v[2]} ({v[1]}): {one[0]} with {one[2]}, first {one[3]}" for v, one in each.items()
                if one[2] != arguments.seeds]
        print(f"\n{name}: the worst of {arguments.seeds} seeds is not that of all of them at {len(luck)} variants"
              + "".join(f"\n- {line}" for line in luck))


if __name__ == "__main__":
    main()
