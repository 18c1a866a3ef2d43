"""Text as people write it in comments and help texts, made into man(7): paragraphs, examples, and lists of two columns."""
import re
import textwrap

CONTRACT = re.compile(r"\s*Contract:\s+[A-Z]\d+(?:(?:,|\s+to|\s+and)\s+[A-Z]\d+)*\.")
WIDTH = 72  # of what is not filled, in a terminal of 80 columns
GAP = re.compile(r"(?<=\S) {2,}(?=\S)")


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti").replace("'", "\\(aq")
    return "\\&" + text if text[:1] in ".'" or text.startswith("\\(aq") else text


class Writer:
    """references: what the name of a header file is replaced by."""

    def __init__(self, references=None):
        self.references = references or {}

    def words(self, text):
        """A paragraph: names bold, what stands in backticks or between stars italic."""
        text = escape(" ".join(text.split()))
        text = re.sub(r"`([^`]+)`", r"\\fI\1\\fR", text)
        text = re.sub(r"(?<![\w*])\*(\w+)\*(?!\w)", r"\\fI\1\\fR", text)
        text = re.sub(r"\b((?:ca|CA)_\w+|CAPALLOC_OPTIONS)", r"\\fB\1\\fR", text)
        text = re.sub(r"(?<![\w/])<?(?:capalloc/)?(\w+\.(?:hpp|h))\b>?",
                      lambda match: self.reference(match[1]) or match[0], text)
        text = re.sub(r"(^|(?<=[.)] ))((?:Errors|Provided|Cost):)", r"\\fB\2\\fR", text)
        # Names are not broken at the end of a line.
        return " ".join("\\%" + word if re.search(r"_|\\-|\w\.\w", word) else word for word in text.split(" "))

    def plain(self, text):
        """For NAME, where other programs read it: no fonts."""
        text = re.sub(r"\b(\w+\.(?:hpp|h))\b", lambda match: f"{self.references.get(match[1], match[1])}(3)", text)
        return escape(re.sub(r"(?<!\w)[*`](\w+)[*`](?!\w)", r"\1", text))

    def reference(self, header):
        page = self.references.get(header)
        return page and f"\\fB{page}\\fR(3)"

    def paragraphs(self, lines):
        """Comment lines without the rule numbers, which are about the repository."""
        text = CONTRACT.sub("", "\n".join(lines))
        for block in re.split(r"\n\s*\n", text):
            prose = []
            block = block.split("\n")
            while block:
                if re.match(r" {2,}\S", block[0]):
                    size = next((n for n, line in enumerate(block) if not line.startswith("  ")), len(block))
                    if prose:
                        yield from (".PP", self.words(" ".join(prose)))
                        prose = []
                    yield from self.indented(block[:size])
                    block = block[size:]
                else:
                    prose.append(block.pop(0))
            if "".join(prose).strip():
                # What a call fails with stands apart.
                for part in re.split(r"(?<=[.)]) (?=Errors: )", " ".join(" ".join(prose).split())):
                    yield from (".PP", self.words(part))

    def indented(self, lines):
        """An example or a table as it stands; two columns, such as options, as a list."""
        margin = min(len(line) - len(line.lstrip()) for line in lines)
        lines = [line[margin:] for line in lines]
        rows = [line for line in lines if line[0] != " "]
        gaps = [len(GAP.findall(line)) for line in rows]
        if max(gaps) > 1 or any(re.search(r"  (--|//) ", line) for line in rows) or 2 * gaps.count(1) <= len(rows):
            return [".PP", ".in +4n", ".EX", *map(escape, lines), ".EE", ".in"]
        out = []
        for line in lines:
            if line[0] != " ":
                tag, *body = GAP.split(line, 1)
                out += [".TP", f"\\fB{escape(tag)}\\fR", *(self.words(part) for part in body)]
            else:
                out.append(self.words(line))
        return out


def prototype(text):
    """Bold, with the names of parameters italic, in lines that fit a terminal."""
    if template := re.match(r"(template <.*?>)\s", text):
        return [f"\\fB{escape(template[1])}\\fR", *prototype(text[template.end():])]
    match = re.match(r"([^(]*\()(.*)(\).*)$", text)
    if not match or "(*" in text:
        return [f"\\fB{escape(text)}\\fR"]
    head, parameters, tail = match.groups()
    lines, indent = [head], min(len(head), 24)
    for number, parameter in enumerate(parameters.split(", ")):
        if len(lines[-1]) + len(parameter) > WIDTH and lines[-1].strip() and number:
            lines.append(" " * indent)
        lines[-1] += parameter + ", "
    lines[-1] = lines[-1][:-2] + tail
    def italic(line):
        line = escape(line.rstrip())
        return re.sub(r"(?<=[ *&(.])(\w+)(?=[,)])(?!\))", r"\\fI\1\\fB", line) if parameters not in ("void", "") else line
    return [f"\\fB{italic(line)}\\fR" for line in lines]


def narrow(text):
    """A type in lines that fit a terminal: a comment behind a member goes before it where there is no room."""
    text = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"\s*\n\s*(?:\*(?!/) ?)?", " ", match[0]), text, flags=re.DOTALL)
    wide = any(len(line) > WIDTH for line in text.split("\n"))
    for line in text.split("\n"):
        indent = line[:len(line) - len(line.lstrip())]
        code, _, comment = line.partition("/* ")
        if comment and (wide or not code.strip()):
            yield from wrapped(f"/* {comment}".replace(" */", "\0*/"), indent, " * ")
            line = code.rstrip()
        if line.strip() or not comment:
            yield from wrapped(re.sub("(?<!,) ", "\0", line.strip()), indent, " " * 8)


def wrapped(text, indent, more):
    """Lines of WIDTH; NUL is a space that is no place to break."""
    lines = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + more, break_long_words=False)
    return [line.replace("\0", " ") for line in lines] or [""]
