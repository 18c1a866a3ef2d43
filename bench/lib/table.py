"""From runs to ratios, and from ratios to text: the table, the ranking, where ours loses, the goals."""
import math
import os
import platform
import re
import statistics
from datetime import date
from pathlib import Path

import interval
from allocators import PEERS
from workloads import WORKLOADS

KINDS = ("time", "memory")


def geomean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


class Result:
    """ratio[kind][peer][workload] = ratios of the first allocator to peer, one a round."""

    def __init__(self, runs, workloads, names, clock="wall"):
        self.workloads, self.names, self.ours, self.peers = workloads, names, names[0], names[1:]
        self.value = {}
        for number, workload, name, ns, cpu_ns, kib in runs:
            self.value["time", workload, name, number] = ns if clock == "wall" else cpu_ns
            self.value["memory", workload, name, number] = kib
        self.rounds = sorted({number for number, *_ in runs})
        self.median = {(kind, w, name): statistics.median(self.value[kind, w, name, i] for i in self.rounds)
                       for kind in KINDS for w in workloads for name in names}
        self.ratio = {kind: {peer: {w: [self.value[kind, w, self.ours, i] / self.value[kind, w, peer, i]
                                        for i in self.rounds]
                                    for w in workloads} for peer in self.peers} for kind in KINDS}
        # Other builds of ours among the peers are no rivals, unless there is nothing else.
        self.rivals = [peer for peer in self.peers if peer in PEERS] or self.peers

    def spread(self, kind, peer, workload):
        return interval.spread(self.ratio[kind][peer][workload])

    def middle(self, kind, peer, workload):
        return statistics.median(self.ratio[kind][peer][workload])

    def mean(self, kind, peer, workloads=None):
        return geomean([self.middle(kind, peer, w) for w in workloads or self.workloads])

    def best(self):
        """The peer with the lowest geometric mean of time: the one ours looks worst against."""
        return max(self.rivals, key=lambda peer: self.mean("time", peer))

    def best_for(self, kind, workload):
        """The peer that ours looks worst against in this workload."""
        return max(self.rivals, key=lambda peer: self.middle(kind, peer, workload))

    def mean_to_best(self, kind, workloads):
        return geomean([self.middle(kind, self.best_for(kind, w), w) for w in workloads])

    def worst(self, kind, peers):
        """(ratio, workload, peer) of the workload where ours is worst against the best of peers for that workload."""
        return max((max((self.middle(kind, peer, w), w, peer) for peer in peers) for w in self.workloads))

    def ranking(self, kind):
        """[(name, spread)], best first: the geometric mean over all workloads in each round, as a multiple of that of
        the best allocator in the same round."""
        score = {name: [geomean([self.value[kind, w, name, i] for w in self.workloads]) for i in self.rounds]
                 for name in self.names}
        order = sorted(self.names, key=lambda name: statistics.median(
            mine / ours for mine, ours in zip(score[name], score[self.ours])))
        return [(name, interval.spread([mine / first for mine, first in zip(score[name], score[order[0]])]))
                for name in order]

    def verdicts(self, kind):
        """(loses, open, wins): workloads by whether the interval of ours / best peer is above 1, holds it, is below."""
        found = ([], [], [])
        for w in self.workloads:
            s = self.spread(kind, self.best_for(kind, w), w)
            found[0 if s.low > 1 else 2 if s.high < 1 else 1].append((w, s))
        return found


def duration(ns):
    return f"{ns / 1e6:.0f} ms" if ns >= 1e7 else f"{ns / 1e6:.2f} ms"


def rows(result):
    """The table: a heading and rows of cells; the last rows hold the geometric means."""
    head = ["workload", "time", "peak MiB", *(["time/best peer", "memory/best peer"] if result.peers else []),
            *(f"time/{p}" for p in result.peers), *(f"mem/{p}" for p in result.peers)]
    body = []
    for w in result.workloads:
        row = [w, duration(result.median["time", w, result.ours]),
               f"{result.median['memory', w, result.ours] / 1024:.1f}"]
        for kind in KINDS if result.peers else ():
            peer = result.best_for(kind, w)
            row.append(f"{interval.text(result.spread(kind, peer, w))} {peer}")
        row += [interval.text(result.spread("time", peer, w)) for peer in result.peers]
        body.append(row + [f"{result.middle('memory', peer, w):.2f}" for peer in result.peers])
    synthetic = [w for w in result.workloads if w in WORKLOADS]
    real = [w for w in result.workloads if w not in WORKLOADS]
    for what, some in (("synthetic", synthetic), ("programs", real), ("geometric mean", result.workloads)):
        if some and result.peers and (what == "geometric mean" or synthetic and real):
            body.append([what, "", "", *(f"{result.mean_to_best(kind, some):.3f}" for kind in KINDS),
                         *(f"{result.mean(kind, p, some):.3f}" for kind in KINDS for p in result.peers)])
    return head, body


def ranking(result):
    """Lines: the allocators from best to worst, in time and in memory, and how often each is the best."""
    lines = []
    for kind, what in zip(KINDS, ("time", "peak memory")):
        first = {name: 0 for name in result.names}
        for w in result.workloads:
            first[min(result.names, key=lambda name: result.median[kind, w, name])] += 1
        places = "; ".join(f"{place}. {name} {interval.text(s)}, best of all on {first[name]}"
                           for place, (name, s) in enumerate(result.ranking(kind), 1))
        lines.append(f"ranking by {what}, geometric mean over {len(result.workloads)} workloads as a multiple of the "
                     f"first: {places}")
    return lines


