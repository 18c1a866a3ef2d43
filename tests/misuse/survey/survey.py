#!/usr/bin/env python3
"""What becomes of each misuse of `survey`, under one malloc or several: a table for docs/hardening.md.

    survey.py PROGRAM [--seeds N] [--first N] [--write FILE] NAME=LIBRARY[,OPTIONS]...

LIBRARY may be empty: the C library's malloc. --write puts the table into FILE, between the two lines that say survey.

Four classes, of which each variant (a kind of misuse, done to a small, a medium or a large block) gets the worst that any
seed met:
    killed        the process ended before the misuse was done
    neutralised   it was done and hit nothing of anybody's
    late          it hit, and the process was ended afterwards
    silent        it hit, and nobody noticed
"""
import argparse
import os
import pathlib
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


def cell(met):
    """{measure: (class, code)} as the table has it: `killed (overflow)`, or `s: silent, m: neutralised`."""
    said = {measure: kind + (f" ({code})" if kind in ("killed", "late") and code else "")
            for measure, (kind, code) in met.items()}
    words = set(said.values())
    return words.pop() if len(words) == 1 else ", ".join(f"{measure}: {word}" for measure, word in said.items())


def table(found):
    """The lines: a row for each kind, and how many variants ended how."""
    yield "| misuse | " + " | ".join(found) + " |"
    yield "|---" * (1 + len(found)) + "|"
    for name in dict.fromkeys(name for _, _, name in next(iter(found.values()))):
        cells = [cell({measure: result[:2] for (_, measure, its), result in each.items() if its == name})
                 for each in found.values()]
        yield f"| {name} | " + " | ".join(cells) + " |"
    for kind in CLASSES:
        counts = [str(sum(result[0] == kind for result in each.values())) for each in found.values()]
        yield f"| **{kind}** | " + " | ".join(counts) + " |"


def documented(text):
    """{mode: {(name, measure): class}} of a table that --write left."""
    lines = [[word.strip() for word in line.strip("|\n ").split("|")] for line in BETWEEN.search(text)[2].splitlines()
             if line.startswith("| ")]
    modes = {mode: {} for mode in lines[0][1:]}
    for name, *cells in lines[1:]:
        for mode, said in zip(modes, cells):
            for part in said.split(", "):
                measure, _, kind = part.rpartition(": ")
                for one in measure or "sml":
                    modes[mode][name, one] = kind.split(" ")[0]
    return modes


BETWEEN = re.compile(r"(<!-- survey: begin -->\n)(.*?)(<!-- survey: end -->\n)", re.DOTALL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("modes", nargs="+", metavar="NAME=LIBRARY[,OPTIONS]")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--write", metavar="FILE")
    arguments = parser.parse_args()
    found = {}
    for mode in arguments.modes:
        name, library = mode.split("=", 1)
        library, _, options = library.partition(",")
        if library and not os.path.exists(library):
            sys.exit(f"survey.py: {library} is not there")
        found[name] = survey(arguments.program, range(arguments.first, arguments.first + arguments.seeds), library, options)
    lines = "".join(f"{line}\n" for line in table(found))
    print(lines, end="")
    if arguments.write:
        text = pathlib.Path(arguments.write).read_text(encoding="utf-8")
        pathlib.Path(arguments.write).write_text(BETWEEN.sub(lambda between: between[1] + lines + between[3], text),
                                                 encoding="utf-8")
    for name, each in found.items():
        luck = [f"{v[2]} ({v[1]}): {one[0]} with {one[2]}, first {one[3]}" for v, one in each.items()
                if one[2] != arguments.seeds]
        print(f"\n{name}: the worst of {arguments.seeds} seeds is not that of all of them at {len(luck)} variants"
              + "".join(f"\n- {line}" for line in luck))


if __name__ == "__main__":
    main()
