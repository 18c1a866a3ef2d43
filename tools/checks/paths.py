"""paths: a file that a document or a comment names exists. Read as names of files: relative links in Markdown, and in
Markdown and comments what begins with a top-level folder (src/..., tests/...) or a room of src (os/lock.h). The other way
round, docs/README.md, where there is one, links to every document beside and below it. And beside the top-level folders
stands nothing but what belongs there: what a script has left behind does not."""
import os
import re

from .layers import ROOMS
from .tree import TOKEN, line_of

INDEX = "docs/README.md"
TOP = ("src", "include", "tests", "tools", "docs", "bench", "examples", "cmake", "bindings", r"\.ci")
BESIDE = {"CHANGES.md", "CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md",
          "SECURITY.md"}
CITED = re.compile(r"(?<![\w./$<>{}~-])((?:" + "|".join(TOP) + r")/[\w./*-]*[\w/*])(?![\w<>{}$])")
IN_SRC = re.compile(r"(?<![\w./$<>{}-])((?:" + "|".join(ROOMS) + r")/\w+\.(?:c|h|def))(?!\w)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
HASH_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\n]*")
PLACEHOLDER = re.compile(r"NNNN|XXXX|\bNAME\b|\bFILE\b|\bLAYER\b")


def comments(path, text):
    """The parts of a file that people read, as (position, text)."""
    if path.suffix == ".md":
        return [(0, text)]
    if path.suffix in {".c", ".h", ".cc", ".cpp", ".hpp", ".def"}:
        return [(match.start(), match[0]) for match in TOKEN.finditer(text) if match["comment"] is not None]
    if path.suffix in {".py", ".cmake", ".sh", ".txt"} or path.name in {"Makefile", ".gitignore"} or text.startswith("#!"):
        return [(match.start(), match[0]) for match in HASH_COMMENT.finditer(text)]
    return []


def exists(tree, base, cited):
    cited = cited.rstrip("/")
    if "*" in cited:
        return any(base.glob(cited))
    return (base / cited).exists()


def not_linked(tree):
    """The documents that nobody finds."""
    if not (tree.root / INDEX).is_file():
        return
    linked = {os.path.normpath(f"docs/{match[1]}") for match in LINK.finditer(tree.read(INDEX))}
    for path in tree.files:
        if path.parts[0] == "docs" and path.suffix == ".md" and str(path) not in {INDEX, *linked}:
            yield f"{path}:1: {INDEX} has no link to it"


def left_behind(tree):
    for path in tree.tracked:
        if len(path.parts) == 1 and path.name[0] != "." and path.name not in BESIDE:
            yield f"{path}:1: stands in no folder, and is none of those that may"


def check(tree, write=False):
    yield from not_linked(tree)
    yield from left_behind(tree)
    for path in tree.files:
        if path.parts[:2] == ("tests", "tools") and path.suffix == ".py":
            continue  # cites bad trees on purpose
        text, seen = tree.read(path), set()
        for offset, part in comments(path, text):
            here = tree.root / path.parent
            bases = [(CITED, [tree.root, here]), (IN_SRC, [tree.root / "src", here])]
            if path.suffix == ".md":
                bases.append((LINK, [here]))
            for pattern, roots in bases:
                for match in pattern.finditer(part):
                    cited, at = match[1], offset + match.start(1)
                    if at in seen or re.match(r"[a-z]+:", cited) or PLACEHOLDER.search(cited):
                        continue
                    seen.add(at)
                    if not any(exists(tree, base, cited) for base in roots):
                        yield f"{path}:{line_of(text, at)}: {cited} does not exist"
