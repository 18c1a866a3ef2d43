"""Reads a public header as a manual does: the opening comment, and the groups behind it. A group is a comment and the
declarations and macros that follow it line by line. What C++ sees instead of C, names that end with an underscore, and
what has no comment stay out."""
import dataclasses
import re

COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
DEFINE = re.compile(r"#define (\w+)(\([^)]*\))?(?:[^\n\\]|\\\n|\\.)*")
INTERNAL_LINE = re.compile(r"CA_\w+_\([^\n]*\)\n")
PREFIX = re.compile(r"\s*(?:static\b|inline\b|CA_[A-Z_]+_\b(?:\([^()]*\))?|__attribute__\s*\(\(.*?\)\)\)?|template <[^>]*>(?= static))\s*")
LEAD = re.compile(r"((?:[\w]+ \*?)?(?:ca|CA)_\w+\([^)]*\)): ")


@dataclasses.dataclass
class Item:
    kind: str  # function, macro, type
    name: str  # of an enum without one, its values
    text: str  # a prototype, NAME(parameters), or the whole of a type


@dataclasses.dataclass
class Group:
    lines: list  # of the comment
    items: list
    lead: str = ""  # NAME(arguments), the generic form that the comment begins with


@dataclasses.dataclass
class Header:
    name: str
    lines: list
    groups: list

    def names(self):
        """What a reader may look for: (name, kind)."""
        for group in self.groups:
            if group.lead:
                yield re.search(r"(\w+)\(", group.lead)[1], "macro"
            for item in group.items:
                for name in item.name.split(", "):
                    yield name, item.kind


def comment_lines(comment):
    """The text of a comment, without what makes it one."""
    return [re.sub(r"^ ?\* ?", "", line).rstrip() if number else line.strip()
            for number, line in enumerate(comment.strip().split("\n"))]


def for_c(text):
    """Without directives and the branches that C, or a compiler of today, does not take. Lines vanish, so that what
    stands before and behind them stays together."""
    kept, taken = [], []
    for line in text.split("\n"):
        directive = re.match(r"#\s*(ifdef|ifndef|if|elif|else|endif|include|undef)\b(.*)", line)
        if directive is None:
            if all(taken) and "clang-format o" not in line:
                kept.append(line)
        elif directive[1] in ("if", "ifdef", "ifndef"):
            taken.append(directive[2].strip() != "__cplusplus" or directive[1] == "ifndef")
        elif directive[1] == "else":
            taken[-1] = not taken[-1]
        elif directive[1] == "elif":
            taken[-1] = False
        elif directive[1] == "endif":
            taken.pop()
    return "\n".join(kept)


def end_of_declaration(text, start):
    """(end, where the body of a function begins or end). Comments are not in the way: they hold no unpaired brackets."""
    depth, body = 0, None
    blanked = COMMENT.sub(lambda match: " " * len(match[0]), text)
    for at in range(start, len(text)):
        if blanked[at] in "{(":
            if blanked[at] == "{" and depth == 0 and re.search(r"\)(\s|\w)*(\s: .*)?$", blanked[start:at], re.DOTALL):
                body = at
            depth += 1
        elif blanked[at] in "})":
            depth -= 1
            if depth == 0 and body is not None and blanked[at] == "}":
                return at + 1, body
        elif blanked[at] == ";" and depth == 0:
            return at + 1, at
    return len(text), len(text)


def item_of(text, head):
    """A declaration as it stands, and without the body of an inline function."""
    if re.match(r"(typedef|enum|struct|template <[^>]*> (class|struct))\b", text):
        name = re.search(r"\(\*(\w+)\)", text) if text.startswith("typedef") and "{" not in text else None
        name = name or re.search(r"(\w+);$", text)
        values = re.findall(r"(?<=[{,])\s*([A-Z]\w+)", COMMENT.sub("", text))
        values = [value for value in values if not value.endswith("_")] or ["CA_"]
        return Item("type", name[1] if name else ", ".join(values), text)
    while PREFIX.match(head):
        head = head[PREFIX.match(head).end():]
    head = re.sub(r"\s+: .*", "", " ".join(head.split()))
    head = re.sub(r"\((\w+)\)\(", r"\1(", head)  # a name in brackets, so that it is not taken for the macro
    name = re.search(r"(operator\s?[^\s(]+|~?\w+)\(", head)
    return Item("function", name[1], head.rstrip(";") + ";") if name else None


def groups_of(text):
    at, group, last_end = 0, None, 0
    while True:
        gap = re.compile(r"\s*").match(text, at)
        at = gap.end()
        if at >= len(text):
            return
        apart = text.count("\n", last_end, at) > 1
        if match := COMMENT.match(text, at):
            same_line = "\n" not in text[last_end:at] and last_end > 0
            last_end = at = match.end()
            if not same_line:
                group = Group(comment_lines(match[1]), [])
                yield group
            continue
        if match := INTERNAL_LINE.match(text, at):
            last_end = at = match.end() - 1
            continue
        if text[at] in "}":
            at += 1
            continue
        if match := DEFINE.match(text, at):
            item = Item("macro", match[1], match[1] + (match[2] or ""))
            last_end = at = match.end()
        else:
            end, body = end_of_declaration(text, at)
            item = item_of(text[at:end], text[at:body])
            last_end = at = end
        if group is None or apart:
            group = None
        elif item and not item.name.endswith("_"):
            group.items.append(item)


def read(path):
    text = path.read_text()
    opening = COMMENT.match(text)
    rest = text[opening.end():]
    if path.suffix == ".hpp":  # the members of the class
        rest = re.search(r"\n  public:\n(.*?)\n  private:", rest, re.DOTALL)[1]
        rest = re.sub(r"^    ", "", rest, flags=re.MULTILINE)
    groups, known = [], set()
    for group in list(groups_of(for_c(rest))):
        # A macro in front of a function is that function.
        group.items = [item for item in group.items if item.kind != "macro" or item.name not in known]
        if not group.items:
            continue
        lead = LEAD.match(group.lines[0])
        if lead:
            group.lead = lead[1]
            sentence = group.lines[0][lead.end():]
            group.lines[0] = sentence[:1].upper() + sentence[1:] if not sentence.startswith("ca_") else sentence
            group.items = [item for item in group.items if item.text != lead[1] and item.kind != "macro"
                           or item.name not in lead[1]]
            known.add(re.search(r"(\w+)\(", group.lead)[1])
        known.update(item.name for item in group.items)
        groups.append(group)
    return Header(path.name, comment_lines(opening[1]), groups)
