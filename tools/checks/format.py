"""format: C and C++ look as .clang-format says. --write rewrites them."""
import re
import subprocess


def check(tree, write=False):
    files = [str(path) for path in tree.c_files() if path.suffix != ".def"]
    if not files:
        return
    command = ["clang-format", "-i"] if write else ["clang-format", "--dry-run", "--ferror-limit=1"]
    try:
        result = subprocess.run(command + files, cwd=tree.root, capture_output=True, text=True)
    except FileNotFoundError:
        yield ".clang-format:1: clang-format is not installed: make deps"
        return
    if result.returncode:
        yield f".clang-format:1: {result.stderr.strip()}"
    for match in re.finditer(r"^(\S+?):(\d+):\d+: (?:warning|error): code should be", result.stderr, re.MULTILINE):
        yield f"{match[1]}:{match[2]}: not formatted: make format"
