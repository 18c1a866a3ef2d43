#!/usr/bin/env python3
"""check_man.py DIR [DESCRIPTION]: the manual in DIR can be read. One line for each finding; exit status 77 without man.

Every page has a name of the project's, renders without a warning at 80 columns and has its sections; every link leads to
a page; and every function that the library exports (the symbols of abi/capalloc.abi), those for its own macros apart, and
every constant of an enum has one.
"""
import pathlib
import re
import shutil
import subprocess
import sys

SECTIONS = {"man1": ("NAME", "SYNOPSIS", "DESCRIPTION", "ENVIRONMENT", "EXIT STATUS", "FILES", "SEE ALSO"),
            "man3": ("NAME", "SYNOPSIS", "DESCRIPTION", "SEE ALSO")}
OURS = re.compile(r"man1/capalloc\.1|man3/(ca_|CA_|ca::|capalloc(_|\.))\w+(\.3)?$")
NAMED = re.compile(r"<elf-symbol name='(\w+)'|<enumerator name='(CA_\w+)'")


def check(folder, description=None):
    folder = pathlib.Path(folder)
    for path in sorted(folder.glob("man*/*")):
        text = path.read_text()
        if not OURS.match(f"{path.parent.name}/{path.name}"):
            yield f"{path.name}: not a name of the project's"
        if link := re.fullmatch(r"\.so (\S+)\n", text):
            if not (folder / link[1]).exists():
                yield f"{path.name}: leads to {link[1]}, which does not exist"
            continue
        result = subprocess.run(["man", "--warnings=w", "-E", "UTF-8", "-Tutf8", "-l", path], capture_output=True, text=True,
                                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
        for line in result.stderr.splitlines():
            yield f"{path.name}: {line}"
        page = re.sub(r"\x1b\[[\d;]*m|.\x08", "", result.stdout)
        for section in SECTIONS[path.parent.name]:
            if not re.search(rf"^{section}$", page, re.MULTILINE):
                yield f"{path.name}: has no section {section}"
        if "/*" in re.sub(r"^ {8,}.*$", "", page, flags=re.MULTILINE):
            yield f"{path.name}: a comment's delimiter in the text"
    if description:
        for name in map("".join, NAMED.findall(pathlib.Path(description).read_text())):
            if not name.endswith(("_", "_MAKE_32_BITS")) and not (folder / f"man3/{name}.3").exists():
                yield f"{name}: has no page"


if __name__ == "__main__":
    if not shutil.which("man"):
        print("skipped: man is not installed (Debian: man-db)")
        sys.exit(77)
    findings = list(check(*sys.argv[1:]))
    print("\n".join(findings) or "the manual can be read")
    sys.exit(1 if findings else 0)
