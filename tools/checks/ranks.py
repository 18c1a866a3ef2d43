"""ranks: the table of locks in docs/architecture.md is the enum of src/os/rank.h: the same names in the same order."""
import re

from .tree import line_of

ENUM = "src/os/rank.h"
TABLE = "docs/architecture.md"
RANK = re.compile(r"^    CAI_RANK_(\w+),", re.MULTILINE)
SECTION = re.compile(r"^## Locks\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (?!lock \|)([^|-][^|]*?) \|", re.MULTILINE)


def check(tree, write=False):
    if not (tree.root / ENUM).is_file():
        return
    ranks = [name.lower() for name in RANK.findall(tree.read(ENUM)) if name != "NONE"]
    text = tree.read(TABLE)
    section = SECTION.search(text)
    rows = ROW.findall(section[0]) if section else []
    if rows != ranks:
        yield (f"{TABLE}:{line_of(text, section.start()) if section else 1}: "
               f"the locks are {', '.join(rows)}; in {ENUM}: {', '.join(ranks)}")
