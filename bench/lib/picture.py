"""The table as a picture: a row per workload, a dot per peer, time on the left and peak memory on the right."""
import shutil
import subprocess
import sys
from pathlib import Path

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]  # told apart by colour-blind eyes too
SHAPES = [7, 5, 9, 13, 11, 15]

PANEL = """
set title "{title}" font ",15"
set xrange [{low}:{high}]
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead lc rgb "#404040" lw 1.5 back
plot {curves}
unset arrow 1
"""


def limits(result, kind):
    """A whole power of two on either side of all ratios; what lies beyond 16 is drawn at the edge."""
    every = [end for peer in result.peers for w in result.workloads for end in result.spread(kind, peer, w)]
    low, high = 0.5, 2
    while low > min(every) and low > 1 / 16:
        low /= 2
    while high < max(every) and high < 16:
        high *= 2
    return low / 1.05, high * 1.05


def draw(result, file):
    """Into an SVG, or a PNG if the file's name says so."""
    if not shutil.which("gnuplot"):
        print("left out: the picture, for want of gnuplot", file=sys.stderr)
        return
    script, panels = [], []
    names = [*result.workloads, "all"]
    for kind, title in (("time", "time"), ("memory", "peak memory")):
        low, high = limits(result, kind)
        curves = []
        for k, peer in enumerate(result.peers):
            script.append(f"${kind}{k} << end")
            for row, w in enumerate(names):
                dot = result.spread(kind, peer, w) if w != "all" else [result.mean(kind, peer)] * 3
                clip = [min(max(x, low * 1.02), high / 1.02) for x in dot]
                y = len(names) - row + (len(result.peers) / 2 - k - 0.5) * 0.19
                script.append(" ".join(f"{x:.4f}" for x in (clip[0], y, clip[1], clip[2])))
            script.append("end")
            curves.append(f"${kind}{k} using 1:2:3:4 with xerrorbars pt {SHAPES[k % 6]} ps 0.75 lw 1.4 "
                          f"lc rgb '{COLOURS[k % 6]}' title '{peer}'")
        panels.append(PANEL.format(title=f"{title}: {result.ours} / peer, left of 1 is better", low=low, high=high,
                                   curves=", ".join(curves)))
    ticks = ", ".join(f"'{w}' {len(names) - row}" for row, w in enumerate(names))
    height = 120 + 26 * len(names)
    terminal = "pngcairo" if Path(file).suffix == ".png" else "svg"
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    script.append(f"""
set terminal {terminal} size 1280,{height} font "sans,13" background rgb "white"
set output "{file}"
set multiplot layout 1,2
set logscale x 2
set yrange [0.4:{len(names) + 0.6}]
set ytics ({ticks}) noenhanced
set grid xtics ytics back lt 1 lw 1 lc rgb "#e4e4e4", lt 1 lw 1 lc rgb "#e4e4e4"
set tics nomirror
set xtics ("1/16" 0.0625, "1/8" 0.125, "1/4" 0.25, "1/2" 0.5, 1, 2, 4, 8, 16)
set border 3 lc rgb "#808080"
set tics textcolor rgb "black"
set key below samplen 1
set bars 0
""")
    done = subprocess.run(["gnuplot"], input="\n".join(script + panels), text=True, stderr=subprocess.PIPE)
    if done.returncode != 0:
        print(f"left out: the picture: {done.stderr.strip()}", file=sys.stderr)
