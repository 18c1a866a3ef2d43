"""The files of the repository, and how to read C: shared by the checks."""
import functools
import os
import pathlib
import re
import subprocess

SKIPPED_FOLDERS = {".git", "build", "__pycache__", "node_modules", "target"}
C_SUFFIXES = {".c", ".h", ".cc", ".cpp", ".hpp", ".def"}


class Tree:
    def __init__(self, root, build=None):
        self.root = pathlib.Path(root).resolve()
        self.build = build  # a configured build, for the checks that ask the compiler

    @functools.cached_property
    def files(self):
        """Paths relative to the root, sorted: what git tracks or would add, or all files where git is not used."""
        if (self.root / ".git").exists():
            listed = subprocess.run(["git", "-C", str(self.root), "ls-files", "-coz", "--exclude-standard"],
                                    capture_output=True, check=True).stdout.decode().split("\0")
            names = [name for name in listed if name and (self.root / name).is_file()]
        else:
            names = []
            for folder, folders, found in os.walk(self.root):
                folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
                names += [str((pathlib.Path(folder) / name).relative_to(self.root)) for name in found]
        return sorted(pathlib.PurePosixPath(name) for name in names)

    @functools.cached_property
    def tracked(self):
        """Of those what git tracks, where it is used."""
        if not (self.root / ".git").exists():
            return self.files
        listed = subprocess.run(["git", "-C", str(self.root), "ls-files", "-cz"], capture_output=True, check=True).stdout
        names = set(listed.decode().split("\0"))
        return [path for path in self.files if str(path) in names]

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def c_files(self, *folders):
        """C and C++ files, below the named top-level folders or anywhere."""
        return [path for path in self.files
                if path.suffix in C_SUFFIXES and (not folders or path.parts[0] in folders)]


TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
""", re.VERBOSE | re.DOTALL)


def blank(text):
    """The same length and line breaks, everything else a space."""
    return re.sub(r"[^\n]", " ", text)


def c_without(text, comments=False, strings=False):
    """C with comments and string contents blanked; positions and lines stay."""
    def replace(match):
        if match["comment"] is not None:
            return blank(match[0]) if comments else match[0]
        return match[0][0] + blank(match[0][1:-1]) + match[0][-1] if strings else match[0]
    return TOKEN.sub(replace, text)


def c_code(text):
    """Only what the compiler proper sees: no comments, string contents or preprocessor lines; positions stay."""
    text = c_without(text, comments=True, strings=True)
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", lambda match: blank(match[0]), text, flags=re.MULTILINE)


def line_of(text, position):
    return text.count("\n", 0, position) + 1
