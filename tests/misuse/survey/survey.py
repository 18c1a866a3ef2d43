#!/usr/bin/env python3
"""What becomes of each misuse of `survey`, under one malloc or several: the tables of docs/hardening.md and README.md.

    survey.py PROGRAM [--seeds N] [--first N] [--jobs N] [--write] [NAME=LIBRARY[,OPTIONS]...]

Without NAME=LIBRARY, the modes of the build folder that PROGRAM lies in. LIBRARY may be empty: the C library's malloc.
--write puts the tables between the lines of these documents that say so.

Four classes, of which each variant (a kind of misuse, done to a small, a medium or a large block) gets the worst that
any seed met:
    killed        the process ended before the misuse was done
    neutralised   it was done and hit nothing of anybody's
    late          it hit, and the process was ended afterwards
    silent        it hit, and nobody noticed

A seed draws the size, the distance, the blocks before and around and how the program goes on. What the library draws is
its own: each run is a process, with randomness from the kernel.
"""
import argparse
import collections
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys

CLASSES = ["killed", "neutralised", "late", "silent"]
DEADLY = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGTRAP}
MEASURES = {"s": "small", "m": "medium", "l": "large"}

# The modes of a build: name -> (library, options).
MODES = {
    "standard": ("libcapalloc-preload.so", ""),
    "`--delay`": ("libcapalloc-preload-revoke.so", "delay=12"),
    "`--revoke`": ("libcapalloc-preload-revoke.so", "revoke"),
    "`--harden`": ("libcapalloc-preload-harden.so", ""),
    "`--harden`, `copy` on": ("libcapalloc-preload-harden.so", "harden=+copy"),
}
HARDENED = "`--harden`"

# Why nobody notices it in the hardened library, by how the name of a misuse begins.
REASONS = {
    "write of a byte at": "it passes over the canary between the two blocks and lands in the other",
    "read of": "a read changes nothing, and nothing between the two blocks forbids it",
    "write to a freed block that is somebody's again": "the block has waited its time and is another's by now: "
                                                       "`--revoke` alone knows that a pointer was left",
}


def variants(program):
    """[(number, measure, name)]"""
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return [(number, measure, line.split("\t")[1])
            for number, line in enumerate(lines) for measure in line.split("\t")[0]]


def classify(status, output, code=""):
    """code: of the library's line, if there is one: where a program aborts by itself, that tells whether it was noticed."""
    said = output.split()
    if status == -signal.SIGALRM:
        return "silent"
    if "passed" not in said:
        if status in DEADLY:
            return "killed"
        raise RuntimeError(f"ended with {status} before the misuse")
    if "nothing" in said:
        return "neutralised"
    if ("end" in said and status == 0) or ("aborts" in said and not code):
        return "silent"
    if status in DEADLY:
        return "late"
    raise RuntimeError(f"ended with {status}, having said {said}")


def run(words, environment):
    """Its status, output and errors. Not by subprocess, which takes as long as the misuse; what is said fits a pipe."""
    pipes = [os.pipe(), os.pipe()]
    child = os.posix_spawn(words[0], words, environment,
                           file_actions=[(os.POSIX_SPAWN_DUP2, pipes[i][1], i + 1) for i in range(2)])
    said = []
    for _, end in pipes:
        os.close(end)
    for end, _ in pipes:
        with open(end, errors="replace", encoding="utf-8") as file:
            said.append(file.read())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), *said


