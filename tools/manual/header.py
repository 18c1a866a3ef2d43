"""Reads a public header as a manual does: the opening comment, and the groups behind it. A group is a comment and the
declarations and macros that follow it line by line; a line that calls an internal macro is the functions that the macro
makes. What C++ sees instead of C, names that end with an underscore, names that are not the project's, and what has no
comment stay out. Of a header for C++ each class is a group, and what it has for everybody are groups behind it."""
import dataclasses
import re

COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
DEFINE = re.compile(r"#define (\w+)(\([^)]*\))?(?:[^\n\\]|\\\n|\\.)*")
CALL = re.compile(r"(CA_\w+_)\(")
QUALIFIER = re.compile(r"^#define (CA_\w+)(?: (?:static|inline|extern)\b)*$", re.MULTILINE)  # stands before a function
PROJECT = re.compile(r"(ca_|CA_)\w*[a-zA-Z0-9]$")
PREFIX = re.compile(r"\s*(?:static inline\b|inline\b|\[\[\w+\]\]|CA_[A-Z_]+_\b(?:\([^()]*\))?|__attribute__\s*\(\(.*?\)\)\)?)\s*")
CLASS = re.compile(r"(?:template <[^{;]*?>\s+)?(class|struct) (\w+)[^;{}()]*{")
LEAD = re.compile(r"((?:[\w]+ \*?)?(?:ca|CA)_\w+\([^)]*\)): ")


@dataclasses.dataclass
class Item:
    kind: str  # function, macro, type
    name: str  # of an enum without one, its values
    text: str  # a prototype, NAME(parameters), or the whole of a type
    values: tuple = ()  # of an enum with a name


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
                    if not self.name.endswith(".hpp") or name.startswith("ca::"):
                        yield name, item.kind
                for name in item.values:
                    yield name, "constant"


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
            if blanked[at] == "{" and depth == 0 and re.search(r"\)(\s|\w|&)*(\s: .*)?$", blanked[start:at], re.DOTALL):
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
    if alias := re.match(r"(?:template <[^>]*> )?using (\w+) = [^;]*;$", text):
        return Item("type", alias[1], text)
    if re.match(r"(typedef|enum|struct|class|template <[^>]*>\s+(class|struct))\b", text):
        name = re.search(r"\(\*(\w+)\)", text) if text.startswith("typedef") and "{" not in text else None
        name = name or re.search(r"(?:class|struct) (\w+)(?: final)?(?: : [^{]*)?;$", text) or re.search(r"(\w+);$", text)
        values = re.findall(r"(?<=[{,])\s*([A-Z]\w+)", COMMENT.sub("", text))
        values = [value for value in values if PROJECT.match(value) and not value.endswith("_MAKE_32_BITS")]
        named = tuple(values) if name and re.match(r"(typedef )?enum\b", text) else ()
        return Item("type", name[1] if name else ", ".join(values), text, named)
    while PREFIX.match(head):
        head = head[PREFIX.match(head).end():]
    head = re.sub(r"\s+: .*", "", " ".join(head.split()))
    head = re.sub(r"\((\w+)\)\(", r"\1(", head)  # a name in brackets, so that it is not taken for the macro
    name = re.search(r"(operator\s?[^\s(]+|~?\w+)\(", head)
    return Item("function", name[1], head.rstrip(";") + ";") if name else None


def end_of_call(text, at):
    """Behind the bracket that closes the one before `at`."""
    depth = 1
    while depth and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def made_by(macro, arguments):
    """The functions that a macro, (parameters, body), makes of its arguments."""
    parameters, body = macro
    values = re.split(r"\s*,\s*(?![^()]*\))", arguments.strip(), maxsplit=max(len(parameters) - 1, 0))
    body = body.replace("\\\n", "\n")
    for parameter, value in zip(parameters, values):
        name = "__VA_ARGS__" if parameter == "..." else parameter
        body = re.sub(rf"\b{name}\b", lambda _: value, body)
    body, at = re.sub(r"\s*##\s*", "", body).strip(), 0
    while at < len(body):
        end, start_of_body = end_of_declaration(body, at)
        item = item_of(body[at:end].strip(), body[at:start_of_body].strip())
        if item and item.kind == "function":
            yield item
        at = end


def groups_of(text, ours=PROJECT):
    at, group, last_end, macros = 0, None, 0, {}
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
        if match := CALL.match(text, at):
            last_end = at = end_of_call(text, match.end())
            group = None if apart else group
            if group and match[1] in macros:
                items = made_by(macros[match[1]], text[match.end():at - 1])
                group.items += [item for item in items if ours.match(item.name)]
            continue
        if text[at] in "}":
            at += 1
            continue
        if match := DEFINE.match(text, at):
            item = Item("macro", match[1], match[1] + (match[2] or ""))
            if match[2]:
                macros[match[1]] = re.findall(r"[\w.]+", match[2]), text[match.end(2):match.end()]
            last_end = at = match.end()
        else:
            end, body = end_of_declaration(text, at)
            item = item_of(text[at:end], text[at:body])
            last_end = at = end
        if group is None or apart:
            group = None
        elif item and all(ours.match(name) for name in item.name.split(", ")):
            group.items.append(item)


def classes_of(text):
    """(what stands before a class, and the class as a declaration; what it has for everybody), and what comes last."""
    blanked, at = COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text), 0
    for match in CLASS.finditer(blanked):
        if match.start() >= at:  # else it is in the one before
            end = end_of_declaration(text, match.start())[0]
            parts = re.split(r"\n  (public|protected|private):\n", text[match.end():end])
            everybodys = [part for access, part in zip(parts[1::2], parts[2::2]) if access == "public"]
            yield text[at:match.end() - 1].rstrip() + ";\n", re.sub(r"^    ", "", "\n".join(everybodys), flags=re.MULTILINE)
            at = end
    yield text[at:], ""


def groups_of_classes(text):
    """Those of a header for C++. What a class has in front of its first comment belongs to the class."""
    text = re.search(r"\nnamespace ca\n{\n(.*)\n} // namespace ca\n", for_c(text), re.DOTALL)[1]
    anybodys = re.compile(r".*[^_]$")
    for outside, inside in classes_of(re.sub(r"\bCA_NODISCARD_(TYPE_)? ", "", text)):
        group = None
        for group in list(groups_of(outside, anybodys)):
            # What is defined outside of its class was there before.
            group.items = [item for item in group.items if not re.search(r"::\w+\(", item.text)]
            for item in group.items:
                item.name = item.name if item.name.startswith("operator") else f"ca::{item.name}"
                item.text = re.sub(r"(struct \w+) : .*", r"\1;", item.text)
            yield group
        inside = list(groups_of(f"/* */\n{inside}", anybodys))
        if group:
            group.items += [item for item in inside[0].items if item.kind == "function"]
        yield from inside[1:]


def read(path):
    text = path.read_text()
    opening = COMMENT.match(text)
    rest, qualifiers = text[opening.end():], set(QUALIFIER.findall(text))
    for word in qualifiers:
        rest = re.sub(rf"^{word} ", "", rest, flags=re.MULTILINE)
    groups, known = [], set()
    for group in list(groups_of_classes(rest) if path.suffix == ".hpp" else groups_of(for_c(rest))):
        group.items = [item for item in group.items if item.name not in qualifiers]
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
