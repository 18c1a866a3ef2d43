"""size: C files below 500 lines, functions below 70, lines of at most 120 columns, and every file opens with a comment
that tells its idea."""
import re

from .tree import c_code, line_of

FILE_LINES = 500
FUNCTION_LINES = 70
COLUMNS = 120


def functions(text):
    """(name, first line, last line) of each function body. A body is a brace at file level, or inside extern "C" or a
    namespace, that a parameter list precedes; an initializer or a struct is not."""
    code = c_code(text)
    depth, body, start = 0, None, 0
    for match in re.finditer(r"[{};]", code):
        at, sign = match.start(), match[0]
        if sign == ";":
            if depth == 0:
                start = at + 1
            continue
        if sign == "{":
            head = code[start:at]
            if depth == 0 and re.match(r'\s*(extern\s*"\s*"|(inline\s+)?namespace\b[^;{}=()]*)\s*$', head):
                start = at + 1
                continue
            if depth == 0 and body is None and re.search(r"\)(?:\s+\w+)*\s*$", head) and "=" not in head.split("(")[0]:
                name = re.search(r"([\w:~]+)\s*\((?!\s*\()", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head, flags=re.S))
                body = (name[1] if name else "?", line_of(code, at))
            depth += 1
        elif depth == 0:
            start = at + 1  # the end of extern "C" or a namespace
        else:
            depth -= 1
            if depth == 0:
                if body:
                    yield body[0], body[1], line_of(code, at)
                body, start = None, at + 1


def check(tree, write=False):
    for path in tree.c_files():
        text = tree.read(path)
        lines = text.splitlines()
        if len(lines) >= FILE_LINES:
            yield f"{path}:{FILE_LINES}: {len(lines)} lines; the limit is below {FILE_LINES}: one idea per file"
        if not text.startswith(("/*", "//")):
            yield f"{path}:1: opens with no comment that tells its idea"
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                yield f"{path}:{number}: {len(line)} columns; the limit is {COLUMNS}"
        for name, first, last in functions(text):
            if last - first + 1 >= FUNCTION_LINES:
                yield f"{path}:{first}: {name} has {last - first + 1} lines; the limit is below {FUNCTION_LINES}"