def commit(program, number, measure, seed, library, options=""):
    """The class of one misuse, and the code of the library's line on it, if there is one."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    if library:
        environment["LD_PRELOAD"] = str(library)
    if options:
        environment["CAPALLOC_OPTIONS"] = options
    status, output, errors = run([str(program), str(number), measure, str(seed)], environment)
    line = re.search(r"^capalloc: ([a-z-]+):", errors, re.MULTILINE)
    code = line[1] if line else ""
    kind = classify(status, output, code)
    return kind, code or (signal.Signals(-status).name if status < 0 else "")


class Met:
    """What a variant met with all seeds."""

    def __init__(self, outcomes):
        """outcomes: [(class, code, seed)]"""
        self.seeds = collections.Counter(kind for kind, _, _ in outcomes)
        self.worst = max(self.seeds, key=CLASSES.index)
        _, self.code, self.seed = next(one for one in outcomes if one[0] == self.worst)

    def share(self, kind):
        return self.seeds[kind] / self.seeds.total()


def survey(program, chosen, library, options="", jobs=1):
    """{variant: Met} with each of the seeds."""
    found = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for variant in variants(program):
            met = pool.map(lambda seed, v=variant: (*commit(program, *v[:2], seed, library, options), seed), chosen)
            found[variant] = Met(list(met))
    return found


# --- tables ---

def cell(met):
    """{measure: Met} as the table has it: `killed (overflow)`, or `s: silent, m: neutralised`."""
    said = {measure: one.worst + (f" ({one.code})" if one.worst in ("killed", "late") and one.code else "")
            for measure, one in met.items()}
    words = set(said.values())
    return words.pop() if len(words) == 1 else ", ".join(f"{measure}: {word}" for measure, word in said.items())


def counts(found):
    """[(class, [how many variants, of each mode])]"""
    return [(kind, [sum(one.worst == kind for one in each.values()) for each in found.values()]) for kind in CLASSES]


def headline(found):
    each = next(iter(found.values()))
    yield f"{len({name for _, _, name in each})} kinds, {len(each)} variants:"
    yield ""


def seeds(found):
    return [str(min(met.seeds.total() for met in each.values())) for each in found.values()]


def table(found):
    """A row for each kind, and how many variants ended how."""
    yield from headline(found)
    yield "| misuse | " + " | ".join(found) + " |"
    yield "|---" * (1 + len(found)) + "|"
    for name in dict.fromkeys(name for _, _, name in next(iter(found.values()))):
        cells = [cell({measure: met for (_, measure, its), met in each.items() if its == name})
                 for each in found.values()]
        yield f"| {name} | " + " | ".join(cells) + " |"
    for kind, of_modes in counts(found):
        yield f"| **{kind}** | " + " | ".join(map(str, of_modes)) + " |"
    yield "| **seeds** | " + " | ".join(seeds(found)) + " |"


def shares(each):
    """Of the variants that are not safe whatever the seed: the share of the seeds that met each class."""
    yield "| misuse | block | " + " | ".join(CLASSES) + " | worst seed |"
    yield "|---|---|" + "---:|" * (len(CLASSES) + 1)
    for (_, measure, name), met in each.items():
        if len(met.seeds) > 1 or met.worst in ("late", "silent"):
            cells = [f"{100 * met.share(kind):.1f} %" if met.seeds[kind] else "" for kind in CLASSES]
            yield f"| {name} | {MEASURES[measure]} | " + " | ".join(cells) + f" | {met.seed} |"


def reason(name):
    return next((why for begin, why in REASONS.items() if name.startswith(begin)), "**not known**")


def silent(each):
    """Each misuse that the mode does not notice with its worst seed, and why."""
    blocks = {}
    for (_, measure, name), met in each.items():
        if met.worst == "silent":
            blocks.setdefault(name, []).append(MEASURES[measure])
    for name, measures in blocks.items():
        yield f"- {name} ({', '.join(measures)}): {reason(name)}"


SUMS = {"killed": "ended before it was done", "neutralised": "done, and hit nothing of anybody's",
        "late": "done, and found later", "silent": "nobody noticed"}


def sums(found):
    yield from headline(found)
    yield "| | " + " | ".join(found) + " |"
    yield "|---|" + "---:|" * len(found)
    for kind, of_modes in counts(found):
        yield f"| {SUMS[kind]} | " + " | ".join(map(str, of_modes)) + " |"
    yield "| seeds | " + " | ".join(seeds(found)) + " |"


def part(name):
    return re.compile(rf"(<!-- {name}: begin -->\n)(.*?)(<!-- {name}: end -->\n)", re.DOTALL)


def write(file, name, lines):
    text = file.read_text(encoding="utf-8")
    body = "".join(f"{line}\n" for line in lines)
    file.write_text(part(name).sub(lambda between: between[1] + body + between[3], text), encoding="utf-8")


def write_all(found):
    root = pathlib.Path(__file__).resolve().parents[3]
    write(root / "docs/hardening.md", "survey", table(found))
    write(root / "docs/hardening.md", "survey shares", shares(found[HARDENED]))
    write(root / "docs/hardening.md", "survey silent", silent(found[HARDENED]))
    write(root / "README.md", "survey", sums(found))


def rows(text):
    """The cells of the table that --write left."""
    body = part("survey").search(text)[2].splitlines()
    return [[word.strip() for word in line.strip("|\n ").split("|")] for line in body if line.startswith("| ")]


def documented_seeds(text):
    """As many as every mode met."""
    return min(int(cell) for name, *cells in rows(text) for cell in cells if name == "**seeds**")


def documented(text):
    """{mode: {(name, measure): class}} of it."""
    lines = rows(text)
    modes = {mode: {} for mode in lines[0][1:]}
    for name, *cells in lines[1:]:
        for mode, said in zip(modes, cells):
            for word in said.split(", "):
                measure, _, kind = word.rpartition(": ")
                for one in measure or "sml":
                    modes[mode][name, one] = kind.split(" ")[0]
    return modes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("modes", nargs="*", metavar="NAME=LIBRARY[,OPTIONS]")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    build = arguments.program.resolve().parents[2]
    modes = {name: (build / library, options) for name, (library, options) in MODES.items()}
    if arguments.modes:
        stated = [mode.split("=", 1) for mode in arguments.modes]
        modes = {name: (library.partition(",")[0], library.partition(",")[2]) for name, library in stated}
    if arguments.write and arguments.modes:
        parser.error("the documents have the modes of the build")
    for library, _ in modes.values():
        if library and not os.path.exists(library):
            parser.error(f"{library} is not there")
    chosen = range(arguments.first, arguments.first + arguments.seeds)
    found = {}
    for name, way in modes.items():
        print(f"{name} ...", file=sys.stderr)
        found[name] = survey(arguments.program, chosen, *way, arguments.jobs)
    print("\n".join(table(found)))
    for name, each in found.items():
        print(f"\n{name}, seeds {chosen.start} to {chosen.stop - 1}:\n\n" + "\n".join(shares(each)))
    if arguments.write:
        write_all(found)


if __name__ == "__main__":
    main()
