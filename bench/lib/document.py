"""Writes what was measured into a document, between the markers of its name."""
import re


def put(path, name, text):
    old = path.read_text()
    pattern = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.S)
    if not pattern.search(old):
        raise SystemExit(f"{path} has no markers {name}")
    path.write_text(pattern.sub(lambda found: f"{found[1]}{text.rstrip()}\n{found[2]}", old))
