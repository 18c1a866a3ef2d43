"""words: nothing of the machine that the project is written on: no absolute path of a home or work folder, no folder
beside the repository, no host of a package registry."""
import re

from .tree import line_of

# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = (
    (r"\.\./" + "shared", "a folder outside the repository"),
    (r"(?<![\w.~-])/" + r"(?:work|root)(?:/|\b)(?![\w-])", "a path of one machine"),
    ("/tmp/" + r"capalloc-notes|/tmp/" + "house", "a path of one machine"),
    (r"\b(?:pypi\.org|files\.pythonhosted|registry\.npm|static\.crates|index\.crates|proxy\.golang)", "a registry host"),
    (r"\b(?:deb|security|ftp)\." + r"debian\.org|archive\.ubuntu", "a registry host"),
    (r"https?://(?:localhost|127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)", "a private host"),
)


def check(tree, write=False):
    own = {"tools/checks/words.py"}
    for path in tree.files:
        if str(path) in own:
            continue
        text = tree.read(path)
        for pattern, reason in FORBIDDEN:
            for match in re.finditer(pattern, text):
                yield f"{path}:{line_of(text, match.start())}: `{match[0]}`: {reason}"
