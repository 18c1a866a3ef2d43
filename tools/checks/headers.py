"""headers: in include/capalloc/*.h every declaration has a comment before it or at the end of its line. Declarations
that follow one another without an empty line form a group and share the comment of the first."""
import re

from .tree import TOKEN, blank, c_code, line_of


def declarations(text):
    """(start, end) of each declaration at file level, extern "C" braces apart."""
    code = c_code(text)
    code = re.sub(r'extern\s*"[^"]*"\s*\{', lambda match: blank(match[0]), code)
    depth, start = 0, None
    for match in re.finditer(r"[{}();]|[^\s{}();]+", code):
        sign = match[0]
        if sign == "}" and depth == 0:
            continue  # the end of extern "C"
        if start is None:
            if sign == ";":
                continue
            start = match.start()
        if sign in "{(":
            depth += 1
        elif sign in ")}":
            depth -= 1
            if sign == "}" and depth == 0 and function_body(code[start:match.end()]):
                yield start, match.end()
                start = None
        elif sign == ";" and depth == 0:
            yield start, match.end()
            start = None


def function_body(declaration):
    """An inline function ends with its brace; a struct, enum or initializer with the semicolon behind it."""
    return re.search(r"\)(?:\s+\w+)*\s*$", declaration[:declaration.index("{")]) is not None


def check(tree, write=False):
    for path in tree.c_files("include"):
        text = tree.read(path)
        comments = [match.span() for match in TOKEN.finditer(text) if match["comment"] is not None]
        documented_to = None
        for start, end in declarations(text):
            before = text[:start].rstrip()
            gap = text[len(before):start]
            line_end = text.find("\n", end)
            line_end = len(text) if line_end < 0 else line_end
            documented = (any(stop == len(before) for _, stop in comments) and gap.count("\n") <= 1
                          or any(end <= first < line_end for first, _ in comments)
                          or documented_to is not None and text[documented_to:start].count("\n") <= 1)
            documented_to = line_end if documented else None
            if not documented:
                first = text[start:end].split("\n")[0].strip()
                yield f"{path}:{line_of(text, start)}: no comment before `{first}`"
