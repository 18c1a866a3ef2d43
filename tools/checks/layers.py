"""layers: a file in src/<layer>/ includes only its own layer and those to its left; the public headers include only
each other. The order is the architecture: what is to the left never learns of what is to the right."""
import re

from .tree import c_without, line_of

LAYERS = ("base", "os", "core", "cap", "estate", "heap", "api", "kit", "malloc", "run")

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]*)"|<([^>\n]*)>)', re.MULTILINE)


def check(tree, write=False):
    for path in tree.c_files("src", "include"):
        text = c_without(tree.read(path), comments=True)
        for match in INCLUDE.finditer(text):
            problem = judge(tree, path, match[1], match[2])
            if problem:
                yield f"{path}:{line_of(text, match.start(1) if match[1] else match.start(2))}: {problem}"


def judge(tree, path, quoted, angled):
    if path.parts[0] == "include":
        if quoted is not None:
            return f'public headers include each other as <capalloc/NAME.h>, not "{quoted}"'
        if angled.startswith("capalloc/") and tree.root.joinpath("include", angled).is_file() is False:
            return f"<{angled}> does not exist"
        return None
    layer = path.parts[1]
    if layer not in LAYERS:
        return f"src/{layer} is not a layer; the layers are {' <- '.join(LAYERS)}"
    if quoted is None:
        return f"<{angled}> does not exist" if (
            angled.startswith("capalloc/") and not tree.root.joinpath("include", angled).is_file()) else None
    target = quoted.split("/")[0]
    if "/" not in quoted or target not in LAYERS:
        return f'"{quoted}" must be written relative to src/, as "LAYER/FILE"'
    if LAYERS.index(target) > LAYERS.index(layer):
        return f'"{quoted}": layer {layer} may not know layer {target} ({" <- ".join(LAYERS)})'
    if quoted.endswith(".c"):
        return f'"{quoted}": a source file is not included'
    return None