def losses(result, most=None):
    """Lines: every workload on which ours is behind the best peer for that workload, the worst first; or so many."""
    def listed(kind, some):
        some = sorted(some, key=lambda item: -item[1].median)
        words = [f"{w} {interval.text(s)} {result.best_for(kind, w)}" for w, s in some[:most]]
        return ", ".join([*words, f"and {len(some) - most} more"] if most and len(some) > most else words) or "none"

    lines = []
    for kind, verb, other in (("time", "slower", "faster"), ("memory", "larger", "smaller")):
        loses, undecided, wins = result.verdicts(kind)
        perhaps = listed(kind, [item for item in undecided if item[1].median > 1])
        lines.append(f"{result.ours} is {verb} than the best peer on {len(loses)} of {len(result.workloads)} "
                     f"workloads: {listed(kind, loses)}")
        lines.append(f"{result.ours} is perhaps {verb}, as the interval holds 1: {perhaps}")
        lines.append(f"{result.ours} is {other} than the best peer on {len(wins)}")
    return lines


def goals(result, best):
    """(what, value, limit)"""
    found = [(f"time, geometric mean against {best}", result.mean("time", best), 1.00)]
    if "mimalloc" in result.peers:
        found.append(("peak memory, geometric mean against mimalloc", result.mean("memory", "mimalloc"), 0.75))
    found.append((f"time, worst workload against {best}", result.worst("time", [best])[0], 1.5))
    found.append((f"peak memory, worst workload against {best}", result.worst("memory", [best])[0], 1.6))
    return found


def summary(result):
    """Lines on the ranking, the best peer, the workloads that are lost, and the goals."""
    if not result.peers:
        return []
    best = result.best()
    lines = [*ranking(result), f"best peer (lowest geometric mean of time): {best}"]
    everyone = "the best of all peers for that workload"
    for kind in KINDS:
        lines.append(f"{kind} against {everyone}, geometric mean: {result.mean_to_best(kind, result.workloads):.3f}")
        for what, peers in ((f"the best peer, {best}", [best]), (everyone, result.rivals)):
            ratio, workload, peer = result.worst(kind, peers)
            lines.append(f"worst {kind} against {what}: {ratio:.2f} on {workload} ({peer})")
    lines += losses(result)
    if best not in PEERS:  # two builds of ours: nothing was promised about them
        return lines
    tall = [w for w in result.workloads if "mimalloc" in result.peers
            and result.median["memory", w, "mimalloc"] >= 4096]
    if tall:  # below that, it is mostly the program and the libraries themselves that are resident
        lines.append(f"peak memory, geometric mean against mimalloc on the {len(tall)} workloads where mimalloc needs "
                     f"4 MiB or more: {result.mean('memory', 'mimalloc', tall):.3f}")
    lines.append("")
    lines += [f"goal {'met   ' if value <= limit else 'MISSED'} {what}: {value:.4f} (at most {limit:.2f})"
              for what, value, limit in goals(result, best)]
    return lines


def text(result):
    head, body = rows(result)
    width = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width[i]) if i == 0 else cell.rjust(width[i]) for i, cell in enumerate(row))
             for row in [head, *body]]
    return "\n".join([f"{len(result.rounds)} rounds; {result.ours} / peer within a round: median "
                      f"({interval.describe(len(result.rounds))})", *lines, "", *summary(result)])


def machine():
    info = Path("/proc/cpuinfo").read_text()
    cpu = re.search(r"model name\s*:\s*(.*)", info)
    cores = len(re.findall(r"^processor", info, re.M))
    return (f"{cpu[1] if cpu else platform.machine()}, {cores} cores, Linux {platform.release()}, {date.today()}, "
            f"load average {os.getloadavg()[1]:.1f}")


def markdown(result, command):
    head, body = rows(result)
    lines = [f"`{command}`", "", f"{machine()}. {len(result.rounds)} rounds; ratios are {result.ours} / peer within a "
             f"round: median ({interval.describe(len(result.rounds))}); below 1 is faster or smaller. The best peer is "
             "named for each workload.", "", "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in body]
    return "\n".join([*lines, "", *(f"- {line}" for line in summary(result) if line)]) + "\n"


def short(result):
    """The geometric means, the ranking and what is lost, for README.md."""
    columns = [(kind, peer) for kind in KINDS for peer in result.peers]
    head = ["", "time / best peer of each workload", *(f"{kind} / {peer}" for kind, peer in columns)]
    lines = [f"Ratios {result.ours} / peer, geometric means of {len(result.workloads)} workloads, medians of "
             f"{len(result.rounds)} paired rounds; below 1 is faster or smaller; in parentheses "
             f"{interval.describe(len(result.rounds))}.", "Command: `bench/report`; the whole "
             "table with its spread is in [docs/benchmarks.md](docs/benchmarks.md). "
             f"{machine()}.", "",
             "| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    synthetic = [w for w in result.workloads if w in WORKLOADS]
    real = [w for w in result.workloads if w not in WORKLOADS]
    for what, some in (("synthetic", synthetic), ("programs", real), ("all", result.workloads)):
        if some:
            means = [result.mean_to_best("time", some), *(result.mean(kind, peer, some) for kind, peer in columns)]
            lines.append(f"| {what} | " + " | ".join(f"{mean:.2f}" for mean in means) + " |")
    lines.append("")
    lines += [f"- {line}" for line in [*ranking(result), *losses(result, 10)]]
    missed = "; ".join(f"{what}: {value:.2f}, not {limit:.2f}"
                       for what, value, limit in goals(result, result.best()) if value > limit)
    lines += ["", f"Goals that were missed: {missed or 'none'}. On memory: "
              "[decision 0015](docs/decisions/0015-memory-goal.md)."]
    return "\n".join(lines)
