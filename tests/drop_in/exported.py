"""exported.py LIBRARY OUTPUT: a row for each function that the library exports, for programs/cancel.cc to include.

    TYPED(name)   declared in a public header: what it takes is known from its type
    RAW(name)     declared nowhere: operator new and delete, token entry points, the C library's own names
"""
import pathlib
import re
import subprocess
import sys


def functions(library):
    table = subprocess.run(["readelf", "-W", "--dyn-syms", library], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r" FUNC +(?:GLOBAL|WEAK) +\w+ +(\w+) (\w+)", table)
    return sorted(name for section, name in rows if section != "UND")


if __name__ == "__main__":
    lines = [f"{'TYPED' if re.match('ca_|mall|dl|(__)?sig', name) else 'RAW'}({name})\n" for name in functions(sys.argv[1])]
    pathlib.Path(sys.argv[2]).write_text("".join(lines), encoding="utf-8")
