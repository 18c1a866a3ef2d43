"""From runs to ratios, and from ratios to text: the table, the summary, the goals."""
import math
import platform
import re
import statistics
from datetime import date
from pathlib import Path

from allocators import PEERS
from workloads import WORKLOADS


def geomean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


class Result:
    """ratio[kind][peer][workload] = ratios of the first allocator to peer, one a round."""

    def __init__(self, runs, workloads, names, clock="wall"):
        self.workloads, self.ours, self.peers = workloads, names[0], names[1:]
        value = {}
        for number, workload, name, ns, cpu_ns, kib in runs:
            value["time", workload, name, number] = ns if clock == "wall" else cpu_ns
            value["memory", workload, name, number] = kib
        rounds = sorted({number for number, *_ in runs})
        self.median = {(kind, w, name): statistics.median(value[kind, w, name, i] for i in rounds)
                       for kind in ("time", "memory") for w in workloads for name in names}
        self.ratio = {kind: {peer: {w: [value[kind, w, self.ours, i] / value[kind, w, peer, i] for i in rounds]
                                    for w in workloads} for peer in self.peers} for kind in ("time", "memory")}

    def middle(self, kind, peer, workload):
        return statistics.median(self.ratio[kind][peer][workload])

    def mean(self, kind, peer, workloads=None):
        return geomean([self.middle(kind, peer, w) for w in workloads or self.workloads])

    def best(self):
        """The peer with the lowest geometric mean of time: the one ours looks worst against. Other builds of ours
        among the peers do not count, unless there is nothing else."""
        rivals = [peer for peer in self.peers if peer in PEERS] or self.peers
        return max(rivals, key=lambda peer: self.mean("time", peer))

    def worst(self, kind, peers):
        """(ratio, workload, peer) of the workload where ours is worst against the best of peers for that workload."""
        return max((max((self.middle(kind, peer, w), w, peer) for peer in peers) for w in self.workloads))


def duration(ns):
    return f"{ns / 1e6:.0f} ms" if ns >= 1e7 else f"{ns / 1e6:.2f} ms"


def rows(result):
    """The table: a heading and rows of cells; the last rows hold the geometric means."""
    head = ["workload", "time", "peak MiB", *(f"time/{p}" for p in result.peers), *(f"mem/{p}" for p in result.peers)]
    body = []
    for w in result.workloads:
        row = [w, duration(result.median["time", w, result.ours]),
               f"{result.median['memory', w, result.ours] / 1024:.1f}"]
        for peer in result.peers:
            ratios = result.ratio["time"][peer][w]
            row.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
        body.append(row + [f"{result.middle('memory', peer, w):.2f}" for peer in result.peers])
    synthetic = [w for w in result.workloads if w in WORKLOADS]
    real = [w for w in result.workloads if w not in WORKLOADS]
    for what, some in (("synthetic", synthetic), ("programs", real), ("geometric mean", result.workloads)):
        if some and result.peers and (what == "geometric mean" or synthetic and real):
            body.append([what, "", "", *(f"{result.mean(kind, p, some):.3f}" for kind in ("time", "memory")
                                         for p in result.peers)])
    return head, body


def summary(result):
    """Lines on the best peer, the worst workloads, and the goals."""
    if not result.peers:
        return []
    best = result.best()
    lines = [f"best peer (lowest geometric mean of time): {best}"]
    everyone = "the best of all peers for that workload"
    for kind in ("time", "memory"):
        for what, peers in ((f"the best peer, {best}", [best]), (everyone, result.peers)):
            ratio, workload, peer = result.worst(kind, peers)
            lines.append(f"worst {kind} against {what}: {ratio:.2f} on {workload} ({peer})")
    if best not in PEERS:  # two builds of ours: nothing was promised about them
        return lines
    tall = [w for w in result.workloads if "mimalloc" in result.peers
            and result.median["memory", w, "mimalloc"] >= 4096]
    if tall:  # below that, it is mostly the program and the libraries themselves that are resident
        lines.append(f"peak memory, geometric mean against mimalloc on the {len(tall)} workloads where mimalloc needs "
                     f"4 MiB or more: {result.mean('memory', 'mimalloc', tall):.3f}")
    goals = [(f"time, geometric mean against {best}", result.mean("time", best), 1.00)]
    if "mimalloc" in result.peers:
        goals.append(("peak memory, geometric mean against mimalloc", result.mean("memory", "mimalloc"), 0.75))
    goals.append((f"time, worst workload against {best}", result.worst("time", [best])[0], 1.5))
    goals.append((f"peak memory, worst workload against {best}", result.worst("memory", [best])[0], 1.6))
    lines.append("")
    lines += [f"goal {'met   ' if value <= limit else 'MISSED'} {what}: {value:.4f} (at most {limit:.2f})"
              for what, value, limit in goals]
    return lines


def text(result):
    head, body = rows(result)
    width = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width[i]) if i == 0 else cell.rjust(width[i]) for i, cell in enumerate(row))
             for row in [head, *body]]
    return "\n".join([*lines, "", *summary(result)])


def machine():
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    cores = len(re.findall(r"^processor", Path("/proc/cpuinfo").read_text(), re.M))
    return f"{cpu[1] if cpu else platform.machine()}, {cores} cores, Linux {platform.release()}, {date.today()}"


def markdown(result, command, rounds):
    head, body = rows(result)
    lines = [f"`{command}`", "", f"{machine()}. {rounds} rounds; ratios are {result.ours} / peer within a round: "
             "median (lowest-highest); below 1 is faster or smaller.", "", "| " + " | ".join(head) + " |",
             "|---" + "|---:" * (len(head) - 1) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in body]
    return "\n".join([*lines, "", *(f"- {line}" for line in summary(result) if line)]) + "\n"
